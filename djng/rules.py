"""Refuse routes that could never work. Runs while the user's file is imported."""

import inspect
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.urls import path, register_converter
from django.urls.converters import StringConverter, get_converters

from djng.exceptions import Location, RouteError, name_of, signature
from djng.responses import View

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def check_rule(rule: str) -> None:
    """Raise RouteError if Django could not read the rule, or would read it differently."""
    hint = "Django routes use <int:id>. For a regex, app.include() a list with re_path()."
    if re.search(r"[<>{}]|\(\?", re.sub(r"<[^<>{}]+>", "", rule)):
        raise RouteError(f'Django cannot read the route "{rule}".', hint=hint)
    register_converters(rule)
    try:
        path(rule.removeprefix("/"), HttpResponse)
    except ImproperlyConfigured as error:
        known = [name for name in get_converters() if "(" not in name]
        names = ", ".join(dict.fromkeys([*known, "float", "string", "any(a,b)"]))
        hint = f"Write <converter:name>; the converters are {names}."
        raise RouteError(str(error), hint=hint) from error


class FloatConverter:
    regex = r"\d+(?:\.\d+)?"
    to_python = float
    to_url = str


def register_converters(rule: str) -> None:
    """Register Flask's `float`, `string` and `any(a,b)` with Django, if the rule uses them."""
    for kind, choices in re.findall(r"<((?:float|string)(?=:)|any\(([^()]*)\))", rule):
        if kind not in get_converters():  # unless the file has its own: Django refuses a second one
            regex = f"(?:{'|'.join(map(re.escape, choices.split(',')))})"
            choice: Any = type("AnyConverter", (StringConverter,), {"regex": regex})
            flask = {"float": FloatConverter, "string": StringConverter}
            register_converter(flask.get(kind, choice), kind)


def check_arguments(rule: str, view: View, where: Location) -> None:
    """Raise RouteError if the view does not take the request and the placeholders of the rule."""
    placeholders = [*path(rule, HttpResponse).pattern.converters]
    for function in functions_of(view):
        if not accepts(function, None, **dict.fromkeys(placeholders)):
            name, given = name_of(function), ", ".join(["request", *placeholders])
            what = f"gives {given} to {name}{signature(function)}"
            wanted = f"self, {given}" if inspect.isclass(view) else given
            hint = f"Write `def {name}({wanted})`, or change the route."
            raise RouteError(f'the route "/{rule}" {what}.', hint=hint, where=where)


def functions_of(view: View) -> Iterator[View]:
    """The functions that take the placeholders: the view, or the methods of a class-based view."""
    if not inspect.isclass(view):
        yield view
    elif not hasattr(view, "as_view"):
        hint = f"Route an instance: app.route(...)({view.__name__}())."
        raise RouteError(f"{view.__name__} is a class, not a view.", hint=hint)
    else:
        methods = (getattr(view, name.lower(), None) for name in METHODS if name != "OPTIONS")
        yield from (partial(method, None) for method in methods if method)


def accepts(function: View, *args: Any, **kwargs: Any) -> bool:
    """Whether the function takes these arguments. True if Python cannot tell."""
    # Django's decorators pass on what they get; other decorators may add an argument.
    while getattr(function, "__globals__", {}).get("__name__", "").startswith("django."):
        if not hasattr(function, "__wrapped__") or hasattr(function, "view_class"):
            break
        function = function.__wrapped__
    try:
        signature(function, follow_wrapped=False).bind(*args, **kwargs)
    except (TypeError, ValueError) as error:
        return isinstance(error, ValueError)
    return True
