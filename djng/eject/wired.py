"""Write what djng's decorators did: admin classes, commands."""

import inspect
from typing import Any

from djng.eject.layout import call, shifted
from djng.eject.plan import Plan
from djng.eject.returns import quoted
from djng.eject.source import Statement
from djng.eject.wiring import Use
from djng.management.function_commands import argument, parameters


def admin_parts(plan: Plan) -> list[tuple[Statement | None, str]]:
    """The text of admin.py, in the order of the file."""
    parts: list[tuple[Statement | None, str]] = []
    for statement in plan.source.statements:
        uses = plan.wiring.of(statement, "admin")
        if statement in plan.statements_of("admin"):
            text = statement.text
            for use in uses:
                text = registered(plan, use, text)
            parts.append((statement, text))
        else:
            parts += [(None, model_admin(plan, use)) for use in uses]
    return parts


def registered(plan: Plan, use: Use, text: str) -> str:
    """A ModelAdmin with Django's decorator, or a call below it if djng's has options."""
    models, options = arguments(plan, use)
    if not options:
        return insert_decorator(text, call("@admin.register", models))
    return f"{text}\n\n\n" + call("admin.site.register", [listed(models), use.target, *options])


def insert_decorator(text: str, decorator: str) -> str:
    """The decorator above a class, but below the comments above it."""
    lines = text.split("\n")
    number = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    return "\n".join([*lines[:number], decorator, *lines[number:]])


def arguments(plan: Plan, use: Use) -> tuple[list[str], list[str]]:
    if use.call is None:
        return [], []
    text = plan.source.text_of
    keywords = [
        f"{k.arg}={text(k.value)}" if k.arg else f"**{text(k.value)}" for k in use.call.keywords
    ]
    return [text(each) for each in use.call.args], keywords


def listed(models: list[str]) -> str:
    return models[0] if len(models) == 1 else f"[{', '.join(models)}]"


def model_admin(plan: Plan, use: Use) -> str:
    """A ModelAdmin class for a model that ``@app.admin(...)`` shows, or a call without options."""
    models, options = arguments(plan, use)
    models = models or [use.target]
    name = f"{models[0].rpartition('.')[2]}Admin"
    is_taken = name in plan.namespace or plan.wiring.uses.count(use) > 1
    if not options or is_taken or any(each.startswith("**") for each in options):
        return call("admin.site.register", [listed(models), *options])
    body = "\n".join(option.replace("=", " = ", 1) for option in options)
    decorator = call("@admin.register", models)
    return f"{decorator}\nclass {name}(admin.ModelAdmin):\n{shifted(body, 4)}"


def command_part(plan: Plan, statement: Statement) -> str:
    """The Command class of a function."""
    function: Any = plan.namespace[statement.name]
    lines = ["class Command(BaseCommand):"]
    if text := inspect.getdoc(function):
        lines.append(f"    help = {quoted(text)}")
    given = [*parameters(function)]
    if given:
        lines += ["", "    def add_arguments(self, parser):"]
        lines += ["        " + add_argument(each, statement) for each in given]
    lines += ["", "    def handle(self, *args, **options):"]
    lines.append(f"        return {handled(statement, function, given)}")
    return "\n".join(lines)


def handled(statement: Statement, function: Any, given: list[inspect.Parameter]) -> str:
    values = []
    for each in given:
        value = f'options["{each.name}"]' if each.name != "args" else "args"
        star = "*" if each.kind is inspect.Parameter.VAR_POSITIONAL else ""
        name = f"{each.name}=" if each.kind is inspect.Parameter.KEYWORD_ONLY else ""
        values.append(f"{star}{name}{value}")
    run = (
        f"async_to_sync({statement.name})"
        if inspect.iscoroutinefunction(function)
        else statement.name
    )
    return call(run, values, 8, "return ")


def add_argument(parameter: inspect.Parameter, statement: Statement) -> str:
    names, options = argument(parameter)
    if options.get("dest") == names[0].lstrip("-").replace("-", "_"):
        del options["dest"]
    texts = [quoted(each) for each in names]
    texts += [f"{name}={option_text(value)}" for name, value in options.items() if value is not str]
    return call("parser.add_argument", texts, 8)


def option_text(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if inspect.isclass(value):
        return value.__name__
    if inspect.ismethod(value):
        owner: Any = value.__self__
        return f"{owner.__name__}.{value.__name__}"
    return repr(value)
