"""Middleware: the slash redirect, and what holds for a part of the site. Runs once per request.

A scope is the app, a router or a route: a part of the site with middleware, hooks and error views
of its own. A site without any has neither ScopeMiddleware nor ErrorMiddleware.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware import common
from django.urls import get_resolver
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import escape_leading_slashes
from django.utils.module_loading import import_string

from djng.error_views import error_response, find_error_view, resolve_scopes
from djng.exceptions import ScopeError, SetupError, locate, name_of
from djng.responses import View, as_hook
from djng.routing import BaseRouter, Include, Route, nested, walk

Scope = BaseRouter | Route


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


class AsyncCapableMixin:
    """Makes a middleware async if what it calls is async, so that ASGI needs no thread for it."""

    sync_capable = async_capable = True

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            mark: Any = markcoroutinefunction  # its types know functions only
            mark(self)


def adapt(function: View, to_async: bool) -> View:
    """The function as a coroutine function, or as a plain function."""
    if iscoroutinefunction(function) == to_async:
        return function
    return sync_to_async(function) if to_async else async_to_sync(function)


def before_middleware(functions: Iterable[View]) -> View:
    """A middleware that calls the functions in turn until one of them returns a response."""

    @sync_and_async_middleware
    def factory(get_response: View) -> View:
        to_async = iscoroutinefunction(get_response)
        hooks = [adapt(as_hook(each, may_return_none=True), to_async) for each in functions]

        async def call_async(request: HttpRequest) -> Any:
            for hook in hooks:
                if response := await hook(request):
                    return response
            return await get_response(request)

        def call(request: HttpRequest) -> Any:
            responses = (hook(request) for hook in hooks)
            return next(filter(None, responses), None) or get_response(request)

        return call_async if to_async else call

    return factory


def after_middleware(functions: Iterable[View]) -> View:
    """A middleware that passes the response through the functions, the last one first."""

    @sync_and_async_middleware
    def factory(get_response: View) -> View:
        to_async = iscoroutinefunction(get_response)
        hooks = [adapt(as_hook(each, may_return_none=False), to_async) for each in functions][::-1]

        async def call_async(request: HttpRequest) -> Any:
            response = await get_response(request)
            for hook in hooks:
                response = await hook(request, response)
            return response

        def call(request: HttpRequest) -> Any:
            response = get_response(request)
            for hook in hooks:
                response = hook(request, response)
            return response

        return call_async if to_async else call

    return factory


def layers_of(scope: Scope) -> list[Any]:
    """All middleware of a scope, outermost first.

    A function that runs before the view may fail, so those that run after it stand further out.
    """
    if isinstance(scope, Route):
        return [*scope.middleware]
    layers = [*scope.middleware_classes]
    layers += [after_middleware(scope.after_functions)] if scope.after_functions else []
    return layers + ([before_middleware(scope.before_functions)] if scope.before_functions else [])


class MiddlewareStack:
    """The middleware of one scope around what comes inside it, built once as Django builds its."""

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
                raise missing_return(factory)
            instances.append(instance)
            get_response = answering_errors(instance)
        self.handler = adapt(get_response, to_async)

        def hooks(name: str, to_async: bool = to_async) -> list[View]:
            return [adapt(getattr(i, name), to_async) for i in instances if hasattr(i, name)]

        self.view_hooks = hooks("process_view")[::-1]
        self.template_hooks = hooks("process_template_response")
        self.exception_hooks = hooks("process_exception", to_async=False)


def runs_async(factory: Any, is_preferred: bool) -> bool:
    """Whether the middleware gets an async get_response, by Django's rules."""
    can_sync = getattr(factory, "sync_capable", True)
    can_async = getattr(factory, "async_capable", False)
    if not (can_sync or can_async):
        raise RuntimeError(f"Middleware {factory} must be sync_capable or async_capable.")
    return bool(can_async if is_preferred else not can_sync)


def missing_return(middleware: Any) -> SetupError:
    message = f"the middleware {name_of(middleware)} returned None."
    return SetupError(message, hint="Did you forget `return`?", where=locate(middleware))


def answering_errors(middleware: Any) -> View:
    """The middleware, but its exceptions become responses: those outside it see no exception."""

    def call(request: HttpRequest) -> Any:
        try:
            if response := middleware(request):
                return response
            raise missing_return(middleware)
        except Exception as error:
            return error_response(request, error)

    async def call_async(request: HttpRequest) -> Any:
        try:
            if response := await middleware(request):
                return response
            raise missing_return(middleware)
        except Exception as error:
            return await sync_to_async(error_response)(request, error)

    return convert_exception_to_response(call_async if iscoroutinefunction(middleware) else call)


class RequestScopes:
    """The middleware stacks for the URL of one request, and how many of them it has entered."""

    def __init__(self, stacks: tuple[MiddlewareStack, ...]) -> None:
        self.stacks, self.depth = stacks, 0


class ScopeMiddleware(AsyncCapableMixin):
    """Runs the middleware of the scopes that the request's URL is in. It is the last middleware.

    The app's own middleware runs first and may change the request. Then the URL decides which
    routers and which route follow.
    """

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        site = getattr(get_resolver().urlconf_module, "site", None)  # this import starts the site
        if site is None:  # it has another ROOT_URLCONF
            raise MiddlewareNotUsed
        self.stacks: dict[int, MiddlewareStack] = {}
        scopes: Iterable[Scope] = [*nested(site), *(route for _, route in walk(site))]
        for scope in scopes:
            if (layers := layers_of(scope)) and id(scope) not in self.stacks:
                self.stacks[id(scope)] = MiddlewareStack(layers, self._next_step(scope is site))
        if not self.stacks:
            raise MiddlewareNotUsed
        self.site_stacks = self.stacks_of([site])
        self.prefixes = tuple(f"/{prefix}" for prefix in self._prefixes(site))
        self.process_view = self.process_view_async if self.is_async else self.process_view_sync
        if any(stack.template_hooks for stack in self.stacks.values()):  # they cost each template
            hook = self.process_template_async if self.is_async else self.process_template_sync
            self.process_template_response = hook

    def _next_step(self, is_site: bool) -> View:
        if is_site:
            return self.enter_scopes_async if self.is_async else self.enter_scopes
        return self.enter_next_async if self.is_async else self.enter_next

    def _prefixes(self, site: BaseRouter) -> Iterator[str]:
        """What the paths in scopes begin with: all other requests need no look at their URL."""
        for entry in site.entries:
            if isinstance(entry, Route) and self.stacks_of([entry]):
                yield entry.rule.partition("<")[0]
            elif isinstance(entry, Include) and entry.router:
                routes = (route for _, route in walk(entry.router))
                if self.stacks_of([*nested(entry.router), *routes]):
                    yield entry.prefix.partition("<")[0]

    def stacks_of(self, scopes: Iterable[Any]) -> tuple[MiddlewareStack, ...]:
        return tuple(self.stacks[id(scope)] for scope in scopes if id(scope) in self.stacks)

    def stacks_for(self, view: View, request: HttpRequest) -> tuple[MiddlewareStack, ...]:
        """The stacks of the routers and of the route that the view belongs to."""
        by_method = getattr(view, "by_method", {})
        route = by_method.get(request.method, by_method.get(None))
        return self.stacks_of((*getattr(view, "scopes", ())[1:], route))

    def __call__(self, request: HttpRequest) -> Any:
        if self.site_stacks:
            return self.site_stacks[0].handler(request)
        return self.enter_scopes_async(request) if self.is_async else self.enter_scopes(request)

    def find_scopes(self, request: Any) -> bool:
        """Note the scopes of the request's URL; return whether there are any."""
        request._djng_scopes = None
        if request.path_info.startswith(self.prefixes):
            view, scopes = resolve_scopes(request)
            stacks = self.stacks_for(view, request) if view else self.stacks_of(scopes[1:])
            request._djng_scopes = RequestScopes(stacks)
        return bool(request._djng_scopes)

    def enter_scopes(self, request: HttpRequest) -> Any:
        return self.enter_next(request) if self.find_scopes(request) else self.get_response(request)

    async def enter_scopes_async(self, request: HttpRequest) -> Any:
        enter = self.enter_next_async if self.find_scopes(request) else self.get_response
        return await enter(request)

    def enter_next(self, request: Any) -> Any:
        scopes: RequestScopes = request._djng_scopes
        depth = scopes.depth
        if depth == len(scopes.stacks):
            return self.get_response(request)
        scopes.depth += 1
        try:
            return scopes.stacks[depth].handler(request)
        finally:
            scopes.depth = depth

    async def enter_next_async(self, request: Any) -> Any:
        scopes: RequestScopes = request._djng_scopes
        depth = scopes.depth
        if depth == len(scopes.stacks):
            return await self.get_response(request)
        scopes.depth += 1
        try:
            return await scopes.stacks[depth].handler(request)
        finally:
            scopes.depth = depth

    def entered(self, request: HttpRequest) -> tuple[MiddlewareStack, ...]:
        scopes = getattr(request, "_djng_scopes", None)
        return scopes.stacks[: scopes.depth] if scopes else ()

    def check_scopes(self, request: HttpRequest, view: View) -> None:
        """Raise ScopeError if the view would run without its middleware, or with another's."""
        entered, expected = self.entered(request), self.stacks_for(view, request)
        if entered != expected:
            how = "without" if {*expected} - {*entered} else "through more than"
            message = f"a request reached {name_of(view)}() {how} the middleware of its URL."
            hint = (
                "A middleware changed its path, method or URLconf too late. Do this in a "
                "middleware of the whole site, before it calls get_response."
            )
            raise ScopeError(message, hint=hint, where=locate(view))

    def process_view_sync(self, request: HttpRequest, view: View, *args: Any) -> Any:
        for stack in (*self.site_stacks, *self.entered(request)):
            for hook in stack.view_hooks:
                if response := hook(request, view, *args):
                    return response
        return self.check_scopes(request, view)

    async def process_view_async(self, request: HttpRequest, view: View, *args: Any) -> Any:
        for stack in (*self.site_stacks, *self.entered(request)):
            for hook in stack.view_hooks:
                if response := await hook(request, view, *args):
                    return response
        return self.check_scopes(request, view)

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        stacks = reversed((*self.site_stacks, *self.entered(request)))
        hooks = chain.from_iterable(stack.exception_hooks for stack in stacks)
        return next(filter(None, (hook(request, error) for hook in hooks)), None)

    def process_template_sync(self, request: HttpRequest, response: Any) -> Any:
        for stack in reversed((*self.site_stacks, *self.entered(request))):
            for hook in stack.template_hooks:
                response = hook(request, response)
        return response

    async def process_template_async(self, request: HttpRequest, response: Any) -> Any:
        for stack in reversed((*self.site_stacks, *self.entered(request))):
            for hook in stack.template_hooks:
                response = await hook(request, response)
        return response


class ErrorMiddleware(AsyncCapableMixin):
    """Answers exceptions by the error views for their classes.

    It is the first middleware, so Django asks every other `process_exception` before this one.
    """

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        site = getattr(get_resolver().urlconf_module, "site", None)
        keys = chain.from_iterable(each.error_views for each in nested(site)) if site else ()
        if all(isinstance(key, int) for key in keys):
            raise MiddlewareNotUsed  # Django calls the views for a status itself

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        key, _ = find_error_view(request, error)
        return None if key is None or isinstance(key, int) else error_response(request, error)
