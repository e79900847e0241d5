"""Lay out text: calls that fit into a line, and statements with blank lines between them."""

import io
import re
import tokenize
from collections.abc import Iterable

from djng.eject.source import Statement

WIDTH = 88


def call(function: str, arguments: Iterable[str], indent: int = 0, before: str = "") -> str:
    """A call on one line if it fits, else with its arguments on lines of their own."""
    given = [each for each in arguments if each]
    line = f"{function}({', '.join(given)})"
    if "\n" not in line and indent + len(before) + len(line) <= WIDTH:
        return line
    if len(given) == 1 and "\n" in given[0]:
        return line
    inner = "".join(f"{shifted(each, 4)},\n" for each in given)
    return (
        f"{function}(\n"
        + shifted(inner.rstrip("\n"), indent, first=True)
        + "\n"
        + " " * indent
        + ")"
    )


def shifted(text: str, width: int, *, first: bool = True) -> str:
    """The text with its lines moved to the right, except inside strings."""
    inside = lines_inside_strings(text)
    lines = text.split("\n")
    return "\n".join(
        " " * width + line if line and number not in inside and (first or number) else line
        for number, line in enumerate(lines)
    )


def lines_inside_strings(text: str) -> set[int]:
    """The numbers of the lines that begin inside a string of several lines."""
    found, start = set[int](), 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"(\n{text}\n)").readline):
            if token.type in STRING_STARTS:
                start = start or token.start[0]
            if token.type in STRING_ENDS and start:
                found.update(range(start - 1, token.end[0] - 1))
                start = 0
    except tokenize.TokenError:
        return set()
    return found


def token_types(*names: str) -> set[int]:
    return {tokenize.STRING, *(getattr(tokenize, name, -1) for name in names)}  # new in Python 3.12


STRING_STARTS = token_types("FSTRING_START", "TSTRING_START")
STRING_ENDS = token_types("FSTRING_END", "TSTRING_END")


def joined(parts: list[tuple[Statement | None, str]]) -> str:
    """The texts of a module; those without a statement were written here."""
    text = ""
    for number, (statement, part) in enumerate(parts):
        before, above = parts[number - 1] if number else (None, "")
        if is_definition(above) or is_definition(part):
            blank = 2
        elif before and statement and follows(before, statement):
            blank = min(statement.source.text(before.end, statement.start).count("\n"), 2)
        else:
            blank = 1
        text += "\n" * (blank + 1) * bool(text) + part.strip("\n")
    return text


def follows(before: Statement, statement: Statement) -> bool:
    """Whether the statements stand together in the file."""
    return not statement.source.text(before.end, statement.start).strip()


def is_definition(text: str) -> bool:
    return bool(re.match(r"(#.*\n|\s)*(@|class |def |async def )", text))
