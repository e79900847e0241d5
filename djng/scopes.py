"""Middleware and error views for a part of the site alone. Runs once per request in such a part.

A URL lies in the scope of the app, of the routers around it and of its own route. Their middleware
stands where the last one of MIDDLEWARE stands, and each sees a response, never an exception; their
error views answer where Django's would, after its signals, its log and its transactions. A site
that uses none of this has none of it in its MIDDLEWARE.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import (
    BadRequest,
    MiddlewareNotUsed,
    PermissionDenied,
    SuspiciousOperation,
)
from django.core.handlers.exception import convert_exception_to_response
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.urls import Resolver404, URLResolver, get_resolver
from django.utils.decorators import sync_and_async_middleware
from django.utils.log import log_response
from django.utils.module_loading import import_string

View = Callable[..., Any]
Layers = tuple[Any, ...]

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (Http404, 404),
    (PermissionDenied, 403),
    (BadRequest, 400),
    (SuspiciousOperation, 400),
    (MultiPartParserError, 400),
    (Exception, 500),
)


class Scope:
    """What holds for a part of the site: its middleware, outermost first, and its error views."""

    def __init__(self, middleware: Iterable[Any] = ()) -> None:
        self.middleware_classes: list[Any] = [*middleware]
        self.before: list[View] = []
        self.after: list[View] = []
        self.error_views: dict[int | type[Exception], View] = {}

    def layers(self) -> Layers:
        hooks = (self.hooks,) if self.before or self.after else ()
        return (*self.middleware_classes, *hooks)

    @sync_and_async_middleware
    def hooks(self, get_response: View) -> Any:
        return Hooks(self.before, self.after, get_response)


Scopes = tuple[Scope, ...]


def root(resolver: URLResolver) -> Scopes:
    """What holds everywhere."""
    found: Scopes = getattr(resolver.urlconf_module, "scopes", ())
    return found


def find(request: HttpRequest, resolver: URLResolver) -> tuple[Scopes, Any]:
    """The scopes that a request is in, the outermost first, and its route, if it has one."""
    try:
        view = (request.resolver_match or resolver.resolve(request.path_info)).func
    except Resolver404 as error:
        return around(error, root(resolver)), None
    return getattr(view, "scopes", root(resolver)), route_of(view, request.method)


def around(error: Resolver404, default: Scopes) -> Scopes:
    """The scopes of the innermost router whose prefix a URL has that is none of its own."""
    entered = chain.from_iterable(tried[:-1] for tried in error.args[0].get("tried", ()))
    prefixed = [each for each in entered if hasattr(each, "scopes") and str(each.pattern)]
    return max((each.scopes for each in prefixed), key=len, default=default)


def route_of(view: View, method: str | None) -> Any:
    """Which of the routes that share a URL answers the method."""
    accepted = {None, "GET" if method == "HEAD" else method}
    routes = getattr(view, "routes", ())
    return next((route for route in routes if accepted.intersection(route.methods)), None)


def layers_of(scopes: Scopes, route: Any) -> Layers:
    """The middleware of all of them, the outermost first."""
    return (*chain.from_iterable(s.layers() for s in scopes), *(route.middleware if route else ()))


def parts(entries: Iterable[Any], prefix: str = "/") -> Iterator[tuple[str, Scopes, Any]]:
    """What the paths of a part begin with, its scopes and route, for each in the patterns."""
    for entry in entries:
        start = f"{prefix}{entry.pattern}"
        marked = entry if isinstance(entry, URLResolver) else entry.callback
        if hasattr(marked, "scopes"):
            for route in (None, *getattr(marked, "routes", ())):
                yield start.partition("<")[0], marked.scopes, route
            yield from parts(getattr(entry, "url_patterns", ()), start)


# Middleware.


def adapt(function: View, is_async: bool) -> View:
    """The function as one that is awaited, or as one that is not."""
    if iscoroutinefunction(function) == is_async:
        return function
    return sync_to_async(function) if is_async else async_to_sync(function)


class Stack:
    """Middleware in the order of a request, around what answers it, as in Django's handlers."""

    def __init__(self, get_response: View, layers: Layers) -> None:
        is_async = iscoroutinefunction(get_response)
        self.instances: list[Any] = []
        for layer in reversed(layers):
            make = import_string(layer) if isinstance(layer, str) else layer
            if iscoroutinefunction(get_response):
                takes_async = getattr(make, "async_capable", False)
            else:
                takes_async = not getattr(make, "sync_capable", True)
            try:
                instance = make(adapt(get_response, takes_async))
            except MiddlewareNotUsed:
                continue
            self.instances.append(instance)
            get_response = convert_exception_to_response(instance)
        self.handler = adapt(get_response, is_async)
        self.view_hooks = self.hooks("process_view", is_async)[::-1]
        self.template_hooks = self.hooks("process_template_response", is_async)
        self.exception_hooks = self.hooks("process_exception", False)

    def hooks(self, name: str, is_async: bool) -> list[View]:
        return [adapt(getattr(i, name), is_async) for i in self.instances if hasattr(i, name)]


class Both:
    """A middleware that needs no thread under ASGI."""

    sync_capable = async_capable = True

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            mark: Any = markcoroutinefunction
            mark(self)


class Hooks(Both):
    """Functions before and after the view."""

    def __init__(self, before: list[View], after: list[View], get_response: View) -> None:
        super().__init__(get_response)
        self.before = [adapt(each, self.is_async) for each in before]
        self.after = [adapt(each, self.is_async) for each in reversed(after)]

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        returned = (hook(request) for hook in self.before)
        response = next(filter(None, returned), None) or self.get_response(request)
        for hook in self.after:
            response = hook(request, response)
        return response

    async def __acall__(self, request: HttpRequest) -> Any:
        response = None
        for hook in self.before:
            response = response or await hook(request)
        response = response or await self.get_response(request)
        for hook in self.after:
            response = await hook(request, response)
        return response


class Scoped(Both):
    """Runs the middleware of the scopes that a request is in: the last of MIDDLEWARE."""

    def __init__(self, get_response: View, resolver: URLResolver | None = None) -> None:
        super().__init__(get_response)
        self.resolver = resolver or get_resolver()
        everywhere = layers_of(root(self.resolver), None)
        found = [(start, layers_of(*part)) for start, *part in parts(self.resolver.url_patterns)]
        self.prefixes = tuple({start for start, layers in found if layers != everywhere})
        if not (everywhere or self.prefixes):
            raise MiddlewareNotUsed
        every = {everywhere, *(layers for _, layers in found)}
        self.stacks = {layers: Stack(get_response, layers) for layers in every}
        self.everywhere = self.stacks[everywhere]
        self.use_hooks()

    def use_hooks(self) -> None:
        """Have those of Django's hooks alone that are needed: each takes time in every request."""
        stacks = self.stacks.values()
        if any(stack.view_hooks for stack in stacks):
            self.process_view = self.view_in_loop if self.is_async else self.view
        if any(stack.exception_hooks for stack in stacks):
            self.process_exception = self.exception
        if any(stack.template_hooks for stack in stacks):
            template = self.template_in_loop if self.is_async else self.template
            self.process_template_response = template

    def __call__(self, request: Any) -> Any:
        stack = self.everywhere
        if request.path_info.startswith(self.prefixes):
            stack = self.stacks[layers_of(*find(request, self.resolver))]
        request.stack = stack
        return stack.handler(request)

    def view(self, request: Any, *args: Any) -> Any:
        returned = (hook(request, *args) for hook in request.stack.view_hooks)
        return next(filter(None, returned), None)

    async def view_in_loop(self, request: Any, *args: Any) -> Any:
        response = None
        for hook in request.stack.view_hooks:
            response = response or await hook(request, *args)
        return response

    def exception(self, request: Any, error: Exception) -> Any:
        returned = (hook(request, error) for hook in request.stack.exception_hooks)
        return next(filter(None, returned), None)

    def template(self, request: Any, response: Any) -> Any:
        for hook in request.stack.template_hooks:
            response = hook(request, response)
        return response

    async def template_in_loop(self, request: Any, response: Any) -> Any:
        for hook in request.stack.template_hooks:
            response = await hook(request, response)
        return response


# Errors.


class Errors(Both):
    """Answers exceptions that have a view: the first of MIDDLEWARE, so the last that is asked."""

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        self.resolver = get_resolver()
        found = [root(self.resolver), *(part[1] for part in parts(self.resolver.url_patterns))]
        keys = chain.from_iterable(scope.error_views for scopes in found for scope in scopes)
        if all(isinstance(key, int) for key in keys):
            raise MiddlewareNotUsed  # those of a status are asked by Django itself

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        return answer(request, error, self.resolver)


def error_view(
    request: HttpRequest, error: BaseException | None, resolver: URLResolver, status: int | None
) -> View | None:
    """The view of an exception, or of the status, that is nearest to where it happened."""
    scopes, _ = find(request, resolver)
    for views in [scope.error_views for scope in reversed(scopes)]:
        for key in (*type(error).__mro__, status):
            if key in views:
                return views[key]
    return None


def answer(
    request: HttpRequest, error: Exception, resolver: URLResolver, status: int | None = None
) -> Any:
    """The response of the error view, or None if there is none; Django is told as of any other."""
    view = error_view(request, error, resolver, status)
    if view is None:
        return None
    if status_of(type(error)) != 500:
        return view(request, error)  # Django logs the others by their status alone
    got_request_exception.send(sender=None, request=request)
    response = view(request, error)
    what = ("%s: %s", response.reason_phrase, request.path)
    log_response(*what, response=response, request=request, exception=error)
    return response


def status_of(kind: type[Exception]) -> int:
    """The status with which Django answers an exception."""
    return next(status for known, status in STATUSES if issubclass(kind, known))


def handler(status: int, default: View) -> View:
    """What Django calls for an error of that status: the nearest view, or else the default."""

    def handle(request: HttpRequest, exception: BaseException | None = None) -> Any:
        # Django hands over every exception but that of a 500, which is being handled meanwhile.
        error = exception or sys.exception()
        view = error_view(request, error, get_resolver(), status) or default
        return view(request, error)

    return handle
