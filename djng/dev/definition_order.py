"""Explain names that are used too early. Runs when an error says that a module lacks one."""

import inspect
import linecache
import re
from traceback import walk_tb
from types import ModuleType
from typing import Any

from djng.exceptions import Location


def suggest(error: Any) -> str:
    """What to move, if the module defines the name further down; else an empty string."""
    if isinstance(error, NameError):
        return suggest_order(error)
    module, name = missing_name(error)
    for frame, line in walk_tb(error.__traceback__):
        is_body = frame.f_code.co_name == "<module>"
        if name and is_body and str(frame.f_globals.get("__name__")) == module:
            here = Location(frame.f_code.co_filename, line)
            if (defined := defining_line(here.file, name)) > line:
                return describe(here, name, defined)
    return ""


def suggest_order(error: NameError) -> str:
    """Which definition to move above the line of a module or a class that uses it."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    file, name = frame.f_code.co_filename, str(error.name)
    is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if is_function or (defined := defining_line(file, name)) <= line:
        return ""
    is_relation = re.search(r"(Key|Field)\(", linecache.getline(file, line))
    quotes = f', or write "{name}", with quotes' if is_relation else ""
    return f"Line {defined} defines {name}: move it above this line{quotes}."


def missing_name(error: Any) -> tuple[str, str]:
    """The module and the name that it lacks, or two empty strings."""
    if isinstance(error, ImportError):
        found = re.search(r"cannot import name '(\w+)'", str(error))
        return (str(error.name), found[1]) if found else ("", "")
    owner = getattr(error, "obj", None)
    return (str(owner.__name__), error.name) if isinstance(owner, ModuleType) else ("", "")


def defining_line(file: str, name: str) -> int:
    """The line of the file that defines the name, or 0."""
    kinds = rf"(async\s+)?(def|class)\s+{name}\b", rf"{name}\s*[:=]", rf".*\bimport\b.*\b{name}\b"
    definition = re.compile("|".join(kinds))
    lines = enumerate(linecache.getlines(file), start=1)
    return next((number for number, text in lines if definition.match(text)), 0)


def describe(here: Location, name: str, defined: int) -> str:
    statement = linecache.getline(*here).strip()
    return (
        f"`{statement}` in {here} runs before line {defined} defines {name}.\n"
        f"Move it below {name}, or import {name} in the function that uses it."
    )
