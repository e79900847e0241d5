"""Collect routes, middleware, hooks and error views. Runs while the user's file is imported."""

import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, TypedDict, TypeVar, Unpack

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from djng.exceptions import Location, RouteError, SetupError, caller, listed, name_of
from djng.responses import View
from djng.rules import accepts, check_rule

ViewT = TypeVar("ViewT", bound=View)
# Attributes that Django's decorators set. On a router they have no effect.
EXEMPTIONS = {"csrf_exempt", "login_required", "_non_atomic_requests"}


class Decorator(Protocol):
    """A decorator that returns what it decorates."""

    def __call__(self, decorated: ViewT, /) -> ViewT: ...


class RouteOptions(TypedDict, total=False):
    """The keywords of `get`, `post` and the like."""

    name: str | None
    template: str | None
    middleware: Iterable[Any]


@dataclass(frozen=True, eq=False)  # it is the key of its middleware
class Route:
    """One decorated view. Its methods are ``(None,)`` if it answers every method."""

    rule: str
    view: View
    methods: tuple[str | None, ...]
    name: str
    template: str | None
    where: Location
    middleware: tuple[Any, ...]

    def __str__(self) -> str:
        return f'"/{self.rule}"'


class Include(NamedTuple):
    """URLs under a prefix: a Router, or anything that Django's `path` takes."""

    prefix: str
    urls: Any
    namespace: str | None
    decorators: tuple[Callable[..., Any], ...]
    where: Location


class BaseRouter:
    """What the app and a Router have in common."""

    app_name: str | None = None
    decorators: tuple[Callable[..., Any], ...] = ()

    def __init__(self, middleware: Iterable[Any] = ()) -> None:
        self.where = caller()
        self.middleware_classes: list[Any] = [*listed(middleware, "middleware")]
        self.before_functions: list[View] = []
        self.after_functions: list[View] = []
        self.error_views: dict[int | type[Exception], tuple[View, str | None]] = {}
        self.resolved: Location | None = None
        self.entries: list[Include | list[Route]] = []  # the routes of one URL are one entry
        self.undecorated: set[tuple[Location, str]] = set()  # calls of `route` without a view
        self._routes_by_shape: dict[str, list[Route]] = {}

    def route(
        self,
        rule: str,
        *,
        name: str | None = None,
        methods: Sequence[str] | None = None,
        template: str | None = None,
        middleware: Iterable[Any] = (),
    ) -> Decorator:
        """Answer the URLs that match `rule` with the decorated view.

        Takes a rule of Django's `path`, with or without the leading slash; the name of the URL (by
        default the view's name); the methods (by default all); the template for a returned dict;
        and middleware for this view alone: classes or dotted names, outermost first. Returns a
        decorator that returns the view unchanged. Raises RouteError if Django cannot read the rule
        or the view does not take its placeholders. ::

            @app.route("/posts/<int:pk>/", template="post.html")
            def post(request, pk): return {"post": get_object_or_404(Post, pk=pk)}
        """
        if not isinstance(rule, str):
            raise RouteError("the decorator has no rule.", hint='Write @app.route("/...").')
        accepted = (None,) if methods is None else tuple(map(str.upper, listed(methods, "methods")))
        layers = listed(middleware, "middleware")
        call = (caller(), rule)
        self.undecorated.add(call)

        def decorate(view: ViewT, /) -> ViewT:
            self.undecorated.discard(call)
            check_rule(rule)
            if isinstance(view, BaseRouter):
                hint = 'Write app.include("/shop/", router).'
                raise RouteError("a router is not a view: it has routes of its own.", hint=hint)
            url_name = name or name_of(view)
            path = rule.removeprefix("/")
            self._add_route(Route(path, view, accepted, url_name, template, caller(), layers))
            return view

        return decorate

    def get(self, rule: str, **options: Unpack[RouteOptions]) -> Decorator:
        """`route` for GET and HEAD: ``@app.get("/about/")``."""
        return self.route(rule, methods=["GET"], **options)

    def post(self, rule: str, **options: Unpack[RouteOptions]) -> Decorator:
        """`route` for POST: ``@app.post("/posts/")``."""
        return self.route(rule, methods=["POST"], **options)

    def put(self, rule: str, **options: Unpack[RouteOptions]) -> Decorator:
        """`route` for PUT: ``@app.put("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["PUT"], **options)

    def patch(self, rule: str, **options: Unpack[RouteOptions]) -> Decorator:
        """`route` for PATCH: ``@app.patch("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["PATCH"], **options)

    def delete(self, rule: str, **options: Unpack[RouteOptions]) -> Decorator:
        """`route` for DELETE: ``@app.delete("/posts/<int:pk>/")``."""
        return self.route(rule, methods=["DELETE"], **options)

    def include(
        self,
        prefix: str,
        urls: Any,
        *,
        namespace: str | None = None,
        decorators: Iterable[Callable[..., Any]] = (),
    ) -> None:
        """Put a router's or somebody else's URLs under a prefix.

        Takes the prefix; a `Router`, a module's name, a list of patterns, ``(patterns, app_name)``
        or an ``admin.site.urls``; the namespace for the URLs' names; and view decorators, which are
        applied to every view below, the last one outermost. Django imports a module when it
        resolves the first URL. Raises RouteError for anything else. ::

            app.include("/shop/", router, namespace="shop")
            app.include("/api/", api.urls, decorators=[login_required])
        """
        check_included(prefix, urls, self)
        wrappers = listed(decorators, "decorators")
        self._refuse_late()
        self.entries.append(Include(prefix.removeprefix("/"), urls, namespace, wrappers, caller()))
        if isinstance(urls, BaseRouter):
            self._use_scopes()

    def middleware(self, middleware: ViewT) -> ViewT:
        """Add a middleware, inside those that were added before.

        Takes what Django takes: a class or a function that gets ``get_response``, sync or async.
        Returns it. Raises SetupError if it does not take one argument. ::

            @app.middleware
            def timing(get_response): ...
        """
        self._add_hook(self.middleware_classes, middleware, "get_response")
        return middleware

    def before_request(self, function: ViewT) -> ViewT:
        """Call a function with each request before its view.

        If it returns something other than None, that is the response, and the view is not called.
        It may return what a view may return. Functions run in the order in which they are added.
        Returns the function. Raises SetupError if it does not take one argument. ::

            @app.before_request
            def closed(request): return "We are closed.", 503
        """
        self._add_hook(self.before_functions, function, "request")
        return function

    def after_request(self, function: ViewT) -> ViewT:
        """Call a function with each request and its response; it returns the response.

        The function that is added last is called first, as in Flask. Returns the function. Raises
        SetupError if it does not take two arguments. ::

            @app.after_request
            def served(request, response): return response
        """
        self._add_hook(self.after_functions, function, "request", "response")
        return function

    def error(self, kind: int | type[Exception], *, template: str | None = None) -> Decorator:
        """Answer errors with the decorated view.

        Takes a status (400, 403, 404 or 500) or an exception class, and the template for a returned
        dict. While DEBUG is on, Django shows its own pages for a status. The view takes the request
        and the exception. Its response has the status that Django would answer with, unless the
        view says another. Django still logs the error, sends its signals, rolls back the
        transaction and calls `process_exception`. Raises SetupError for another status. ::

            @app.error(404)
            def not_found(request, exception): return "There is nothing here."
        """
        self._refuse_late()
        if isinstance(kind, type) and issubclass(kind, Exception):
            self._use_scopes()
        elif kind not in (400, 403, 404, 500):
            hint = "Write @app.error(404), or 400, 403 or 500, or a class of exceptions."
            raise SetupError(f"no error view is called for {kind!r}.", hint=hint)

        def decorate(view: ViewT, /) -> ViewT:
            check_hook(view, "request", "exception")
            self.error_views[kind] = view, template
            return view

        return decorate

    def _add_route(self, route: Route) -> None:
        self._refuse_late()
        # Two rules that differ in the placeholders' names only match the same URLs.
        shape = re.sub(r"<(?:str:|([^<>:]+:))?[^<>:]+>", r"<\1>", route.rule)
        same_url = self._routes_by_shape.setdefault(shape, [])
        for other in same_url:
            check_pair(route, other)
        if not same_url:
            self.entries.append(same_url)
        same_url.append(route)
        if route.middleware:
            self._use_scopes()

    def _add_hook(self, hooks: list[Any], function: Any, *arguments: str) -> None:
        self._refuse_late()
        check_hook(function, *arguments)
        self._use_scopes()
        hooks.append(function)

    def _use_scopes(self) -> None:
        """Called when something holds for a part of the site; the app adds middleware for it."""

    def _refuse_late(self) -> None:
        if self.resolved:
            hint = "Write reverse_lazy() there, or move it below all routes and imports of routes."
            raise SetupError(f"too late: {self.resolved} has already looked up a URL.", hint=hint)


Scope = BaseRouter | Route


class Router(BaseRouter):
    """Routes for a part of a site, in the site's file or in another one.

    Takes middleware for this part alone (classes or dotted names, outermost first); view decorators
    for every view below (the last one outermost, as in Flask's ``View.decorators``); and Django's
    `app_name` for the names of its URLs. It has the decorators of the app for routes, middleware
    and errors. ``app.include`` puts it under a prefix, more than once if you like. ::

        router = Router(decorators=[login_required])
        app.include("/shop/", router, namespace="shop")
    """

    all: ClassVar["list[Router]"] = []

    def __init__(
        self,
        *,
        middleware: Iterable[Any] = (),
        decorators: Iterable[Callable[..., Any]] = (),
        app_name: str | None = None,
    ) -> None:
        super().__init__(middleware)
        self.decorators = listed(decorators, "decorators")
        self.app_name = app_name
        Router.all.append(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request by its ``path_info`` among the router's own URLs.

        Takes a request and returns the view's response, rendered. Raises what the view raises, and
        SetupError if the router has middleware or hooks, which only an included router runs. ::

            response = router(RequestFactory().get("/7/"))
        """
        from djng.patterns import call_router  # it needs routers, and few are called

        response: HttpResponseBase = call_router(self, request)
        return response


def check_included(prefix: Any, urls: Any, outer: BaseRouter) -> None:
    """Raise RouteError for a prefix that is no path, and for URLs that nothing can include."""
    if not isinstance(prefix, str):
        hint = (
            'Write app.include("/shop/", ...). For a translated prefix, include a list of path().'
        )
        raise RouteError("the prefix is not a string.", hint=hint)
    if isinstance(router := inspect.unwrap(urls) if callable(urls) else None, BaseRouter):
        check_router(prefix, urls, router, outer)
    elif callable(urls):
        hint = "To route a view, write app.route(...)."
        raise RouteError(f"{name_of(urls)} has no URLs to include.", hint=hint)


def check_router(prefix: str, urls: Any, router: BaseRouter, outer: BaseRouter) -> None:
    if urls is not router or EXEMPTIONS & vars(router).keys():
        written = re.search(r"([\w.]+)\(([\w.]+)\)", linecache.getline(*caller()))
        decorator, name = written.groups() if written else ("...", "router")
        hint = f'Write app.include("{prefix}", {name}, decorators=[{decorator}]).'
        raise RouteError("a router cannot be decorated.", hint=hint)
    if any(scope is outer for _, scope in walk(router)):
        raise RouteError("a router is included in itself.")
    if prefix.strip("/") and not prefix.endswith("/"):
        hint = f'Write app.include("{prefix}/", ...).'
        raise RouteError(f'the prefix "{prefix}" does not end with a slash.', hint=hint)


def check_pair(route: Route, other: Route) -> None:
    """Raise RouteError if two routes for the same URLs contradict each other."""
    hint = f"The other is at {other.where}."
    if route.rule != other.rule:
        message = f"{route} and {other} are the same URL"
        message += ", so their placeholders need the same names."
        raise RouteError(message, hint=hint, where=route.where)
    for method in {*route.methods} & {*other.methods}:
        message = f"two functions answer {method or 'each method of'} {route}."
        raise RouteError(message, hint=hint, where=route.where)


def check_hook(function: Any, *arguments: str) -> None:
    """Raise SetupError if the function does not take these arguments."""
    if not accepts(function, *arguments):
        hint = f"Write `def {name_of(function)}({', '.join(arguments)})`."
        message = f"{name_of(function)}() does not take the arguments that it gets."
        raise SetupError(message, hint=hint)


def walk(router: BaseRouter, prefix: str = "") -> Iterator[tuple[str, Scope]]:
    """The router, its routes and all below it, in file order, each with its rule from the root."""
    yield prefix, router
    for entry in router.entries:
        if not isinstance(entry, Include):
            yield from ((prefix + route.rule, route) for route in entry)
        elif isinstance(entry.urls, BaseRouter):
            yield from walk(entry.urls, prefix + entry.prefix)
