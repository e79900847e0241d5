"""Checks before the site starts, which raise an error. Run once."""

import inspect
import sys

from django.conf import settings
from django.utils.module_loading import import_string

from djng.exceptions import RouteError, SetupError, name_of, unwrap
from djng.middleware import layers_of
from djng.routing import BaseRouter, Route, walk


def check_routes(site: BaseRouter) -> None:
    """Raise RouteError if a decorator stands above a route, which never calls it."""
    routes = [scope for _, scope in walk(site) if isinstance(scope, Route)]
    upwards = sorted(routes, key=lambda route: -route.where.line)
    topmost = {id(route.view): route for route in upwards}  # of those above one function
    for route in topmost.values():
        check_decorator_order(route)


def check_decorator_order(route: Route) -> None:
    view, name = route.view, name_of(route.view)
    in_file = getattr(sys.modules.get(str(getattr(view, "__module__", ""))), name, view)
    is_inside = inspect.unwrap(in_file, stop=lambda each: each is view) is view
    if in_file is not view and (is_inside or has_line_above(route)):
        message = f"a decorator of {name}() is above its route and does nothing."
        hint = f"Move line {route.where.line}, the route {route}, above the other decorators."
        raise RouteError(message, hint=hint, where=route.where)


def has_line_above(route: Route) -> bool:
    """Whether the view starts above its route: its first line is that of its first decorator."""
    code = getattr(unwrap(route.view), "__code__", None)
    if not code or code.co_filename != route.where.file:
        return False
    last = max(line for *_, line in code.co_lines() if line)
    return bool(code.co_firstlineno < route.where.line < last)  # below it, it is no decorator


def check_middleware(site: BaseRouter) -> None:
    """Raise SetupError for middleware that cannot be imported, with the user's line."""
    scopes = [scope for _, scope in walk(site)]
    named = [(name, site.where) for name in settings.MIDDLEWARE]
    named += [(name, scope.where) for scope in scopes for name in layers_of(scope)]
    for name, where in named:
        try:
            if isinstance(name, str):
                import_string(name)
        except ImportError as error:
            raise SetupError(f"the middleware {name!r}: {error}.", where=where) from error
