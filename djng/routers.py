"""Routers: parts of a site that nest. Runs while the user's file is imported, and for a request.

`Part` is what the app and they have in common. `Alone` answers where a router is called by itself.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from types import SimpleNamespace
from typing import Any, ClassVar

from django.core import checks
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, URLResolver
from django.urls.resolvers import RegexPattern

from djng import mounts, scopes, urls, views
from djng.errors import SetupError, caller, name_of
from djng.urls import Decorated, Decorator


class Part(urls.Routes, scopes.Scope):
    """What the app and a router have in common: routes, and what holds for them alone."""

    def __init__(self, middleware: Iterable[Any] = ()) -> None:
        urls.Routes.__init__(self)
        scopes.Scope.__init__(self, urls.listed_middleware(middleware))

    def middleware(self, middleware: Decorated) -> Decorated:
        """Put this part behind a middleware, within those that it has already.

        Takes what Django takes: a class or a function that gets ``get_response``, sync or async.
        Returns it. ::

            @app.middleware
            def timing(get_response): ...
        """
        self._refuse_late()
        check_hook(middleware, "get_response")
        self._use_scopes()
        self.middleware_classes.append(middleware)
        return middleware

    def before_request(self, function: Decorated) -> Decorated:
        """Call a function with each request to this part, before its view.

        What it returns, if not None, is the response in place of the view's: anything that a view
        may return. Those that are there already are called first. Returns the function. ::

            @app.before_request
            def closed(request): return "We are closed.", 503
        """
        self._refuse_late()
        check_hook(function, "request")
        self._use_scopes()
        self.before.append(views.as_hook(function))
        return function

    def after_request(self, function: Decorated) -> Decorated:
        """Call a function with each request to this part and its response, which it returns.

        Those that are there already are called later, as in Flask. Returns the function. ::

            @app.after_request
            def served(request, response): return response
        """
        self._refuse_late()
        check_hook(function, "request", "response")
        self._use_scopes()
        self.after.append(views.as_hook(function, is_after=True))
        return function

    def error(
        self, kind: int | type[Exception], *, template: str | None = None
    ) -> Decorator[Decorated]:
        """Answer an error in this part with the decorated view.

        Takes a status (400, 403, 404 or 500), of which Django shows its own page while DEBUG is on,
        or a class of exceptions; and the template for a returned dict. The view takes the request
        and the exception, and what it returns has the status that Django answers such an error
        with, unless it says another. Django's log, signals, transactions and `process_exception`
        know of the error as of any other. Raises SetupError for another status. ::

            @app.error(404)
            def not_found(request, exception): return "There is nothing here."
        """
        self._refuse_late()
        if isinstance(kind, type) and issubclass(kind, Exception):
            self._use_scopes()
        elif kind not in (400, 403, 404, 500):
            hint = "Write @app.error(404), or 400, 403 or 500, or a class of exceptions."
            raise SetupError(f"no error view is called for {kind!r}.", hint=hint)

        def decorate(view: Decorated) -> Decorated:
            check_hook(view, "request", "exception")
            self.error_views[kind] = views.as_error_view(view, template)
            return view

        return decorate


def check_hook(function: Any, *arguments: str) -> None:
    """Raise SetupError for a function that does not take these arguments."""
    if not urls.fits(function, *arguments):
        hint = f"Write `def {name_of(function)}({', '.join(arguments)})`."
        message = f"{name_of(function)}() does not take what it is given."
        raise SetupError(message, hint=hint)


class Router(Part):
    """Routes for a part of a site, in its file or another one; a view by itself.

    Takes middleware for this part alone, classes or dotted names, the outermost first, and the
    `app_name` of its URLs, as Django calls it. Has the decorators of the app for routes, middleware
    and errors. `Djng.include`, or another router's, puts it under a prefix, more than once if need
    be; where it is decorated, its middleware stands around the decorator. Called with a request it
    answers it by its ``path_info``, as a site of its own. ::

        router = Router(middleware=["shop.Basket"])
        app.include("/shop/", router, namespace="shop")
    """

    made: ClassVar["list[Router]"] = []

    def __init__(self, *, middleware: Iterable[Any] = (), app_name: str | None = None) -> None:
        super().__init__(middleware)
        self.app_name = app_name
        self.where = caller()
        Router.made.append(self)

    def _check(self, route: urls.Route) -> None:
        """Wait: the prefix may have placeholders too."""

    def __call__(self, request: Any) -> HttpResponseBase:
        view = mounts.routed.get().get(self)
        answer: HttpResponseBase = view(request) if view else self._alone.answer(request)
        return answer

    @cached_property
    def _alone(self) -> "Alone":
        return Alone(self)


def unmounted() -> Iterator[checks.Warning]:
    """A system check: the routers with routes that are included nowhere."""
    for router in Router.made:
        if router._entries and not router._resolved:
            message = f"{router.where}: this Router is included nowhere."
            yield checks.Warning(message, hint='Write app.include("/...", router).', id="djng.W002")


class Alone(BaseHandler):
    """Answers for a router as for a whole site, but raises what no error view of it answers.

    What a site does within its middleware is in `BaseHandler._get_response`, and takes the hooks of
    middleware from three lists: private names, for Django has no public ones, and the alternative
    is to do all of that again.
    """

    def __init__(self, router: Router) -> None:
        patterns = mounts.Builder(views.as_view, (router,)).patterns(router)
        conf: Any = SimpleNamespace(urlpatterns=patterns, scopes=(router,))
        self.resolver = URLResolver(RegexPattern(r"^/"), conf)
        self.chain: Any = self.respond
        with suppress(MiddlewareNotUsed):
            self.chain = scopes.Scoped(self.respond, self.resolver, convert=lambda layer: layer)
        self._view_middleware = self.hooks("process_view")
        self._exception_middleware = self.hooks("process_exception")
        self._template_response_middleware = self.hooks("process_template_response")

    def hooks(self, name: str) -> list[Any]:
        return [getattr(self.chain, name)] if hasattr(self.chain, name) else []

    def answer(self, request: HttpRequest) -> Any:
        match, request.resolver_match = request.resolver_match, None  # it may be that of a site
        try:
            return self.chain(request)
        finally:
            request.resolver_match = match

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.resolver_match = self.resolver.resolve(request.path_info)
        return request.resolver_match

    def respond(self, request: HttpRequest) -> Any:
        try:
            return super()._get_response(request)  # type: ignore[misc]
        except Exception as error:
            response = scopes.respond(request, error, self.resolver, by_status=True)
            if response is None:
                raise
            return response
