"""Decide the field of a column, by all of its values."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any

from djng.new.tables import Column, Source, Table, quoted

# Other words for an empty cell of a CSV file, where the other cells are numbers, dates or the like.
EMPTY = ("", "NA", "N/A", "#N/A", "NULL", "null", "None", "NaN", "nan", "\\N", "-")
BOOLEANS = "true/false yes/no y/n t/f on/off ja/nein wahr/falsch oui/non vrai/faux si/no"
IS_FLAG = re.compile(r"(is|has)_")
KEEPS_DIGITS = re.compile(
    r"(?i)phone|mobile|(^|_)(fax|zip|zip_?code|postal_?code|postcode|plz|isbn|ean|upc|ssn)(_|$)"
)
INTEGER = r"-?(0|[1-9]\d*)"
# How people write numbers: a pattern, the thousands separator and the decimal mark.
NUMBERS = (
    (rf"{INTEGER}|-?(0|[1-9]\d*)?\.\d+", "", "."),
    (rf"{INTEGER}(\.\d+)?|-?[1-9]\d{{0,2}}(,\d{{3}})+(\.\d+)?", ",", "."),
    (rf"{INTEGER}(,\d+)?", "", ","),
    (rf"{INTEGER}(,\d+)?|-?[1-9]\d{{0,2}}(\.\d{{3}})+(,\d+)?", ".", ","),
)
FLOAT = r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
DAY = r"\d{4}-\d\d-\d\d"
HOUR = r"\d\d:\d\d(:\d\d([.,]\d{1,6})?)?"
ISO = {
    "DateField": re.compile(DAY),
    "DateTimeField": re.compile(rf"{DAY}([T ]{HOUR}(Z|[+-]\d\d:?\d\d)?)?"),
    "TimeField": re.compile(HOUR),
}
# How Django writes them into SQLite.
STORED = {"DateField": DAY, "TimeField": r"\d\d:\d\d:\d\d(\.\d{6})?"}
STORED["DateTimeField"] = f"{DAY} {STORED['TimeField']}"
DATES: tuple[str, ...] = (
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%d %B %Y",
)
DATES += ("%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%m/%d/%y", "%d/%m/%y")
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
NO_VALUES = "A guess: there are no values."
EMAIL = r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+"
URL = r"https?://[^\s/]\S*"


class Values:
    """The values of a column as text, without those that say that a cell is empty."""

    def __init__(self, source: Source, table: Table, column: Column) -> None:
        self.source, self.table, self.column = source, table, column
        self.name = self.sql = quoted(column.source)
        words = EMPTY if source.is_csv else () if source.in_place else ("",)
        trimmed = f"trim({self.name}, char(9, 10, 13, 32, 160))"
        is_empty = f"{trimmed} IN ({', '.join(map(literal, words))})"
        what = f"max({trimmed} <> {self.name}), max({is_empty}), max({self.name} IS NULL)"
        is_padded, self.has_blank, self.has_null = next(source.select(what, table))
        if is_padded:  # the query would take long if it always trimmed
            self.sql = trimmed
        self.no_url = f"ifnull({self.name}, '') = '' OR {self.name} < 0"
        self.is_filled = f"{self.name} IS NOT NULL" + f" AND NOT {is_empty}" * bool(self.has_blank)

    def select(self, what: str = "{}", rest: str = "") -> Iterator[Any]:
        return self.source.select(
            what.format(self.sql), self.table, f"WHERE {self.is_filled} {rest}"
        )

    def fit(self, pattern: str) -> bool:
        return all(map(re.compile(pattern).fullmatch, self.select()))

    def parse(self, parser: Callable[[str], Any]) -> bool:
        try:
            return all(map(parser, self.select()))
        except (ValueError, OverflowError):
            return False


values_of = cache(Values)
literal = "'{}'".format


def decide_field(source: Source, table: Table, column: Column) -> None:
    """Give the column its field and the arguments, and the SQL that converts its values."""
    values = values_of(source, table, column)
    storage = {*source.select(f"DISTINCT typeof({values.name})", table)} - {"null"}
    if column.target:
        decide_foreign_key(values, column.target)
    elif not storage:
        decide_by_declaration(column)
    elif "blob" in storage:
        column.field, column.convert = "BinaryField", f"CAST({values.name} AS BLOB)"
    elif storage == {"text"}:
        decide_text(values)
    elif "text" in storage:
        use_text(values)
        column.note = f"SQLite has values of several types in it: {', '.join(sorted(storage))}."
    else:
        decide_stored_number(values, "real" in storage)
    if column not in table.key:
        allow_empty(values)
    elif any(source.select("1", table, f"WHERE {values.no_url} LIMIT 1")):
        table.is_unique = False  # no URL can name such a row


def allow_empty(values: Values) -> None:
    """Let the field be null, or blank if it is text, as far as its values are."""
    column = values.column
    is_null = bool(
        column.is_dangling or values.has_null or (values.has_blank and not column.is_text)
    )
    is_null |= column.nullable and not values.source.is_csv
    column.arguments += ["null=True"] * is_null
    where = f"WHERE trim({values.name}) = '' LIMIT 1"
    is_blank = is_null or any(values.source.select("1", values.table, where))
    column.arguments += ["blank=True"] * is_blank


def decide_foreign_key(values: Values, target: Table) -> None:
    column = values.column
    column.field = "OneToOneField" if values.table.key == [column] else "ForeignKey"
    action = column.on_delete if column.on_delete in ("CASCADE", "SET_NULL") else "PROTECT"
    action = "PROTECT" if action == "SET_NULL" and not column.nullable else action
    model = "self" if target is values.table else target.model
    column.arguments += [f'"{model}"', f"models.{action}"]
    column.convert = "{}" if values.source.is_csv else ""
    if missing := count_missing(values, target):
        column.is_dangling = True
        column.arguments.append("db_constraint=False")
        column.note = f"Some values belong to no {target.model}: {missing:,}."


def count_missing(values: Values, target: Table) -> int:
    """How many of the values are no key of the other table."""
    key = quoted(target.key[0].source)
    keys = f"SELECT {key} FROM {quoted(target.source)} WHERE {key} IS NOT NULL"  # noqa: S608
    return int(next(values.select("count(*)", f"AND {values.sql} NOT IN ({keys})")))


def decide_by_declaration(column: Column) -> None:
    """The field of a column without values: by its declared type, as SQLite reads that."""
    kinds = {"INT": "BigIntegerField", "BOOL": "BooleanField", "BLOB": "BinaryField"}
    kinds |= {"DATETIME": "DateTimeField", "TIMESTAMP": "DateTimeField", "DATE": "DateField"}
    kinds |= {"REAL": "FloatField", "FLOA": "FloatField", "DOUB": "FloatField"}
    column.field = next((kinds[kind] for kind in kinds if kind in column.declared), "TextField")
    column.note = "" if column.declared else NO_VALUES


def decide_stored_number(values: Values, is_real: bool) -> None:
    """The field of a column that holds SQLite's own numbers."""
    column = values.column
    low, high = next(values.source.select(f"min({values.name}), max({values.name})", values.table))
    if decimal := re.match(r"(?:DEC|NUM|MONEY)[^,]*(?:,\s*(\d+))?", column.declared):
        whole, places = sizes(values)
        if use_decimal(column, whole, max(places, int(decimal[1] or 0))):
            return
    is_flag = "BOOL" in column.declared or IS_FLAG.match(column.name)
    if is_real:
        column.field = "FloatField"
    elif is_flag and {low, high} <= {0, 1}:
        column.field = "BooleanField"
    else:
        column.field = "IntegerField" if -(2**31) <= low <= high < 2**31 else "BigIntegerField"


def decide_text(values: Values) -> None:
    """The field of a column of text: what every value can be read as."""
    column, is_csv = values.column, values.source.is_csv
    if not any(values.select("1", "LIMIT 1")):
        column.note = NO_VALUES
    else:
        is_number = is_csv and not KEEPS_DIGITS.search(column.name)
        deciders = [decide_boolean] * (not values.source.in_place) + [decide_number] * is_number
        any(decide(values) for decide in [*deciders, decide_time, decide_address])
    if not column.field:
        use_text(values)


def decide_boolean(values: Values) -> bool:
    words = {*values.select("DISTINCT lower({})", "LIMIT 3")}
    pairs = [tuple(pair.split("/")) for pair in BOOLEANS.split()]
    if words <= {*pairs[0]}:
        words = {*pairs[0]}
    yes = next((yes for yes, no in pairs if words == {yes, no}), None)
    if yes:
        values.column.field = "BooleanField"
        values.column.convert = f"lower({{}}) = '{yes}'"
    return bool(yes)


def decide_number(values: Values) -> bool:
    """A number, if it is clear how to read it and Django's field keeps it exactly."""
    column = values.column
    fitting = [each for each in NUMBERS[:1] if values.fit(each[0])]
    fitting = fitting or [each for each in NUMBERS[1:] if values.fit(each[0])]
    if not fitting:
        return values.fit(FLOAT) and use_float(column)
    if {*NUMBERS[1:3]} <= {*fitting}:
        column.note = "Text, since 1,234 may be 1234 or 1.234."
        return False
    _, thousands, mark = fitting[0]
    column.convert = f"replace(replace({{}}, '{thousands}', ''), '{mark}', '.')"
    whole, places = sizes(values)
    if not places and whole <= 18:
        column.field = "IntegerField" if whole <= 9 else "BigIntegerField"
        if IS_FLAG.match(column.name) and {*values.select("DISTINCT {}", "LIMIT 3")} <= {"0", "1"}:
            column.field, column.note = "BooleanField", "A guess: 1 is true."
    elif not (places and use_decimal(column, whole, places)):
        if places and all(repr(float(value)) == value for value in values.select()):
            return use_float(column)
        column.convert, column.note = "", "Text, since a number would lose digits."
    return bool(column.field)


def use_float(column: Column) -> bool:
    column.field, column.convert = "FloatField", "{}"
    return True


def use_decimal(column: Column, whole: int, places: int) -> bool:
    """Use a decimal field, unless SQLite would round the values: it keeps 15 digits."""
    if whole + places <= 15:
        digits = 10 if whole + places <= 8 else 15
        column.field = "DecimalField"
        column.arguments += [f"max_digits={digits}", f"decimal_places={places}"]
    return bool(column.field)


def sizes(values: Values) -> tuple[int, int]:
    """The most digits that the numbers have before and after the point."""
    number = f"ltrim({(values.column.convert or '{}').format(values.sql)}, '-')"
    point = f"instr({number} || '.', '.')"
    what = f"max({point} - 1), max(length({number}) - {point}), max(instr({number}, 'e'))"
    whole, places, is_exponential = next(values.select(what))
    return whole, 99 if is_exponential else max(places, 0)


def decide_time(values: Values) -> bool:
    """A date, a date and time or a time: by the first way of writing that fits all values."""
    patterns = [(field, "") for field in ISO]
    if not values.source.in_place:
        patterns += [("DateField", day) for day in DATES]
        patterns += [("DateTimeField", f"{day} {hour}") for day in DATES for hour in TIMES]
        patterns += [("TimeField", hour) for hour in TIMES]
    fitting = [each for each in patterns if values.parse(partial(parse_time, *each))]
    if fitting:
        (field, pattern), *others = fitting
        values.column.field = field
        if pattern or not values.fit(STORED[field]):
            values.column.convert = f"parse_time('{field}', '{pattern}', {{}})"
        else:
            values.column.convert = "{}"
        if pattern.startswith("%m/%d/") and others:
            values.column.note = "A guess: the month comes first, then the day."
    return bool(fitting)


def parse_time(field: str, pattern: str, text: str) -> str:
    """The text as Django writes it into SQLite. Without a pattern, it is in ISO 8601."""
    if pattern:
        found = strptime(text, pattern)
    elif not ISO[field].fullmatch(text):
        raise ValueError
    else:
        day = "0001-01-01 " if field == "TimeField" else ""
        found = datetime.fromisoformat(day + text.replace(",", "."))
    if found.tzinfo:
        found = found.astimezone(UTC).replace(tzinfo=None)
    kinds = {"DateField": found.date, "TimeField": found.time}
    return str(kinds[field]() if field in kinds else found)


strptime = lru_cache(1 << 16)(datetime.strptime)  # it is slow, and most days come often


def decide_address(values: Values) -> bool:
    for field, pattern, default in (("EmailField", EMAIL, 254), ("URLField", URL, 200)):
        if values.fit(pattern) and (longest := next(values.select("max(length({}))"))) <= 1000:
            values.column.field = field
            values.column.arguments += [f"max_length={longest}"] * (longest > default)
            return True
    return False


def use_text(values: Values) -> None:
    column = values.column
    what = f"max(length({values.name})), max(instr({values.name}, char(10)))"
    longest, breaks = next(values.source.select(what, values.table))
    if longest > 255 or breaks or (values.column.declared == "TEXT" and longest > 100):
        column.field = "TextField"
        return
    declared = re.search(r"CHAR\D*\((\d+)\)", column.declared)
    room = [int(declared[1])] if declared else []
    size = next(each for each in [*room, 50, 100, 200, 255] if each >= (longest or 101))
    column.field = "CharField"
    column.arguments.append(f"max_length={size}")
