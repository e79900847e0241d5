"""Write the classes that djng's decorators stand for: ModelAdmin and Command."""

import inspect
from argparse import SUPPRESS
from inspect import Parameter
from types import NoneType
from typing import Any

from django.core.management.base import BaseCommand

from djng.eject.layout import Part, call, literal, quoted, rendered, shifted
from djng.eject.plan import Plan
from djng.eject.returns import ReturnRewriter, Target
from djng.eject.source import FUNCTIONS
from djng.eject.wiring import Use
from djng.management.function_commands import argument, parameters

TEXT = (str, "str", str | None, "str | None", None)


def admin_parts(plan: Plan) -> list[Part]:
    """The text of admin.py, in the order of the file."""
    parts: list[Part] = []
    there = plan.statements_of("admin")
    for statement in plan.source.statements:
        uses = plan.wiring.of(statement, "admin")
        if statement not in there:
            parts += [model_admin(plan, use) for use in uses]
            continue
        parts.append(statement)
        for models, options in [arguments(plan, use) for use in uses]:
            if options:
                given = [listed(models), statement.name, *options]
                parts.append(call("admin.site.register", given))
            else:
                first = plan.source.start_of(statement.node)
                plan.source.replace((first, first), f"{call('@admin.register', models)}\n")
    return parts


def arguments(plan: Plan, use: Use) -> tuple[list[str], list[str]]:
    """The texts of the models and of the options."""
    given, keywords = (use.call.args, use.call.keywords) if use.call else ([], [])
    text, indent = plan.source.text_of, plan.source.indent_of
    options = [shifted(text(each), indent(each), 0) for each in keywords]
    return [text(each) for each in given], options


def listed(models: list[str]) -> str:
    return models[0] if len(models) == 1 else f"[{', '.join(models)}]"


def model_admin(plan: Plan, use: Use) -> str:
    """A ModelAdmin class for a model that ``@app.admin(...)`` shows, or a call without options."""
    models, options = arguments(plan, use)
    models = models or [use.target]
    name = f"{models[0].rpartition('.')[2]}Admin"
    if not options or name in plan.namespace or any(each.startswith("**") for each in options):
        return call("admin.site.register", [listed(models), *options])
    body = "\n".join(shifted(each.replace("=", " = ", 1), 0, 4) for each in options)
    return f"{call('@admin.register', models)}\nclass {name}(admin.ModelAdmin):\n{body}"


def command_parts(plan: Plan, name: str) -> list[Part]:
    """The function of a command, with a Command class that calls it."""
    function: Any = plan.namespace[name]
    given, parser = [*parameters(function)], BaseCommand().create_parser("", "")
    added = [each for each in given if parser.get_default(each.name) in (None, SUPPRESS)]
    options = [option for each in added for option in argument(each)[0]]
    defaults = defaults_of(plan, name)
    run = f"async_to_sync({name})" if inspect.iscoroutinefunction(function) else name
    is_text = only_returns_text(plan, name)
    context: dict[str, Any] = {
        "help": literal(inspect.getdoc(function) or None),
        "arguments": [add_argument(plan, each, defaults.get(each.name, "")) for each in added],
        "resolves": any(each in parser.format_help() for each in options if each[0] == "-"),
        "is_text": is_text,
        "call": call(f"{'return' if is_text else 'output ='} {run}", map(passed, given), 8),
    }
    text = rendered("command.py", **context)
    return [*plan.statements_of(f"management/commands/{name}"), text]


def only_returns_text(plan: Plan, name: str) -> bool:
    """Whether a command's function returns a str or None. djng drops all else."""
    if plan.namespace[name].__annotations__.get("return", ...) in TEXT:
        return True
    nodes = [e.node for e in plan.owner[name].statements if isinstance(e.node, FUNCTIONS)]
    functions = [ReturnRewriter(plan, node, Target()) for node in nodes]
    return bool(functions) and all(each.type_of_result() in (str, NoneType) for each in functions)


def passed(parameter: Parameter) -> str:
    """What passes a command's option on to the function."""
    star = "*" if parameter.kind is Parameter.VAR_POSITIONAL else ""
    name = f"{parameter.name}=" if parameter.kind is Parameter.KEYWORD_ONLY else ""
    value = "args" if parameter.name == "args" else f"options[{quoted(parameter.name)}]"
    return f"{star}{name}{value}"


def add_argument(plan: Plan, parameter: Parameter, default: str) -> str:
    names, options = argument(parameter)
    options.pop("dest", None)  # argparse makes the same of the name
    texts = {k: option_text(plan, v) for k, v in options.items() if v is not str}
    texts |= {"default": default} if default else {}
    return call("parser.add_argument", [*map(quoted, names), *map("=".join, texts.items())], 8)


def defaults_of(plan: Plan, name: str) -> dict[str, str]:
    """The defaults of a function's parameters, as the file writes them."""
    node = plan.owner[name].statements[-1].node
    if not isinstance(node, FUNCTIONS):
        return {}
    given = node.args
    names = [*given.kwonlyargs, *reversed([*given.posonlyargs, *given.args])]
    pairs = zip(names, [*given.kw_defaults, *reversed(given.defaults)], strict=False)
    return {each.arg: plan.source.text_of(default) for each, default in pairs if default}


def option_text(plan: Plan, value: Any) -> str:
    if inspect.isclass(owner := getattr(value, "__self__", None)):  # of date.fromisoformat
        return f"{type_text(plan, owner)}.{value.__name__}"
    if isinstance(value, tuple) and value:
        return f"[{', '.join(map(literal, value))}]"
    return type_text(plan, value) if callable(value) else literal(value)


def type_text(plan: Plan, kind: Any) -> str:
    """A type as the file names it, such as `date` or `datetime.date`."""
    name, known = str(kind.__name__), plan.namespace.items()
    modules = [(n, vars(v)) for n, v in known if inspect.ismodule(v) and n != "__builtins__"]
    found = [n for n, value in known if value is kind]
    found += [f"{n}.{name}" for n, names in modules if names.get(name) is kind]
    return next(iter(found), name)
