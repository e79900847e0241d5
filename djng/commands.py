"""Functions of the file as management commands. Runs while a command is declared or run.

A function's parameters are the command's arguments: one without a default is positional, one with
a default an option, a bool a flag, ``*args`` any number; the annotation, or else the default, gives
the type, the docstring the help.
"""

import inspect
import sys
from argparse import BooleanOptionalAction
from collections.abc import Callable, Iterator
from inspect import Parameter
from types import ModuleType, NoneType
from typing import Any, get_args, get_type_hints

import django.core.management
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.management import find_commands, get_commands
from django.core.management.base import BaseCommand, CommandParser

from djng.errors import SetupError, locate, name_of

Function = Callable[..., Any]


class FunctionCommand(BaseCommand):
    """The command of a function, which a subclass for each sets."""

    function: Function

    def add_arguments(self, parser: CommandParser) -> None:
        for parameter in parameters(self.function):
            if parser.get_default(parameter.name) is None:  # verbosity and the like are Django's
                names, options = argument(parameter)
                parser.add_argument(*names, **options)

    def handle(self, *args: Any, **options: Any) -> str | None:
        bound = inspect.signature(self.function).bind_partial()
        bound.arguments.update((p.name, options[p.name]) for p in parameters(self.function))
        run = async_to_sync(self.function) if iscoroutinefunction(self.function) else self.function
        output = run(*bound.args, **bound.kwargs)
        return output if isinstance(output, str) else None


def check(function: Function) -> None:
    """Refuse a function that would hide one of Django's commands."""
    name = name_of(function)
    if name in find_commands(django.core.management.__path__[0]):
        message, hint = f"{name}() would hide Django's command.", "Give it another name."
        raise SetupError(message, hint=hint, where=locate(function))


def register(function: Function, app: str) -> None:
    """Make the function a command of the app, where Django looks for one.

    Django finds commands as modules in a folder, and remembers what it found in the dictionary that
    `get_commands` returns. So the function gets a module, and a line in that dictionary.
    """
    name = name_of(function)
    attributes = {"function": staticmethod(function), "help": inspect.getdoc(function) or ""}
    module = ModuleType(f"{app}.management.commands.{name}")
    vars(module)["Command"] = type("Command", (FunctionCommand,), attributes)
    sys.modules[module.__name__] = module
    get_commands()[name] = app


def parameters(function: Function) -> Iterator[Parameter]:
    """The function's parameters, their annotations no longer text."""
    hints = get_type_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        yield parameter.replace(annotation=hints.get(parameter.name, Parameter.empty))


def argument(parameter: Parameter) -> tuple[list[str], dict[str, Any]]:
    """What ``parser.add_argument`` takes for a parameter."""
    name, default, kind = parameter.name, parameter.default, parameter.kind
    if kind is Parameter.VAR_POSITIONAL:
        return [name], {**reading(parameter), "nargs": "*", "default": ()}
    if default is not Parameter.empty:
        option = {"default": default, "help": f"default: {default}"}
    elif kind is Parameter.KEYWORD_ONLY:
        option = {"required": True}
    else:
        return [name], reading(parameter)
    return [f"--{name.replace('_', '-')}"], {"dest": name, **reading(parameter), **option}


def reading(parameter: Parameter) -> dict[str, Any]:
    """How the text of an argument becomes a value."""
    hint, default = parameter.annotation, parameter.default
    if hint is Parameter.empty:
        hint = str if default in (None, Parameter.empty) else type(default)
    kind = next(
        (each for each in get_args(hint) if each is not NoneType), hint
    )  # int of int | None
    return {"action": BooleanOptionalAction} if kind is bool else {"type": kind}
