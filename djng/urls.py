"""Routes. The decorators run while the user's file is imported, the rest before the first request.

Functions that share a rule share a URL: `group_view` makes of them the one view that Django wants.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, update_wrapper
from typing import Any, NamedTuple, TypeVar

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import (
    path,
    register_converter,
    resolve,
)
from django.urls.converters import StringConverter, get_converters
from django.utils.decorators import decorator_from_middleware
from django.utils.log import log_response
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from djng.errors import KeywordError, Location, RouteError, SetupError, caller, name_of

View = Callable[..., Any]
Views = dict[str | None, View]
Decorated = TypeVar("Decorated", bound=View)
Decorator = Callable[[Decorated], Decorated]
MakeView = Callable[[View, str | None], View]

NON_ATOMIC = "_non_atomic_requests"
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Route(NamedTuple):
    """One decorated view; its methods are None alone where it takes them all."""

    rule: str
    view: View
    methods: Sequence[str | None]
    name: str
    template: str | None
    where: Location
    middleware: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f'"/{self.rule}"'

    def layers(self) -> tuple[Any, ...]:
        return self.middleware


class Include(NamedTuple):
    """A router's or somebody else's URLs under a prefix, in any form that Django's `path` takes."""

    prefix: str
    urls: Any
    namespace: str | None
    where: Location
    router: "Routes | None" = None  # where `urls` is one, or a decorated one


Entry = Route | Include


class Routes:
    """The decorators that collect routes, in the order of the file."""

    app_name: str | None = None

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._alike: dict[str, list[Route]] = {}
        self._resolved: Location | None = None

    def _refuse_late(self) -> None:
        if self._resolved:
            hint = "Use reverse_lazy() while the file is read, and import there what has routes."
            raise SetupError(f"too late: {self._resolved} has resolved a URL.", hint=hint)

    def _add(self, entry: Entry) -> None:
        self._refuse_late()
        if isinstance(entry, Route):
            # The names of the placeholders are no part of what a rule matches.
            shape = re.sub(r"<(?:str:|([^<>:]+:))?[^<>:]+>", r"<\1>", entry.rule)
            alike = self._alike.setdefault(shape, [])
            for other in alike:
                check_pair(entry, other)
            alike.append(entry)
        if entry.router if isinstance(entry, Include) else entry.middleware:
            self._use_scopes()
        self._entries.append(entry)

    def _use_scopes(self) -> None:
        """Take note that some part has something of its own; only the app has to."""

    def route(
        self,
        rule: str,
        *,
        name: str | None = None,
        methods: Sequence[str] | None = None,
        template: str | None = None,
        middleware: Iterable[Any] = (),
    ) -> Decorator[Decorated]:
        """Answer the URLs that `rule` matches with the decorated view.

        Takes a rule of Django's `path`, with or without the leading slash; the URL's name, by
        default the view's; the methods, by default all; the template that a returned dict is for;
        and middleware for this view alone, classes or dotted names, the outermost first. Returns a
        decorator that returns the view unchanged. Raises RouteError for a rule that Django does not
        read or that does not fit the view's arguments. ::

            @app.route("/posts/<int:pk>/", template="post.html")
            def post(request, pk): return {"post": get_object_or_404(Post, pk=pk)}
        """
        if not isinstance(rule, str):
            raise RouteError("the decorator has no rule.", hint='Write @app.route("/...").')
        if isinstance(methods, str):
            raise RouteError(f"methods={methods!r} is not a list.", hint=f'Write ["{methods}"].')
        accepted = tuple(method.upper() for method in methods) if methods else (None,)

        def decorate(view: Decorated) -> Decorated:
            check_rule(rule)
            route = Route(
                rule.removeprefix("/"),
                view,
                accepted,
                name or name_of(view),
                template,
                caller(),
                listed_middleware(middleware),
            )
            self._check(route)
            self._add(route)
            return view

        return decorate

    def _check(self, route: Route) -> None:
        check_arguments(route)

    def get(self, rule: str, **options: Any) -> Decorator[Decorated]:
        """`route` for GET and HEAD: ``@app.get("/about/")``."""
        return self.route(rule, methods=["GET"], **options)

    def post(self, rule: str, **options: Any) -> Decorator[Decorated]:
        """`route` for POST: ``@app.post("/posts/")``."""
        return self.route(rule, methods=["POST"], **options)

    def put(self, rule: str, **options: Any) -> Decorator[Decorated]:
        """`route` for PUT: ``@app.put("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["PUT"], **options)

    def patch(self, rule: str, **options: Any) -> Decorator[Decorated]:
        """`route` for PATCH: ``@app.patch("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["PATCH"], **options)

    def delete(self, rule: str, **options: Any) -> Decorator[Decorated]:
        """`route` for DELETE: ``@app.delete("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["DELETE"], **options)

    def include(self, prefix: str, urls: Any, *, namespace: str | None = None) -> None:
        """Put a router's or somebody else's URLs under a prefix.

        Takes the prefix; a `Router`, as it is or decorated, a module's name, a list of patterns,
        ``(patterns, app_name)`` or all of an ``admin.site.urls``; and the namespace of their names.
        A module is imported when the first URL is resolved. Raises RouteError for anything else. ::

            app.include("/shop/", router, namespace="shop")
            app.include("/accounts/", "django.contrib.auth.urls")
        """
        self._add(
            Include(relative(prefix), urls, namespace, caller(), router_of(prefix, urls, self))
        )


def relative(prefix: Any) -> str:
    """The prefix without the slash at its beginning, which Django does not want."""
    if not isinstance(prefix, str):
        hint = (
            'Write app.include("/shop/", ...). One that is translated goes into a list of path().'
        )
        raise RouteError("the prefix is no text.", hint=hint)
    return prefix.removeprefix("/")


def router_of(prefix: str, urls: Any, outer: Routes) -> Routes | None:
    """The router that is included, if it is one; raises RouteError for what can be none."""
    if not callable(urls):
        return None
    router = inspect.unwrap(urls)
    if not isinstance(router, Routes):
        hint = "Write app.route(...) for a view. A decorator of a router needs functools.wraps()."
        raise RouteError(f"{name_of(urls)} has no URLs to include.", hint=hint)
    if outer in nested(router):
        raise RouteError("a router is included in itself.")
    if iscoroutinefunction(urls):
        hint = "Decorate its views, or write a middleware."
        raise RouteError("a router cannot be decorated by what is async.", hint=hint)
    if prefix.strip("/") and not prefix.endswith("/"):
        hint = f'Write app.include("{prefix}/", ...).'
        raise RouteError(f'the prefix "{prefix}" does not end with a slash.', hint=hint)
    return router


def nested(routes: Any) -> Iterator[Any]:
    """A router and all that are included in it."""
    yield routes
    for entry in routes._entries:
        if isinstance(entry, Include) and entry.router:
            yield from nested(entry.router)


def listed_middleware(given: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(given, str):
        hint = f'Write ["{given}"].'
        raise KeywordError(f"middleware={given!r} is not a list.", hint=hint)
    return tuple(given)


def check_pair(route: Route, other: Route) -> None:
    """Raise RouteError where two functions would answer the same, or one would never answer."""
    hint = f"The other is at {other.where}."
    if route.rule != other.rule:
        message = f"{route} and {other} are one URL: its placeholders have one name."
        raise RouteError(message, hint=hint)
    for method in {*route.methods} & {*other.methods}:
        raise RouteError(f"two functions answer {method or 'any method of'} {route}.", hint=hint)


def check_rule(rule: str) -> None:
    """Raise RouteError for what Django would not read, or would read as something else."""
    hint = "Django routes use <int:id>; for a regex, app.include() a list with re_path()."
    if re.search(r"[<>{}]|\(\?", re.sub(r"<[^<>{}]+>", "", rule)):
        raise RouteError(f'"{rule}" is not a route of Django.', hint=hint)
    register_converters(rule)
    try:
        path(rule.removeprefix("/"), HttpResponse)
    except ImproperlyConfigured as error:
        known = [name for name in get_converters() if "(" not in name]
        names = ", ".join(dict.fromkeys([*known, "float", "string", "any(a,b)"]))
        hint = f"Write <converter:name>; the converters are {names}."
        raise RouteError(str(error), hint=hint) from error


def check_arguments(route: Route, prefix: str = "") -> None:
    """Raise RouteError where the view does not take what its URL gives."""
    rule = prefix + route.rule
    placeholders = [*path(rule, HttpResponse).pattern.converters]
    for view in handlers(route.view):
        if not fits(view, None, **dict.fromkeys(placeholders)):
            raise misfit(rule, view, placeholders, route)


def misfit(rule: str, view: View, placeholders: list[str], route: Route) -> RouteError:
    name, signature = name_of(view), inspect.signature(view)
    given = ", ".join(placeholders) or "no argument"
    problem = f'the route "/{rule}" gives {given} to {name}{signature}.'
    if not signature.parameters:
        problem = f"{name}() does not take the request."
    wanted = ", ".join(["self"] * inspect.isclass(route.view) + ["request", *placeholders])
    hint = f"Write `def {name}({wanted})`, or change the route."
    return RouteError(problem, hint=hint, where=route.where)


def handlers(view: View) -> Iterator[View]:
    """The functions that will take the placeholders: those of a class-based view, or the view."""
    if isinstance(view, Routes):
        hint = 'Write app.include("/shop/", router).'
        raise RouteError("a router has rules of its own.", hint=hint)
    if not inspect.isclass(view):
        yield view
    elif not hasattr(view, "as_view"):
        hint = f"Route an instance: app.route(...)({view.__name__}())."
        raise RouteError(f"{view.__name__} is a class, not a view.", hint=hint)
    else:
        methods = (getattr(view, name.lower(), None) for name in METHODS if name != "OPTIONS")
        yield from (partial(method, None) for method in methods if method)


def fits(view: View, *args: Any, **kwargs: Any) -> bool:
    """Whether the view takes these arguments; what was not written in Python takes any."""
    # Django's own decorators hand on what they get; another may add an argument.
    while getattr(view, "__globals__", {}).get("__name__", "").startswith("django."):
        if not hasattr(view, "__wrapped__") or hasattr(view, "view_class"):
            break
        view = view.__wrapped__
    try:
        inspect.signature(view, follow_wrapped=False).bind(*args, **kwargs)
    except (TypeError, ValueError) as error:
        return isinstance(error, ValueError)
    return True


class FloatConverter:
    regex = r"\d+(?:\.\d+)?"
    to_python = float
    to_url = str


def register_converters(rule: str) -> None:
    """Make Flask's `float`, `string` and `any(a,b)` known to Django, where a rule uses them."""
    for kind, choices in re.findall(r"<((?:float|string)(?=:)|any\(([^()]*)\))", rule):
        if kind not in get_converters():  # the file may bring its own; twice is an error
            regex = f"(?:{'|'.join(map(re.escape, choices.split(',')))})"
            choice: Any = type("AnyConverter", (StringConverter,), {"regex": regex})
            flask = {"float": FloatConverter, "string": StringConverter}
            register_converter(flask.get(kind, choice), kind)


def walk(routes: Routes, prefix: str = "") -> Iterator[tuple[str, Route]]:
    """Every route, those of the routers too, and the prefix that it is under."""
    for entry in routes._entries:
        if isinstance(entry, Route):
            yield prefix, entry
        elif entry.router:
            yield from walk(entry.router, prefix + entry.prefix)


def unreached(routes: Routes) -> Iterator[checks.Warning]:
    """A system check: the routes of which something above them takes the URL."""
    for prefix, route in walk(routes):
        url = f"/{prefix}{route.rule}"
        if "<" not in url:
            taken_by = getattr(resolve(url).func, "routes", [])
            if route not in taken_by:
                where = f", {taken_by[0].where}," if taken_by else ""
                hint = f"What is above it{where} takes its URL: move it up."
                message = f'{route.where}: "{url}" is never reached.'
                yield checks.Warning(message, hint=hint, id="djng.W001")


def group_view(group: list[Route], make_view: MakeView) -> View:
    """The one view of the routes that share a rule: it hands the request to that of its method."""
    views: Views = {}
    for route in group:
        views |= dict.fromkeys(route.methods, make_view(route.view, route.template))
    if list(views) == [None]:
        return views[None]
    if "GET" in views:
        views.setdefault("HEAD", views["GET"])
    marks = common_marks(list(views.values()))
    views = {None: refusal([*views, "OPTIONS"], group[0]), **views}
    views = {method: guarded(view, method, marks) for method, view in views.items()}
    has_async = any(map(iscoroutinefunction, views.values()))
    if has_async:
        views = {m: v if iscoroutinefunction(v) else sync_to_async(v) for m, v in views.items()}
    other = views[None]

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return views.get(request.method, other)(request, *args, **kwargs)

    vars(update_wrapper(dispatch, group[0].view, updated=())).update(marks)
    return markcoroutinefunction(dispatch) if has_async else dispatch


def refusal(accepted: Sequence[str | None], route: Route) -> View:
    """A view that says which methods there are, to OPTIONS and to a method that is none of them."""
    allowed = sorted(filter(None, accepted), key=lambda m: METHODS.index(m) if m in METHODS else 9)

    @csrf_exempt  # a missing token is not what is wrong
    def refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(headers={"Allow": ", ".join(allowed), "Content-Length": "0"})
        response: HttpResponse = HttpResponseNotAllowed(allowed)
        if settings.DEBUG:
            from djng import debug  # nobody else needs it

            response = debug.not_allowed(request, route, allowed)
        text = "Method Not Allowed (%s): %s"
        log_response(text, request.method, request.path, response=response, request=request)
        return response

    return refuse


# Middleware asks the view of a URL whether it is exempt, before it is known which function answers.
# So a URL of several is exempt, and each function that is not itself gets the middleware back.
def common_marks(views: list[View]) -> dict[str, Any]:
    """The attributes of a URL: those that all its views have, and every exemption."""
    first, *others = [vars(view) for view in views]
    marks = {k: v for k, v in first.items() if all(o.get(k, others) == v for o in others)}
    aliases = set().union(*(each.get(NON_ATOMIC, ()) for each in (first, *others)))
    return marks | {"csrf_exempt": True, "login_required": False, NON_ATOMIC: aliases}


def guarded(view: View, method: str | None, marks: dict[str, Any]) -> View:
    """The view in the transactions and behind the middleware that it is not exempt from itself."""
    own = vars(view)
    for alias in marks[NON_ATOMIC] - own.get(NON_ATOMIC, set()):
        if connections.settings[alias]["ATOMIC_REQUESTS"]:
            view = transaction.atomic(using=alias)(view)
    if own.get("login_required", True):
        view = behind("django.contrib.auth.middleware.LoginRequiredMiddleware", view)
    if not own.get("csrf_exempt") and method not in SAFE:
        view = behind("django.middleware.csrf.CsrfViewMiddleware", view)
    return view


def behind(middleware: str, view: View) -> View:
    """The view behind the middleware of that kind that the site has, if it has one."""
    base: Any = import_string(middleware)
    # It may ask the database for the session, which an async view may not.
    may_ask = "csrf" not in middleware or settings.CSRF_USE_SESSIONS
    for guard in map(import_string, settings.MIDDLEWARE):
        if inspect.isclass(guard) and issubclass(guard, base):
            if iscoroutinefunction(view) and may_ask:
                view = async_to_sync(view)
            view = decorator_from_middleware(guard)(view)  # type: ignore[arg-type]
    return view


def check_order(routes: Routes) -> None:
    """Raise RouteError where the file's function wraps the routed one: it is never called."""
    for _, route in walk(routes):
        view, name = route.view, name_of(route.view)
        by_now = getattr(sys.modules.get(getattr(view, "__module__", "")), name, view)
        if by_now is not view and wraps(by_now, view):
            message = f"a decorator of {name}() is above its route and does nothing."
            hint = f"Move line {route.where.line}, the route {route}, above the other decorators."
            raise RouteError(message, hint=hint, where=route.where)


def wraps(outer: Any, view: View) -> bool:
    """Whether `outer` is what a decorator made of the view: a function, a class or a partial."""
    held = getattr(outer, "__dict__", {})
    if inspect.isfunction(outer):
        held = inspect.getclosurevars(outer).nonlocals
    inner = (inspect.unwrap(outer, stop=lambda each: each is view), getattr(outer, "func", None))
    return any(each is view for each in (*inner, *held.values()))
