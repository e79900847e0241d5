"""Lay out text: calls, values, and statements with blank lines between them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine

from djng.eject.source import Statement

FILES = Path(__file__).with_name("files")
WIDTH = 88
Part = Statement | str  # one of the file, or one that is written here


def call(function: str, arguments: Iterable[str], indent: int = 0) -> str:
    """A call on one line if it fits there, else with its arguments on lines of their own."""
    given = [each for each in arguments if each]
    line = f"{function}({', '.join(given)})"
    if indent + len(line) <= WIDTH or "\n" in line:
        return line
    return function + enclosed("()", given, indent)


def shifted(text: str, before: int, after: int) -> str:
    """The text with another indentation; only its first line if a string has several lines."""
    has_long_string = re.search(r"\"{3}|'{3}|\\\n", text)
    moved = text if has_long_string else text.replace(f"\n{' ' * before}", f"\n{' ' * after}")
    return " " * after + moved


def quoted(text: str) -> str:
    """The text as a literal with double quotes."""
    return json.dumps(text, ensure_ascii=False)


def literal(value: Any, indent: int = 0) -> str:
    """The value as Python writes it, a list or a dict with an item on each line."""
    inner = indent + 4
    if isinstance(value, dict) and value:
        items = [f"{literal(k)}: {literal(v, inner)}" for k, v in value.items()]
        return enclosed("{}", items, indent)
    if isinstance(value, list | tuple) and value:
        brackets = "[]" if isinstance(value, list) else "()"
        return enclosed(brackets, [literal(each, inner) for each in value], indent)
    if isinstance(value, Path):
        base = Path(settings.BASE_DIR)
        if not value.is_relative_to(base):
            return f"Path({quoted(str(value))})"
        return " / ".join(["BASE_DIR", *map(quoted, value.relative_to(base).parts)])
    return quoted(value) if isinstance(value, str) else repr(value)


def enclosed(brackets: str, items: Iterable[str], indent: int = 0) -> str:
    """The items on a line each, between brackets."""
    inner = " " * (indent + 4)
    lines = "".join(f"{inner}{each},\n" for each in items)
    return f"{brackets[0]}\n{lines}{' ' * indent}{brackets[1]}" if lines else brackets


def rendered(name: str, folder: Path = FILES, **context: Any) -> str:
    """The text of a file of this package, or of startproject, with the context filled in."""
    template = Engine().from_string((folder / f"{name}-tpl").read_text())
    return str(template.render(Context(context, autoescape=False)))


def joined(parts: list[Part]) -> str:
    """The text of a module: statements of the file with as many blank lines as they have there."""
    text, above, was_definition = "", None, False
    for part in parts:
        body = part.strip("\n") if isinstance(part, str) else part.text
        is_definition = begins_with_definition(body)
        blank = 1 if isinstance(part, str) or isinstance(above, str) else min(part.blank, 2)
        blank = 2 if is_definition or was_definition else blank
        text += "\n" * (blank + 1) * bool(text) + body
        above, was_definition = part, is_definition
    return text


def begins_with_definition(text: str) -> bool:
    return bool(re.match(r"(#.*\n|\s)*(@|class |def |async def )", text))
