"""Middleware and error views for a part of the site alone. Runs once per request in such a part.

A URL lies in the scope of the app, of the routers around it and of its own route. Their middleware
stands where the last one of MIDDLEWARE stands, and each sees a response, never an exception; their
error views answer where Django's would, after its signals, its log and its transactions. A site
that uses none of this has none of it in its MIDDLEWARE.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

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

from djng.errors import SetupError, locate, name_of

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


class Layered(Protocol):
    """What may have middleware: a scope, or a single route."""

    def layers(self) -> Layers: ...


class Scope:
    """What holds for a part of the site: its middleware, outermost first, and its error views."""

    def __init__(self, middleware: Iterable[Any] = ()) -> None:
        self.middleware_classes: list[Any] = [*middleware]
        self.before: list[View] = []
        self.after: list[View] = []
        self.error_views: dict[int | type[Exception], View] = {}

    def layers(self) -> Layers:
        """All of its middleware; what runs before is within what runs after, as it may fail."""
        after = [hooked(After, self.after)] if self.after else []
        before = [hooked(Before, self.before)] if self.before else []
        return (*self.middleware_classes, *after, *before)


Scopes = tuple[Scope, ...]


def root(resolver: URLResolver) -> Scopes:
    """What holds everywhere."""
    found: Scopes = getattr(resolver.urlconf_module, "scopes", ())
    return found


def scopes_of(request: HttpRequest, resolver: URLResolver) -> tuple[Scopes, Any]:
    """The scopes that a request is in, the outermost first, and its route, if it has one."""
    default = root(resolver)
    if urlconf := getattr(request, "urlconf", None):  # some middleware chose another one
        resolver = get_resolver(urlconf)
    try:
        view = (request.resolver_match or resolver.resolve(request.path_info)).func
    except Resolver404 as error:
        return around(error, default), None
    by_method = getattr(view, "by_method", {})
    return getattr(view, "scopes", default), by_method.get(request.method, by_method.get(None))


def around(error: Resolver404, default: Scopes) -> Scopes:
    """The scopes of the innermost router whose prefix a URL has that is none of its own."""
    entered = chain.from_iterable(tried[:-1] for tried in error.args[0].get("tried", ()))
    prefixed = [each for each in entered if hasattr(each, "scopes") and str(each.pattern)]
    return max((each.scopes for each in prefixed), key=len, default=default)


def parts(entries: Iterable[Any], prefix: str = "/") -> Iterator[tuple[str, tuple[Layered, ...]]]:
    """What the paths of a part begin with, and the parts it is in, for each of the patterns."""
    for entry in entries:
        start = f"{prefix}{entry.pattern}"
        marked = entry if isinstance(entry, URLResolver) else entry.callback
        if hasattr(marked, "scopes"):
            yield start.partition("<")[0], marked.scopes
            for route in getattr(marked, "routes", ()):
                yield start.partition("<")[0], (*marked.scopes, route)
            yield from parts(getattr(entry, "url_patterns", ()), start)


# Middleware.


def adapt(function: View, is_async: bool) -> View:
    """The function as one that is awaited, or as one that is not."""
    if iscoroutinefunction(function) == is_async:
        return function
    return sync_to_async(function) if is_async else async_to_sync(function)


class AsyncCapable:
    """A middleware that needs no thread under ASGI."""

    sync_capable = async_capable = True

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            mark: Any = markcoroutinefunction
            mark(self)


def hooked(kind: Any, functions: list[View]) -> Any:
    """The middleware that calls these functions."""

    @sync_and_async_middleware
    def make(get_response: View) -> Any:
        return kind(functions, get_response)

    return make


class Before(AsyncCapable):
    """Functions that are called in turn with a request, until one has a response for it."""

    def __init__(self, functions: list[View], get_response: View) -> None:
        super().__init__(get_response)
        self.functions = [adapt(each, self.is_async) for each in functions]

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        returned = (function(request) for function in self.functions)
        return next(filter(None, returned), None) or self.get_response(request)

    async def __acall__(self, request: HttpRequest) -> Any:
        for function in self.functions:
            if response := await function(request):
                return response
        return await self.get_response(request)


class After(AsyncCapable):
    """Functions that are called in turn, the last one first, with a request and its response."""

    def __init__(self, functions: list[View], get_response: View) -> None:
        super().__init__(get_response)
        self.functions = [adapt(each, self.is_async) for each in reversed(functions)]

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        response = self.get_response(request)
        for function in self.functions:
            response = function(request, response)
        return response

    async def __acall__(self, request: HttpRequest) -> Any:
        response = await self.get_response(request)
        for function in self.functions:
            response = await function(request, response)
        return response


class Stack:
    """The middleware of one part, around what answers within it, as in Django's handlers."""

    def __init__(self, layers: Layers, get_response: View, guard: Callable[[View], View]) -> None:
        is_async = iscoroutinefunction(get_response)
        self.instances: list[Any] = []
        for layer in reversed(layers):
            make = import_string(layer) if isinstance(layer, str) else layer
            try:
                instance = make(adapt(get_response, takes_async(make, get_response)))
            except MiddlewareNotUsed:
                continue
            if instance is None:
                raise nothing(make)
            self.instances.append(instance)
            get_response = guard(instance)
        self.handler = adapt(get_response, is_async)
        self.view_hooks = self.hooks("process_view", is_async)[::-1]
        self.template_hooks = self.hooks("process_template_response", is_async)
        self.exception_hooks = self.hooks("process_exception", False)

    def hooks(self, name: str, is_async: bool) -> list[View]:
        return [adapt(getattr(i, name), is_async) for i in self.instances if hasattr(i, name)]


def nothing(middleware: Any) -> SetupError:
    """The error for one that returned None, as a factory or as an instance of a class."""
    message = f"the middleware {name_of(middleware)} returned None."
    return SetupError(message, hint="Did you forget `return`?", where=locate(middleware))


def takes_async(make: Any, get_response: View) -> bool:
    """Whether a middleware is to be async; raises RuntimeError for one that is neither."""
    can_sync, can_async = getattr(make, "sync_capable", True), getattr(make, "async_capable", False)
    if not (can_sync or can_async):
        raise RuntimeError(f"Middleware {make} must be sync_capable or async_capable.")
    return bool(can_async if iscoroutinefunction(get_response) else not can_sync)


def checked(response: Any, middleware: Any) -> Any:
    if response is None:
        raise nothing(middleware)
    return response


class Passage:
    """How far a request has come through the parts that it is in."""

    def __init__(self) -> None:
        self.entered: list[Stack] = []
        self.target: Any = None
        self.stacks: tuple[Stack, ...] = ()


class Scoped(AsyncCapable):
    """Runs the middleware of the parts that a request is in: the last of MIDDLEWARE.

    Each part decides anew which one is next, for its middleware may have changed the request.
    """

    def __init__(
        self,
        get_response: View,
        resolver: URLResolver | None = None,
        convert: Callable[[View], View] = convert_exception_to_response,
    ) -> None:
        super().__init__(get_response)
        self.resolver, self.convert = resolver or get_resolver(), convert
        found = [*parts(self.resolver.url_patterns)]  # this starts the site
        everywhere = root(self.resolver)
        self.stacks: dict[int, Stack] = {}
        for part in chain(everywhere, *(each for _, each in found)):
            self.add(part)
        if not self.stacks:
            raise MiddlewareNotUsed
        self.everywhere = self.stacks_of(everywhere)
        self.prefixes = tuple(
            {start for start, each in found if self.stacks_of(each) != self.everywhere}
        )
        self.use_hooks()

    def add(self, part: Layered) -> None:
        if id(part) not in self.stacks and (layers := part.layers()):
            get_response = self.go_on_in_loop if self.is_async else self.go_on
            self.stacks[id(part)] = Stack(layers, get_response, self.guard)

    def stacks_of(self, parts: Iterable[Any]) -> tuple[Stack, ...]:
        return tuple(self.stacks[id(part)] for part in parts if id(part) in self.stacks)

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

    def __call__(self, request: HttpRequest) -> Any:
        if not (self.everywhere or request.path_info.startswith(self.prefixes)):
            return self.get_response(request)
        vars(request).setdefault("_djng_passages", {})[self] = Passage()
        return self.go_on_in_loop(request) if self.is_async else self.go_on(request)

    def go_on(self, request: Any) -> Any:
        stack = self.next(request)
        if stack is None:
            return self.get_response(request)
        entered = request._djng_passages[self].entered
        entered.append(stack)
        try:
            return stack.handler(request)
        finally:
            entered.pop()

    async def go_on_in_loop(self, request: Any) -> Any:
        stack = self.next(request)
        if stack is None:
            return await self.get_response(request)
        entered = request._djng_passages[self].entered
        entered.append(stack)
        try:
            return await stack.handler(request)
        finally:
            entered.pop()

    def next(self, request: Any) -> Stack | None:
        """The outermost part that the request is in and has not entered yet."""
        passage = request._djng_passages[self]
        target = (request.path_info, request.method, getattr(request, "urlconf", None))
        if target != passage.target:
            passage.target, passage.stacks = target, self.everywhere
            if request.path_info.startswith(self.prefixes):
                scopes, route = scopes_of(request, self.resolver)
                passage.stacks = self.stacks_of((*scopes, route))
        return next((each for each in passage.stacks if each not in passage.entered), None)

    def guard(self, instance: View) -> View:
        """The middleware, whose exceptions become responses, as Django's do."""

        def call(request: HttpRequest) -> Any:
            try:
                return checked(instance(request), instance)
            except Exception as error:
                return self.respond(request, error)

        async def async_call(request: HttpRequest) -> Any:
            try:
                return checked(await instance(request), instance)
            except Exception as error:
                return await sync_to_async(self.respond)(request, error)

        return self.convert(async_call if iscoroutinefunction(instance) else call)

    def respond(self, request: HttpRequest, error: Exception) -> Any:
        response = respond(request, error, self.resolver)
        if response is None:
            raise error
        return response

    def entered(self, request: Any) -> list[Stack]:
        passages = vars(request).get("_djng_passages", {})
        return passages[self].entered if self in passages else []

    def view(self, request: HttpRequest, *args: Any) -> Any:
        hooks = chain.from_iterable(stack.view_hooks for stack in self.entered(request))
        return next(filter(None, (hook(request, *args) for hook in hooks)), None)

    async def view_in_loop(self, request: HttpRequest, *args: Any) -> Any:
        for hook in chain.from_iterable(stack.view_hooks for stack in self.entered(request)):
            if response := await hook(request, *args):
                return response
        return None

    def exception(self, request: HttpRequest, error: Exception) -> Any:
        stacks = reversed(self.entered(request))
        hooks = chain.from_iterable(stack.exception_hooks for stack in stacks)
        return next(filter(None, (hook(request, error) for hook in hooks)), None)

    def template(self, request: HttpRequest, response: Any) -> Any:
        for stack in reversed(self.entered(request)):
            for hook in stack.template_hooks:
                response = hook(request, response)
        return response

    async def template_in_loop(self, request: HttpRequest, response: Any) -> Any:
        for stack in reversed(self.entered(request)):
            for hook in stack.template_hooks:
                response = await hook(request, response)
        return response


# Errors.


def status_of(error: BaseException) -> int:
    """The status with which Django answers an exception."""
    return next(status for known, status in STATUSES if isinstance(error, known))


def keys_of(error: BaseException) -> Iterator[int | type]:
    """What an error view may stand for that answers the exception, the nearest first."""
    known = next(known for known, _ in STATUSES if isinstance(error, known))
    for kind in type(error).__mro__:
        yield kind
        if kind is known:
            yield status_of(error)


def nearest(request: HttpRequest, error: BaseException, resolver: URLResolver) -> Any:
    """What the error view of the exception stands for, and the view; (None, None) without one."""
    scopes, _ = scopes_of(request, resolver)
    for views in [scope.error_views for scope in reversed(scopes)]:
        for key in keys_of(error):
            if key in views:
                return key, views[key]
    return None, None


def respond(
    request: HttpRequest, error: Exception, resolver: URLResolver, *, by_status: bool = False
) -> Any:
    """The response to the exception if a view is for its class, or by_status for its status too.

    Django is told of the exception as of any other that nothing catches.
    """
    key, view = nearest(request, error, resolver)
    if view is None or (isinstance(key, int) and not by_status):
        return None
    if isinstance(error, SuspiciousOperation):
        security = logging.getLogger(f"django.security.{type(error).__name__}")
        security.error(str(error), exc_info=error, extra={"status_code": 400, "request": request})
    if (status := status_of(error)) != 500:
        return view(request, error, status)
    got_request_exception.send(sender=None, request=request)
    response = view(request, error, status)
    what = ("%s: %s", response.reason_phrase, request.path)
    log_response(*what, response=response, request=request, exception=error)
    return response


class Errors(AsyncCapable):
    """Answers exceptions of views; the first of MIDDLEWARE, to be asked when all others were."""

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        self.resolver = get_resolver()
        found = chain(root(self.resolver), *(each for _, each in parts(self.resolver.url_patterns)))
        views = [part.error_views for part in found if isinstance(part, Scope)]
        if all(isinstance(key, int) for key in chain.from_iterable(views)):
            raise MiddlewareNotUsed  # those of a status are asked by Django itself

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        return respond(request, error, self.resolver)


def handler(status: int, default: View) -> View:
    """What Django calls for an error of that status: the nearest view, or else the default."""

    def handle(request: HttpRequest, exception: BaseException | None = None) -> Any:
        # Django hands over every exception but that of a 500, which is being handled meanwhile.
        error = exception or sys.exception() or Exception()
        _, view = nearest(request, error, get_resolver())
        return (view or default)(request, error, status)

    return handle
