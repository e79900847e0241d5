"""Middleware: the slash redirect, and what holds for a part of the site. Runs once per request.

A scope is the app, a router or a route: a part of the site with middleware, hooks and error views
of its own. A site without any has neither ScopeMiddleware nor ErrorMiddleware.
"""

from collections.abc import Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware import common
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import escape_leading_slashes
from django.utils.module_loading import import_string

from djng.error_views import error_response, scopes_of, urlconf_site
from djng.exceptions import ScopeError, SetupError, locate, name_of
from djng.responses import View, adapt, rendered, to_response
from djng.routing import Route, Scope, walk


class CommonMiddleware(common.CommonMiddleware):
    """Django's CommonMiddleware, except that the slash redirect keeps a POST's body."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        would_lose_body = response.status_code == 404 and request.method not in ("GET", "HEAD")
        if would_lose_body and self.should_redirect_with_slash(request):
            url = escape_leading_slashes(request.get_full_path(force_append_slash=True))
            response = HttpResponsePermanentRedirect(url, preserve_request=True)
        return super().process_response(request, response)


def before_middleware(functions: list[View]) -> type[MiddlewareMixin]:
    """A middleware that calls the functions in turn until one of them returns a response."""
    calls = [(adapt(function, to_async=False), function) for function in functions]

    class BeforeMiddleware(MiddlewareMixin):
        def process_request(self, request: HttpRequest) -> Any:
            for call, function in calls:
                if (returned := call(request)) is not None:
                    return rendered(to_response(returned, request, function))
            return None

    return BeforeMiddleware


def after_middleware(functions: list[View]) -> type[MiddlewareMixin]:
    """A middleware that passes the response through the functions, the last one first."""
    calls = [(adapt(function, to_async=False), function) for function in reversed(functions)]

    class AfterMiddleware(MiddlewareMixin):
        def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
            for call, function in calls:
                response = rendered(to_response(call(request, response), request, function))
            return response

    return AfterMiddleware


def layers_of(scope: Scope) -> list[Any]:
    """All middleware of a scope, outermost first.

    The functions for responses are further out: they also see the response if a function for
    requests has failed.
    """
    if isinstance(scope, Route):
        return [*scope.middleware]
    layers = [*scope.middleware_classes]
    layers += [after_middleware(scope.after_functions)] if scope.after_functions else []
    return layers + ([before_middleware(scope.before_functions)] if scope.before_functions else [])


class MiddlewareStack:
    """The middleware of one scope around get_response, built once."""

    def __init__(self, layers: list[Any], get_response: View) -> None:
        to_async = iscoroutinefunction(get_response)
        instances: list[Any] = []
        for layer in reversed(layers):
            factory = import_string(layer) if isinstance(layer, str) else layer
            try:
                instance = factory(adapt(get_response, runs_async(factory, to_async)))
            except MiddlewareNotUsed:
                continue
            if instance is None:
                raise missing_return(factory, factory, "a function")
            instances.insert(0, instance)
            get_response = with_error_views(instance, factory)
        self.handler = adapt(get_response, to_async)

        def hooks(name: str, to_async: bool = False) -> list[View]:
            return [adapt(getattr(i, name), to_async) for i in instances if hasattr(i, name)]

        self.view_hooks = hooks("process_view", to_async)
        self.template_hooks = hooks("process_template_response")
        self.exception_hooks = hooks("process_exception")


def runs_async(factory: Any, is_preferred: bool) -> bool:
    """Whether the middleware gets an async get_response: if it can and the rest is async."""
    can_async = getattr(factory, "async_capable", False)
    return bool(can_async if is_preferred else not getattr(factory, "sync_capable", True))


def missing_return(factory: Any, middleware: Any, what: str) -> SetupError:
    """The error for a middleware that returned nothing. Its function may be inside another one."""
    message = f"the middleware {name_of(factory)} returned None instead of {what}."
    return SetupError(message, hint="Did you forget `return`?", where=locate(middleware))


def with_error_views(middleware: Any, factory: Any) -> View:
    """Turn exceptions into responses, as Django does around each middleware."""

    def call(request: HttpRequest) -> Any:
        try:
            if response := middleware(request):
                return response
            raise missing_return(factory, middleware, "a response")
        except Exception as error:
            if response := error_response(request, error):
                return response
            raise

    async def call_async(request: HttpRequest) -> Any:
        try:
            if response := await middleware(request):
                return response
            raise missing_return(factory, middleware, "a response")
        except Exception as error:
            if response := await sync_to_async(error_response)(request, error):
                return response
            raise

    return convert_exception_to_response(call_async if iscoroutinefunction(middleware) else call)


class ScopeMiddleware(MiddlewareMixin):
    """Runs the middleware of the scopes that the request's URL is in. It is the last middleware.

    The app's own middleware runs first and may change the request. Then the URL decides which
    routers and which route follow.
    """

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        self.stacks: dict[Scope, MiddlewareStack] = {}
        self.prefixes: tuple[str, ...] = ()  # for other paths, nothing needs to be looked up
        self.site = urlconf_site()  # None with another ROOT_URLCONF
        for rule, scope in walk(self.site) if self.site else ():
            if layers := layers_of(scope):
                if scope is not self.site:
                    self.prefixes += (f"/{rule.partition('<')[0]}",)
                if scope not in self.stacks:
                    self.stacks[scope] = MiddlewareStack(layers, self.inside(scope))
        if not self.stacks:
            raise MiddlewareNotUsed
        self.site_stacks = self.stacks_of((self.site,))
        if iscoroutinefunction(self):
            self.process_view = self.process_view_async  # type: ignore[method-assign]
        if any(stack.template_hooks for stack in self.stacks.values()):  # they cost each template
            self.process_template_response = self.process_template

    def inside(self, scope: Scope) -> View:
        """What a scope's middleware gets as get_response: the next scope, or the view."""

        def get_response(request: Any) -> Any:
            if scope is self.site:
                return self.enter_scopes(request)
            stacks = request._djng_stacks
            return self.enter(request, stacks[stacks.index(self.stacks[scope]) + 1 :])

        return markcoroutinefunction(get_response) if iscoroutinefunction(self) else get_response

    def stacks_of(self, scopes: Iterable[Any]) -> tuple[MiddlewareStack, ...]:
        return tuple(self.stacks[scope] for scope in scopes if scope in self.stacks)

    def __call__(self, request: HttpRequest) -> Any:
        enter = self.site_stacks[0].handler if self.site_stacks else self.enter_scopes
        return enter(request)

    def enter_scopes(self, request: Any) -> Any:
        """Enter the scopes of the URL, which the app's own middleware may have changed."""
        request._djng_stacks = ()
        if request.path_info.startswith(self.prefixes):
            request.resolver_match = None
            request._djng_stacks = self.stacks_of(scopes_of(request))
        return self.enter(request, request._djng_stacks)

    def enter(self, request: Any, stacks: tuple[MiddlewareStack, ...]) -> Any:
        """Call the first of the stacks, or the view."""
        return stacks[0].handler(request) if stacks else self.get_response(request)

    def check_scopes(self, request: Any, view: View) -> None:
        """Raise ScopeError if the view would run without its middleware, or with another's."""
        entered = request._djng_stacks
        if not entered and not hasattr(view, "_djng_scopes"):
            return  # most requests, so this is cheap
        if (expected := self.stacks_of(scopes_of(request))) != entered:
            how = "without" if {*expected} - {*entered} else "with more than"
            message = f"a request reached {name_of(view)}() {how} the middleware of its URL."
            hint = (
                "A middleware changed its path, method or URLconf too late. Do this in a "
                "middleware of the whole site, before it calls get_response."
            )
            raise ScopeError(message, hint=hint, where=locate(view))

    def hooks(self, request: Any, kind: str) -> list[View]:
        """The hooks of the middleware that the request is in, outermost first."""
        stacks = self.site_stacks + request._djng_stacks
        return [hook for stack in stacks for hook in getattr(stack, kind)]

    def process_view(self, request: HttpRequest, view: View, *args: Any) -> Any:
        for hook in self.hooks(request, "view_hooks"):
            if response := hook(request, view, *args):
                return response
        return self.check_scopes(request, view)

    async def process_view_async(self, request: HttpRequest, view: View, *args: Any) -> Any:
        for hook in self.hooks(request, "view_hooks"):
            if response := await hook(request, view, *args):
                return response
        return self.check_scopes(request, view)

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        hooks = reversed(self.hooks(request, "exception_hooks"))
        return next(filter(None, (hook(request, error) for hook in hooks)), None)

    def process_template(self, request: HttpRequest, response: Any) -> Any:
        for hook in reversed(self.hooks(request, "template_hooks")):
            response = hook(request, response)
        return response


class ErrorMiddleware(MiddlewareMixin):
    """Answers exceptions by the error views for their classes.

    It is the first middleware, so Django asks every other `process_exception` before this one.
    """

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        site = urlconf_site()
        scopes = [scope for _, scope in walk(site)] if site else []
        keys = [key for scope in scopes for key in getattr(scope, "error_views", ())]
        if all(isinstance(key, int) for key in keys):
            raise MiddlewareNotUsed

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        return error_response(request, error)
