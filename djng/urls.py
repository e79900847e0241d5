"""Routes. The decorators run while the user's file is imported, `patterns` before the first request.

Functions that share a pattern share a URL: `by_method` makes of them the one view that Django wants.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, include, path, register_converter
from django.urls.converters import StringConverter, get_converters
from django.utils.decorators import decorator_from_middleware
from django.utils.log import log_response
from django.utils.module_loading import import_string

from djng.errors import Location, RouteError, caller, name_of

View = Callable[..., Any]
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
MakeView = Callable[[View, str | None], View]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Route:
    """One decorated view: its rule without the leading slash, and its methods, None for all."""

    rule: str
    view: View
    methods: tuple[str, ...] | None
    name: str
    template: str | None
    where: Location

    def __str__(self) -> str:
        return f'"/{self.rule}"'


@dataclass(frozen=True)
class Include:
    """Somebody else's URLs under a prefix, in any form that Django's `path` takes."""

    prefix: str
    urls: Any

    def pattern(self) -> URLResolver:
        is_whole = isinstance(self.urls, tuple) and len(self.urls) == 3
        return path(self.prefix, self.urls if is_whole else include(self.urls))


class Routes:
    """The decorators that collect routes, in the order of the file."""

    def __init__(self) -> None:
        self._entries: list[Route | Include] = []

    def _add(self, entry: Route | Include) -> None:
        self._entries.append(entry)

    def route(
        self,
        rule: str,
        *,
        name: str | None = None,
        methods: Sequence[str] | None = None,
        template: str | None = None,
    ) -> Callable[[Decorated], Decorated]:
        """Answer the URLs that `rule` matches with the decorated view.

        Takes a rule of Django's `path`, with or without the leading slash; the URL's name, by
        default the view's; the methods to accept, by default all; and the template that a returned
        dict is for. Returns a decorator that returns the view unchanged. Raises RouteError for a
        rule that Django does not read or that does not fit the view's arguments. ::

            @app.route("/posts/<int:pk>/", template="post.html")
            def post(request, pk): return {"post": get_object_or_404(Post, pk=pk)}
        """
        where = caller()
        if isinstance(methods, str):
            raise RouteError(f"methods={methods!r} is not a list.", hint=f'Write ["{methods}"].')

        def decorate(view: Decorated) -> Decorated:
            accepted = tuple(method.upper() for method in methods) if methods else None
            check_rule(rule, view, where)
            self._add(
                Route(rule.removeprefix("/"), view, accepted, name or name_of(view), template, where)
            )
            return view

        return decorate

    def get(self, rule: str, **options: Any) -> Callable[[Decorated], Decorated]:
        """Answer GET and HEAD; takes and returns what `route` does. ::

        @app.get("/about/")
        def about(request): return "About us"
        """
        return self.route(rule, methods=["GET"], **options)

    def post(self, rule: str, **options: Any) -> Callable[[Decorated], Decorated]:
        """Answer POST; takes and returns what `route` does. ::

        @app.post("/posts/")
        def add(request): return redirect("index")
        """
        return self.route(rule, methods=["POST"], **options)

    def put(self, rule: str, **options: Any) -> Callable[[Decorated], Decorated]:
        """Answer PUT; takes and returns what `route` does. ::

        @app.put("/posts/<int:pk>/")
        def replace(request, pk): return None, 204
        """
        return self.route(rule, methods=["PUT"], **options)

    def patch(self, rule: str, **options: Any) -> Callable[[Decorated], Decorated]:
        """Answer PATCH; takes and returns what `route` does. ::

        @app.patch("/posts/<int:pk>/")
        def change(request, pk): return None, 204
        """
        return self.route(rule, methods=["PATCH"], **options)

    def delete(self, rule: str, **options: Any) -> Callable[[Decorated], Decorated]:
        """Answer DELETE; takes and returns what `route` does. ::

        @app.delete("/posts/<int:pk>/")
        def remove(request, pk): return None, 204
        """
        return self.route(rule, methods=["DELETE"], **options)

    def include(self, prefix: str, urls: Any) -> None:
        """Put somebody else's URLs under a prefix.

        Takes the prefix, with or without the leading slash, and a module's name, a list of
        patterns, ``(patterns, app_name)`` or a whole ``admin.site.urls``. They are imported when the
        first URL is resolved. ::

            app.include("/accounts/", "django.contrib.auth.urls")
        """
        self._add(Include(prefix.removeprefix("/"), urls))


# While the file is read: does the rule fit the view?


def check_rule(rule: str, view: View, where: Location) -> None:
    if brace := re.search(r"{(\w*)[^}]*}", rule):
        hint = f"Django routes use <int:{brace[1] or 'id'}>."
        raise RouteError(f'"{rule}" is not a route of Django.', hint=hint, where=where)
    if re.search(r"[<>]|\(\?", re.sub(r"<[^<>]+>", "", rule)):
        hint = "Write placeholders as <int:id>; for a regex, app.include a list with re_path()."
        raise RouteError(f'"{rule}" is not a route of Django.', hint=hint, where=where)
    register_converters(rule)
    try:
        placeholders = path(rule.removeprefix("/"), lambda request: None).pattern.converters
    except ImproperlyConfigured as error:
        hint = f"Converters are {', '.join(get_converters())}, float, string and any(a,b)."
        raise RouteError(str(error), hint=hint, where=where) from error
    for handler in handlers(view):
        check_arguments(rule, handler, list(placeholders), where)


def handlers(view: View) -> Iterator[View]:
    """The functions that will take the placeholders: those of a class-based view, or the view."""
    if inspect.isclass(view):
        names = [name for name in METHODS if name != "OPTIONS"]
        methods = (getattr(view, name.lower(), None) for name in names)
        yield from (partial(method, None) for method in methods if method)
    else:
        yield view


def check_arguments(rule: str, view: View, placeholders: list[str], where: Location) -> None:
    try:
        signature = inspect.signature(view)
    except (TypeError, ValueError):
        return  # not written in Python
    if binds(signature, placeholders):
        return
    name, given = name_of(view), ", ".join(placeholders)
    wanted = f"def {name}({', '.join(['request', *placeholders])})"
    problem = f'the route "{rule}" gives {given or "no argument"} to {name}{signature}.'
    if not signature.parameters:
        problem = f"{name}() does not take the request."
    raise RouteError(problem, hint=f"Write `{wanted}`, or change the route.", where=where)


def binds(signature: inspect.Signature, placeholders: list[str]) -> bool:
    try:
        signature.bind(None, **dict.fromkeys(placeholders))
    except TypeError:
        return False
    return True


class FloatConverter:
    regex = r"\d+(?:\.\d+)?"

    def to_python(self, value: str) -> float:
        return float(value)

    def to_url(self, value: float) -> str:
        return str(value)


def register_converters(rule: str) -> None:
    """Make Flask's `float`, `string` and `any(a,b)` known to Django, where a rule uses them.

    Not before: registering a converter twice is an error, and the file may bring its own.
    """
    for kind, choices in re.findall(r"<((?:float|string)(?=:)|any\(([^()]*)\))", rule):
        if kind not in get_converters():
            register_converter(converter(kind, choices), kind)


def converter(kind: str, choices: str) -> type:
    if choices:
        regex = f"(?:{'|'.join(map(re.escape, choices.split(',')))})"
        return type("AnyConverter", (StringConverter,), {"regex": regex})
    return FloatConverter if kind == "float" else StringConverter


# Before the first request: Django's patterns of the routes


def patterns(
    entries: Iterable[Route | Include], make_view: MakeView
) -> Iterator[URLPattern | URLResolver]:
    """Make Django's URL patterns, in the order of the file.

    Takes the entries that `Routes` collected and the function that makes a Django view of a view
    and its template. Yields what belongs into `urlpatterns`. Raises RouteError where two functions
    answer the same. ::

        urlpatterns = list(patterns(entries, as_view))
    """
    groups: dict[str, list[Route]] = {}
    for entry in entries:
        if isinstance(entry, Route):
            groups.setdefault(entry.rule, []).append(entry)
    for entry in entries:
        if isinstance(entry, Include):
            yield entry.pattern()
        elif group := groups.pop(entry.rule, None):
            view = group_view(group, make_view)
            yield from (path(entry.rule, view, name=n) for n in dict.fromkeys(r.name for r in group))


def group_view(group: list[Route], make_view: MakeView) -> View:
    """The one view of the routes that share a rule."""
    views: dict[str | None, View] = {}
    for route in group:
        view = make_view(route.view, route.template)
        for method in route.methods or (None,):
            if method in views:
                message = f"{method or 'the route'} {route} is answered by another function already."
                raise RouteError(message, hint="Delete one of them.", where=route.where)
            views[method] = view
    if list(views) == [None]:
        return views[None]
    return by_method(*keep_exemptions(views))


def by_method(views: Mapping[str | None, View], attributes: Mapping[str, Any]) -> View:
    """A view that hands the request to the view of its method, or of None, or answers 405."""
    handlers = {"HEAD": views.get("GET"), **views}
    known = {method: view for method, view in handlers.items() if view and method}
    refuse = views.get(None) or refusal([*known, "OPTIONS"])

    def choose(request: HttpRequest) -> View:
        return known.get(request.method or "", refuse)

    if any(map(iscoroutinefunction, views.values())):
        known = {method: awaitable(view) for method, view in known.items()}
        refuse = awaitable(refuse)

        async def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return await choose(request)(request, *args, **kwargs)
    else:

        def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return choose(request)(request, *args, **kwargs)

    vars(dispatch).update(attributes)
    return dispatch


def awaitable(view: View) -> View:
    return view if iscoroutinefunction(view) else sync_to_async(view)


def refusal(accepted: list[str]) -> View:
    """A view that says which methods there are, to OPTIONS and to a method that is none of them."""
    allowed = sorted(set(accepted), key=lambda m: METHODS.index(m) if m in METHODS else 99)

    def refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(headers={"Allow": ", ".join(allowed), "Content-Length": "0"})
        response = HttpResponseNotAllowed(allowed)
        message = "Method Not Allowed (%s): %s"
        log_response(message, request.method, request.path, response=response, request=request)
        return response

    return refuse


# Middleware asks the view of a URL whether it is exempt, before it is known which function answers.
# Where functions that share a URL differ, the URL is exempt and the others get the middleware back.

EXEMPTIONS = {
    "csrf_exempt": (True, "django.middleware.csrf.CsrfViewMiddleware"),
    "login_required": (False, "django.contrib.auth.middleware.LoginRequiredMiddleware"),
}


def keep_exemptions(views: dict[str | None, View]) -> tuple[dict[str | None, View], dict[str, Any]]:
    """The views, each guarded as it was marked, and the marks of the URL they share."""
    marks = [vars(view) for view in views.values()]
    shared = {k: v for k, v in marks[0].items() if all(m.get(k, m) == v for m in marks)}
    shared.pop("__wrapped__", None)
    for mark, (exempt, middleware) in EXEMPTIONS.items():
        if mark not in shared and any(each.get(mark) is exempt for each in marks):
            shared[mark] = exempt
            guards = installed(middleware)
            views = {
                method: view if getattr(view, mark, None) is exempt else guarded(view, guards)
                for method, view in views.items()
            }
    exempt_from_atomic = set().union(*(each.get("_non_atomic_requests", ()) for each in marks))
    if exempt_from_atomic and "_non_atomic_requests" not in shared:
        shared["_non_atomic_requests"] = exempt_from_atomic
        views = {method: atomic(view, exempt_from_atomic) for method, view in views.items()}
    return views, shared


def installed(middleware: str) -> list[type]:
    """The site's own middleware of that kind."""
    base = import_string(middleware)
    classes = map(import_string, settings.MIDDLEWARE)
    return [each for each in classes if inspect.isclass(each) and issubclass(each, base)]


def guarded(view: View, guards: list[type]) -> View:
    if guards and iscoroutinefunction(view):
        view = async_to_sync(view)  # they may ask the database who the user is
    for guard in guards:
        view = decorator_from_middleware(guard)(view)
    return view


def atomic(view: View, aliases: set[str]) -> View:
    for alias in aliases - getattr(view, "_non_atomic_requests", set()):
        if connections.settings[alias]["ATOMIC_REQUESTS"]:
            view = transaction.atomic(using=alias)(view)
    return view


# Before the first request: does a decorator stand above the route that should stand below?


def check_order(entries: Iterable[Route | Include]) -> None:
    """Raise RouteError where the file's function wraps the routed one: the wrapper is never called."""
    for route in entries:
        if isinstance(route, Route):
            module = sys.modules.get(getattr(route.view, "__module__", ""))
            current = getattr(module, name_of(route.view), None)
            if current is not route.view and wraps(current, route.view):
                message = f"a decorator of {name_of(route.view)}() is above its route and does nothing."
                hint = f"Move line {route.where.line}, the route {route}, above the other decorators."
                raise RouteError(message, hint=hint, where=route.where)


def wraps(outer: Any, inner: View) -> bool:
    """Whether the one calls the other, as a decorator's function does, with or without functools."""
    seen: list[Any] = []
    waiting = [outer]
    while waiting:
        thing = waiting.pop()
        if thing is inner:
            return True
        if inspect.isfunction(thing) and not any(thing is other for other in seen):
            seen.append(thing)
            waiting += [getattr(thing, "__wrapped__", None), *inspect.getclosurevars(thing).nonlocals.values()]
    return False
