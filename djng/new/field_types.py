"""Decide the field of a column, by all of its values."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator

from djng.new.tables import Column, quoted

BOOLEANS = "true/false yes/no y/n t/f on/off ja/nein wahr/falsch oui/non vrai/faux si/no"
IS_FLAG = re.compile(r"(is|has)_")
KEEPS_DIGITS = re.compile(
    r"(?i)phone|mobile|(^|_)(fax|zip|zip_?code|postal_?code|postcode|plz|isbn|ean|upc|ssn)(_|$)"
)
IS_DECIMAL = re.compile(r"(?:DEC|NUM|MONEY)[^,]*(?:,\s*(\d+))?")
HOUR = r"\d\d:\d\d(:\d\d([.,]\d{1,6})?)?"
ISO = {
    "DateField": re.compile(r"\d{4}-\d\d-\d\d"),
    "DateTimeField": re.compile(rf"\d{{4}}-\d\d-\d\d([T ]{HOUR}(Z|[+-]\d\d:?\d\d)?)?"),
    "TimeField": re.compile(HOUR),
}
DAYS = "%d.%m.%Y|%m/%d/%Y|%d/%m/%Y|%d-%m-%Y|%Y/%m/%d|%d %b %Y|%d %B %Y|%b %d, %Y|%B %d, %Y"
DATES = f"{DAYS}|%d-%b-%Y|%m/%d/%y|%d/%m/%y".split("|")
TIMES = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p"]
PATTERNS = {
    "DateField": DATES,
    "DateTimeField": [f"{day} {time}" for day in DATES for time in TIMES],
    "TimeField": TIMES,
}
NO_VALUES = "A guess: there are no values."
DECLARED = {
    **{"INT": "BigIntegerField", "BOOL": "BooleanField", "BLOB": "BinaryField"},
    **{"DATETIME": "DateTimeField", "TIMESTAMP": "DateTimeField", "DATE": "DateField"},
    **{"REAL": "FloatField", "FLOA": "FloatField", "DOUB": "FloatField"},
}
Parser = Callable[[str], Any]


def matching(pattern: str, thousands: str = "", mark: str = ".") -> Callable[[str], str]:
    """A function that returns a text with a decimal point, or raises ValueError."""
    match = re.compile(pattern).fullmatch

    def parse(text: str) -> str:
        if not match(text):
            raise ValueError(text)
        return text.replace(thousands, "").replace(mark, ".")

    return parse


def grouped(group: str, mark: str) -> Parser:
    """Numbers with a mark for decimals, and with or without another one for thousands."""
    whole = rf"-?[1-9]\d{{0,2}}(?:{re.escape(group)}\d{{3}})+"
    return matching(rf"(?:{WHOLE}|{whole})(?:{re.escape(mark)}\d+)?", group, mark)


WHOLE = r"-?(?:0|[1-9]\d*)"
PLAIN = matching(rf"{WHOLE}|-?(0|[1-9]\d*)?\.\d+")
ENGLISH = grouped(",", ".")
COMMA = matching(rf"{WHOLE}(,\d+)?", "", ",")
# 1.234,5 and, as French and Swiss spreadsheets write it, with spaces that do not break, and with '
NUMBERS = [
    ENGLISH,
    COMMA,
    *(grouped(*pair) for pair in (".,", "\u00a0,", "\u202f,", "'.", "\u2019.")),
]
FLOAT = matching(r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def parse_word(yes: str, no: str, text: str) -> bool:
    if text.lower() not in (yes, no):
        raise ValueError(text)
    return text.lower() == yes


@lru_cache(1 << 16)  # strptime is slow, and most days come often
def parse_time(field: str, pattern: str, text: str) -> str:
    """The text as Django writes it into SQLite. Without a pattern, it is in ISO 8601."""
    if pattern:
        found = datetime.strptime(text, pattern)
    elif not ISO[field].fullmatch(text):
        raise ValueError(text)
    else:
        day = "0001-01-01 " if field == "TimeField" else ""
        found = datetime.fromisoformat(day + text.replace(",", "."))
    if found.tzinfo:
        found = found.astimezone(UTC).replace(tzinfo=None)
    kinds = {"DateField": found.date, "TimeField": found.time}
    return str(kinds[field]() if field in kinds else found)


def validated(validate: Callable[[str], None]) -> Parser:
    """Texts that Django's forms accept: otherwise nobody could save the row again."""

    def parse(text: str) -> str:
        try:
            validate(text)
        except ValidationError as error:
            raise ValueError(text) from error
        return text

    return parse


# The fields that text may be read as, in this order. Django reads some of them as they are.
READABLE: list[tuple[str, Parser]] = [
    *((field, partial(parse_time, field, "")) for field in ISO),
    ("EmailField", validated(EmailValidator())),
    ("URLField", validated(URLValidator(["http", "https"]))),
]
KINDS: list[tuple[str, Parser]] = [
    *(("BooleanField", partial(parse_word, *pair.split("/"))) for pair in BOOLEANS.split()),
    *READABLE,
    *((field, partial(parse_time, field, each)) for field in PATTERNS for each in PATTERNS[field]),
]
SIZES = {"EmailField": 254, "URLField": 200}


def fits(column: Column, parse: Parser) -> bool:
    try:
        return all(True for _ in map(parse, column.values()))
    except (ValueError, OverflowError):
        return False


def use(column: Column, field: str, parse: Any = None, *arguments: str, note: str = "") -> bool:
    column.field, column.parse, column.note = field, parse, note or column.note
    column.arguments += arguments
    return True


def decide_field(column: Column) -> None:
    """Give the column its field and the arguments, and the function that converts its values."""
    storage = {*column.select("DISTINCT typeof({})")} - {"null"}
    is_decimal = IS_DECIMAL.match(column.declared)
    if column.target:
        use_foreign_key(column)
    elif not storage:
        if field := next((DECLARED[kind] for kind in DECLARED if kind in column.declared), ""):
            use(column, field)
        else:
            use_text(column)
        column.note = "" if column.declared else NO_VALUES
    elif "blob" in storage:
        use(column, "BinaryField", str.encode)
    elif storage == {"text"}:
        decide_text(column)
    elif "text" in storage:
        use_text(column)
        column.note = f"SQLite has values of several types in it: {', '.join(sorted(storage))}."
    elif not (("real" not in storage or is_decimal) and decide_number(column)):
        use(column, "FloatField")
    if column not in column.table.key:
        allow_empty(column)
    elif any(column.select("1", "ifnull({}, '') = '' OR {} < 0 LIMIT 1")):
        column.table.is_unique = False  # no URL can name such a row


def allow_empty(column: Column) -> None:
    """Let the field be null, or blank if it is text, as far as its values are."""
    words = column.table.source.empty if column.parse else ("",)
    has_blank = any(str(cell).strip() in words for cell in column.select(where="{} NOTNULL"))
    is_null = column.nullable or column.is_dangling or (has_blank and not column.is_text)
    is_null = is_null or any(column.select("1", "{} IS NULL LIMIT 1"))
    column.arguments += ["null=True"] * is_null + ["blank=True"] * (is_null or has_blank)


def use_foreign_key(column: Column) -> None:
    table, target, action = column.table, column.target, column.on_delete
    assert target  # noqa: S101
    if action not in ("CASCADE", "SET_NULL") or (action == "SET_NULL" and not column.nullable):
        action = "PROTECT"
    use(column, "OneToOneField" if table.key == [column] else "ForeignKey")
    column.arguments += [f'"{"self" if target is table else target.model}"', f"models.{action}"]
    column.parse = str if table.source.is_csv else None
    if missing := count_missing(column, target.key[0]):
        column.is_dangling = True
        column.arguments.append("db_constraint=False")
        column.note = f"Some values belong to no {target.model}: {missing:,}."


def count_missing(column: Column, key: Column) -> int:
    """How many of the values are none of those of the other column."""
    source, name = column.table.source, quoted(key.origin)
    cell = "trim({})" if source.is_csv else "{}"
    empty = ", ".join(map("'{}'".format, source.empty))
    keys = f"SELECT {name} FROM {quoted(key.table.origin)} WHERE {name} NOTNULL"  # noqa: S608
    where = f"{cell} NOTNULL AND {cell} NOT IN ({empty}) AND {cell} NOT IN ({keys})"
    return int(next(column.select("count(*)", where)))


def decide_text(column: Column) -> None:
    """The field of a column of text: what every value can be read as."""
    source = column.table.source
    is_number = source.is_csv and not KEEPS_DIGITS.search(column.name)
    kinds = READABLE if source.in_place else KINDS
    if not any(column.values()):
        use_text(column)
        column.note = NO_VALUES
    elif not (is_number and decide_number(column)) and not decide_kind(column, kinds):
        use_text(column)


def decide_kind(column: Column, kinds: list[tuple[str, Parser]]) -> bool:
    """The first kind that all values are of."""
    fitting = [(field, parse) for field, parse in kinds if fits(column, parse)]
    if not fitting:
        return False
    (field, parse), *others = fitting
    longest = max(map(len, column.values()))
    if longest > 1000 or (field == "BooleanField" and not has_both(column)):
        return False
    room = [f"max_length={longest}"] * (longest > SIZES.get(field, longest))
    is_guess = others and isinstance(parse, partial) and "%m/%d/" in parse.args[1]
    note = "A guess: the month comes first, then the day." if is_guess else ""
    return use(column, field, parse, *room, note=note)


def has_both(column: Column) -> bool:
    """Whether yes and no are in it. A column of NO alone may hold countries."""
    words = {*map(str.lower, column.values())}
    return len(words) == 2 or words <= {"true", "false"}


def decide_number(column: Column) -> bool:
    """A number, if it is clear how to read it and Django's field keeps it exactly."""
    fitting = [PLAIN] if fits(column, PLAIN) else [each for each in NUMBERS if fits(column, each)]
    if not fitting:
        return fits(column, FLOAT) and use(column, "FloatField", FLOAT)
    if fitting[:2] == [ENGLISH, COMMA]:
        column.note = "Text, since 1,234 may be 1234 or 1.234."
        return False
    parse, declared = fitting[0], IS_DECIMAL.match(column.declared)
    whole, places = count_digits(map(parse, column.values()))
    places = max(places, int((declared and declared[1]) or 0))
    if not places and (whole <= 18 or column.declared):
        return use_integer(column, parse, whole)
    if places and whole + places <= 15:  # SQLite keeps no more of them
        digits = f"max_digits={10 if whole + places <= 8 else 15}"
        return use(column, "DecimalField", parse, digits, f"decimal_places={places}")
    if places and all(repr(float(text)) == text for text in map(parse, column.values())):
        return use(column, "FloatField", parse)
    column.note = "Text, since a number would lose digits."
    return False


def count_digits(numbers: Iterable[str]) -> tuple[int, int]:
    """The most digits that the numbers have before and after the point."""
    whole = places = 0
    for number in numbers:
        before, _, after = number.lstrip("-").partition(".")
        whole, places = max(whole, len(before)), max(places, len(after))
    return whole, places


def use_integer(column: Column, parse: Parser, whole: int) -> bool:
    is_declared = "BOOL" in column.declared
    may_be_flag = is_declared or IS_FLAG.match(column.name)
    if may_be_flag and all(text in ("0", "1") for text in column.values()):
        note = "" if is_declared else "A guess: 1 is true."
        return use(column, "BooleanField", parse, note=note)
    return use(column, "IntegerField" if whole <= 9 else "BigIntegerField", parse)


def use_text(column: Column) -> None:
    longest, breaks = next(column.select("max(length({})), max(instr({}, char(10)))"))
    longest = longest or 101  # a guess, where all are empty
    if longest > 255 or breaks or (column.declared == "TEXT" and longest > 100):
        use(column, "TextField")
        return
    declared = re.search(r"CHAR\D*\((\d+)\)", column.declared)
    room = [int(declared[1])] if declared else []
    size = next(each for each in [*room, 50, 100, 200, 255] if each >= longest)
    use(column, "CharField", None, f"max_length={size}")
