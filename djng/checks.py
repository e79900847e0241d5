"""Checks before the site starts, and djng's system checks. Runs once.

``check_routes`` raises an error. The warnings have an id, and ``python blog.py check`` shows them.
"""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core import checks
from django.urls import resolve
from django.utils.module_loading import import_string

from djng.conf import DEFAULTS
from djng.exceptions import RouteError, SetupError, name_of, unwrap
from djng.routing import BaseRouter, Route, Router, nested, walk
from djng.rules import View
from djng.views import shared_attributes


def check_routes(site: BaseRouter) -> None:
    """Raise RouteError if a decorator does nothing, or if functions of a URL don't agree."""
    first_lines: dict[int, int] = {}
    for _, route in walk(site):
        line = first_lines.setdefault(id(route.view), route.where.line)
        first_lines[id(route.view)] = min(line, route.where.line)
    for router in nested(site):
        routes = [entry for entry in router.entries if isinstance(entry, Route)]
        for rule in dict.fromkeys(route.rule for route in routes):
            shared_attributes([route for route in routes if route.rule == rule])
        for route in routes:
            check_decorator_order(route, first_lines[id(route.view)])


def check_decorator_order(route: Route, first_line: int) -> None:
    """Raise RouteError if a decorator stands above the route, which never calls it."""
    view, name = route.view, name_of(route.view)
    in_file = getattr(sys.modules.get(str(getattr(view, "__module__", ""))), name, view)
    code = getattr(unwrap(view), "__code__", None)
    is_hidden = in_file is not view and code and code.co_firstlineno < first_line
    if is_hidden or (in_file is not view and is_decorated(in_file, view)):
        message = f"a decorator of {name}() is above its route and does nothing."
        hint = f"Move line {route.where.line}, the route {route}, above the other decorators."
        raise RouteError(message, hint=hint, where=route.where)


def is_decorated(outer: Any, view: View) -> bool:
    """Whether `outer` is what a decorator made of the view: a function, a class or a partial."""
    held = getattr(outer, "__dict__", {})
    if inspect.isfunction(outer):
        held = inspect.getclosurevars(outer).nonlocals
    inner = (inspect.unwrap(outer, stop=lambda each: each is view), getattr(outer, "func", None))
    return any(each is view for each in (*inner, *held.values()))


def check_middleware(site: BaseRouter) -> None:
    """Raise SetupError for middleware that cannot be imported, with the user's line."""
    named = [(name, site.where) for name in settings.MIDDLEWARE]
    named += [(name, each.where) for each in nested(site) for name in each.middleware_classes]
    named += [(name, route.where) for _, route in walk(site) for name in route.middleware]
    for name, where in named:
        try:
            if isinstance(name, str):
                import_string(name)
        except ImportError as error:
            raise SetupError(f"the middleware {name!r}: {error}.", where=where) from error


def unreached_routes(site: BaseRouter) -> Iterator[checks.Warning]:
    """djng.W001: routes whose URL an earlier route matches first."""
    if DEFAULTS["ROOT_URLCONF"] != settings.ROOT_URLCONF:
        return
    for prefix, route in walk(site):
        url = f"/{prefix}{route.rule}"
        if "<" in url:
            continue
        matched = getattr(resolve(url).func, "_djng_routes", [])
        if route not in matched:
            which = f"The route at {matched[0].where}" if matched else "An earlier route"
            hint = f"{which} matches this URL first. Move this one above it."
            message = f'{route.where}: "{url}" is never reached.'
            yield checks.Warning(message, hint=hint, id="djng.W001")


def unused_routers() -> Iterator[checks.Warning]:
    """djng.W002: routers with routes that are not included."""
    for router in Router.all:
        if router.entries and not router.resolved:
            hint = 'Write app.include("/...", router).'
            message = f"{router.where}: this Router is not included anywhere."
            yield checks.Warning(message, hint=hint, id="djng.W002")


def missing_mail_server(**options: Any) -> list[checks.CheckMessage]:
    """djng.W003: nothing says where mails go, so Django gives them to this machine."""
    names = ["EMAIL_BACKEND", "EMAIL_HOST"]
    how = 'EMAIL_HOST="smtp.example.com"'
    if django.VERSION >= (6, 1):
        names.append("MAILERS")
        how = 'MAILERS={"default": {"OPTIONS": {"host": "smtp.example.com"}}}'
    if any(map(settings.is_overridden, names)):
        return []
    silence = 'SILENCED_SYSTEM_CHECKS=lambda default: [*default, "djng.W003"]'
    hint = f"Write Djng({how}); or, if the site sends no mail, Djng({silence})."
    message = "No mail server is configured: mails go to localhost:25."
    return [checks.Warning(message, hint=hint, id="djng.W003")]
