"""``@app.command``: functions as management commands. Runs before the first command.

A parameter without a default becomes a positional argument, one with a default an option, a bool a
flag, and ``*args`` any number of arguments. Annotations, or else defaults, give the types; the
docstring is the help.
"""

import inspect
import sys
from argparse import SUPPRESS, BooleanOptionalAction
from collections.abc import Callable, Iterator
from inspect import Parameter
from types import ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandParser

from djng.exceptions import SetupError, locate, name_of, signature

Function = Callable[..., Any]


class FunctionCommand(BaseCommand):
    function: Function  # a subclass for each function sets it

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        # The function's own ``--version`` wins over Django's.
        return super().create_parser(*args, conflict_handler="resolve", **options)

    def add_arguments(self, parser: CommandParser) -> None:
        for parameter in parameters(self.function):
            # `verbosity` and the like are Django's.
            if parser.get_default(parameter.name) in (None, SUPPRESS):
                names, options = argument(parameter)
                parser.add_argument(*names, **options)

    def handle(self, *args: Any, **options: Any) -> str | None:
        options["args"] = args  # Django takes an argument of this name out
        bound = signature(self.function).bind_partial()
        bound.arguments.update((p.name, options[p.name]) for p in parameters(self.function))
        run = async_to_sync(self.function) if iscoroutinefunction(self.function) else self.function
        output = run(*bound.args, **bound.kwargs)
        return output if isinstance(output, str) else None


def register(function: Function, app: str) -> None:
    """Make the function a command of the app; raises SetupError if Django has one of that name.

    Django looks for modules in folders, and keeps what it finds in the dict that `get_commands`
    returns. So the function gets a module and an entry in that dict.
    """
    name = name_of(function)
    if get_commands().setdefault(name, app) != app:
        message, hint = f"{name}() would hide a command of Django's.", "Give it another name."
        raise SetupError(message, hint=hint, where=locate(function))
    attributes = {"function": staticmethod(function), "help": inspect.getdoc(function) or ""}
    module = ModuleType(f"{app}.management.commands.{name}")
    vars(module)["Command"] = type("Command", (FunctionCommand,), attributes)
    sys.modules[module.__name__] = module


def parameters(function: Function) -> Iterator[Parameter]:
    """The function's parameters, with annotations that are types and not strings."""
    try:
        hints = get_type_hints(function)
    except NameError:  # a type that is only imported for type checkers
        hints = {}
    for parameter in signature(function).parameters.values():
        if parameter.kind is not Parameter.VAR_KEYWORD:  # the command line has no such arguments
            yield parameter.replace(annotation=hints.get(parameter.name, Parameter.empty))


def argument(parameter: Parameter) -> tuple[list[str], dict[str, Any]]:
    """The arguments of ``parser.add_argument`` for a parameter."""
    name, default, options = parameter.name, parameter.default, parsing(parameter)
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return [name], {**options, "nargs": "*", "default": ()}
    is_option = parameter.kind is Parameter.KEYWORD_ONLY or "action" in options
    if default is Parameter.empty and not is_option:
        return [name], options
    options |= {"required": True} if default is Parameter.empty else {"default": default}
    options = {"dest": name, "help": "default: %(default)s", **options}
    return [f"--{name.replace('_', '-')}"], options


def parsing(parameter: Parameter) -> dict[str, Any]:
    """How argparse makes a value of the text of an argument."""
    hint, default = parameter.annotation, parameter.default
    if hint is Parameter.empty:
        hint = str if default in (None, Parameter.empty) else type(default)
    if NoneType in get_args(hint):  # parse int | None like int
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint), "type": type(get_args(hint)[0])}
    if hint is bool:
        return {"action": BooleanOptionalAction}
    kind = next(iter(get_args(hint)), hint)
    many = {"nargs": "*"} if get_origin(hint) in (list, tuple) else {}
    return {**many, "type": getattr(kind, "fromisoformat", kind) if callable(kind) else str}
