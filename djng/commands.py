"""Functions of the file as management commands. Imported when a command is declared or run.

A function's parameters are the command's arguments: one without a default is positional, one with
a default an option, a bool a flag, ``*args`` any number; annotations give the type and the
docstring the help.
"""

from __future__ import annotations

import enum
import inspect
import sys
from argparse import BooleanOptionalAction
from collections.abc import Callable, Iterator
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandParser

from djng.errors import SetupError, locate, name_of

Function = Callable[..., Any]


class FunctionCommand(BaseCommand):
    """Django's own command behind a function; `function` is set by a subclass for each."""

    function: Function

    def add_arguments(self, parser: CommandParser) -> None:
        taken = {action.dest for action in parser._actions}
        for parameter in parameters(self.function):
            if parameter.name not in taken:  # verbosity and the like come from Django
                names, options = argument(parameter)
                parser.add_argument(*names, **options)

    def handle(self, *args: Any, **options: Any) -> str | None:
        positional, named = [], {}
        for parameter in parameters(self.function):
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += options[parameter.name]
            elif parameter.kind is parameter.KEYWORD_ONLY:
                named[parameter.name] = options[parameter.name]
            else:
                positional.append(options[parameter.name])
        run = async_to_sync(self.function) if iscoroutinefunction(self.function) else self.function
        result = run(*positional, **named)
        return result if isinstance(result, str) else None


def check(function: Function) -> None:
    """Refuse a function that cannot be a command, or that would hide one of Django's."""
    name, where = name_of(function), locate(function)
    if get_commands().get(name) == "django.core":
        hint = "Give the function another name."
        raise SetupError(f"{name}() would hide Django's own command.", hint=hint, where=where)
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
        hint = "Name each option."
        raise SetupError(f"{name}(**kwargs) has no names for options.", hint=hint, where=where)


def register(functions: list[Function], app: str) -> None:
    """Make the functions commands of the app, where Django looks for them.

    Django finds commands as modules in a folder, and remembers what it found in the dictionary that
    `get_commands` returns. So each function gets its module, and its line in that dictionary.
    """
    for function in functions:
        name = name_of(function)
        attributes = {"function": staticmethod(function), "help": inspect.getdoc(function) or ""}
        module = ModuleType(f"{app}.management.commands.{name}")
        vars(module)["Command"] = type("Command", (FunctionCommand,), attributes)
        sys.modules[module.__name__] = module
        get_commands()[name] = app


def parameters(function: Function) -> Iterator[inspect.Parameter]:
    """The function's parameters, with their annotations as types and no longer as text."""
    hints = get_type_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        yield parameter.replace(annotation=hints.get(parameter.name, parameter.empty))


def argument(parameter: inspect.Parameter) -> tuple[list[str], dict[str, Any]]:
    """What ``parser.add_argument`` takes for a parameter."""
    name, default = parameter.name, parameter.default
    options = reading(parameter)
    if parameter.kind is parameter.VAR_POSITIONAL:
        return [name], {**options, "nargs": "*"}
    if default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY:
        return [name], options
    required = default is parameter.empty
    shown = {} if required else {"default": default, "help": f"default: {default}"}
    return [f"--{name.replace('_', '-')}"], {**options, "dest": name, "required": required, **shown}


def reading(parameter: inspect.Parameter) -> dict[str, Any]:
    """How the text of an argument becomes a value, by the annotation or else by the default."""
    kind = parameter.annotation
    if kind is parameter.empty:
        known = parameter.default is not parameter.empty and parameter.default is not None
        kind = type(parameter.default) if known else str
    kind = without_none(kind)
    if kind is bool:
        return {"action": BooleanOptionalAction}
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind), "type": type(get_args(kind)[0])}
    if get_origin(kind) in (list, tuple):
        return {"nargs": "+", "type": get_args(kind)[0]}
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return {"choices": list(kind), "type": kind}
    return {"type": kind if callable(kind) else str}


def without_none(kind: Any) -> Any:
    """``int`` of ``int | None``."""
    if get_origin(kind) in (Union, UnionType):
        return next(each for each in get_args(kind) if each is not NoneType)
    return kind
