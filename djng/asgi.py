"""Django's ASGI handler with as few changes of thread as can be. Runs under ASGI alone.

Django leaves the event loop for each half of each of its middleware, for the signals and for the
end of a request, 15 times in all. Here it is left for what may wait: a view that is not async, and
a session or a message that is written.

Three things are used that Django and asgiref do not document, for they have nothing documented to
tell whether a request has left the loop at all: `Signal._live_receivers`, the executors of
`SyncToAsync` and `AsyncToSync`, and the methods of `ASGIHandler`, which is extended.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    iscoroutinefunction,
    markcoroutinefunction,
    sync_to_async,
)
from django.conf import settings
from django.core import signals
from django.core.cache import close_caches
from django.core.exceptions import RequestAborted
from django.core.handlers import asgi
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, connections, reset_queries
from django.dispatch import Signal
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import set_script_prefix
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string
from whitenoise.middleware import WhiteNoiseMiddleware

from djng.wsgi import Tolerant, typed

# Where the loop was never left, these have nothing to wait for: what they end is a thread's own.
QUICK = {close_caches, close_old_connections, reset_queries, reset_urlconf}


class Request(Tolerant, asgi.ASGIRequest):
    pass


class ASGIHandler(asgi.ASGIHandler):
    request_class = Request

    def load_middleware(self, is_async: bool = False) -> None:
        names = settings.MIDDLEWARE
        settings.MIDDLEWARE = [in_loop(name) for name in names]
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = names

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            set_script_prefix(asgi.get_script_prefix(scope))
            if concerns_threads(signals.request_started, type(self)):
                await signals.request_started.asend(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            if refusal:
                await self.send_response(refusal, send)
            await self.end(refusal or await self.answer(request, receive, send))

    async def answer(self, request: Any, receive: Any, send: Any) -> HttpResponseBase | None:
        """Send the response, and return it; None where the client went away before."""
        response = None
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self.listen_for_disconnect(receive))
                response = await self.run_get_response(request)
                await self.send_response(response, send)
                listening.cancel()
        except* RequestAborted:
            pass
        except* Exception as several:
            raise several.exceptions[0] from None
        return response

    async def end(self, response: HttpResponseBase | None) -> None:
        """Close the response, which says to all that the request is finished."""
        if response is None:
            await signals.request_finished.asend(sender=type(self))
        elif concerns_threads(signals.request_finished, type(self)):
            await sync_to_async(response.close)()
        else:
            response.close()

    async def run_get_response(self, request: HttpRequest) -> Any:
        response: Any = typed(await super().run_get_response(request))
        if response.streaming and not response.is_async:
            response.streaming_content = from_thread(response.streaming_content)
        return response

    def make_view_atomic(self, view: Any) -> Any:
        """The view, which renders in its own thread the template that it names."""
        view = super().make_view_atomic(view)
        has_middleware = self._template_response_middleware  # type: ignore[attr-defined]
        if iscoroutinefunction(view) or has_middleware:
            return view

        def rendering(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            response = view(request, *args, **kwargs)
            return rendered(response) if hasattr(response, "render") else response

        return rendering


def rendered(response: Any) -> Any:
    """The response, rendered; Django awaits a `render` that is async, and changes no thread."""
    response = response.render()

    async def render() -> Any:
        return response

    response.render = render
    return response


async def from_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts as they come, where Django waits for the last one before it sends the first."""
    take: Any = sync_to_async(next)
    while (part := await take(parts, None)) is not None:
        yield part


def concerns_threads(signal: Signal, sender: type) -> bool:
    """Whether those that receive the signal have anything to do that is to be done in a thread."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    has_left = context in SyncToAsync.context_to_thread_executor if context else True
    if has_left or getattr(AsyncToSync.executors, "current", None):
        return True
    sync_receivers, async_receivers = signal._live_receivers(sender)
    if async_receivers or not QUICK.issuperset(sync_receivers):
        return True
    return any(each.connection for each in connections.all(initialized_only=True))


class InLoop(MiddlewareMixin):
    """Django's middleware, whose halves only compute, but for those that may wait."""

    def may_wait(self, request: Any) -> bool:
        """Whether `process_response` may have something to write."""
        return False

    async def __acall__(self, request: HttpRequest) -> Any:
        this: Any = self
        response = this.process_request(request) if hasattr(self, "process_request") else None
        response = response or await this.get_response(request)
        if not hasattr(self, "process_response"):
            return response
        if self.may_wait(request):
            return await sync_to_async(this.process_response)(request, response)
        return this.process_response(request, response)


class Sessions(InLoop):
    def may_wait(self, request: Any) -> bool:
        session = getattr(request, "session", None)
        return bool(session and session.modified) or settings.SESSION_SAVE_EVERY_REQUEST


class Messages(InLoop):
    def may_wait(self, request: Any) -> bool:
        messages = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class Csrf(InLoop, CsrfViewMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            self.process_view = self.process_view_in_loop  # type: ignore[assignment, method-assign]

    async def process_view_in_loop(self, request: HttpRequest, *args: Any) -> Any:
        process: Any = super().process_view
        if request.method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            return process(request, *args)
        return await sync_to_async(process)(request, *args)  # it parses the body


class Files(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise ships no types
    """WhiteNoise, which is not async itself."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.__acall__(request) if self.is_async else super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> Any:
        if self.autorefresh:
            file = await sync_to_async(self.find_file)(request.path_info)
        else:
            file = self.files.get(request.path_info)
        if file is None:
            return await self.get_response(request)
        response = self.serve(file, request)
        response.streaming_content = blocks(response.file_to_stream)
        return response


async def blocks(file: Any) -> AsyncIterator[bytes]:
    """The parts of a file on a disk: to read one takes less than a change of thread."""
    while file and (block := file.read(2**16)):
        yield block


MIXINS: dict[str, type] = {
    "django.middleware.security.SecurityMiddleware": InLoop,
    "whitenoise.middleware.WhiteNoiseMiddleware": Files,
    "django.contrib.sessions.middleware.SessionMiddleware": Sessions,
    "djng.middleware.CommonMiddleware": InLoop,
    "django.middleware.common.CommonMiddleware": InLoop,
    "django.middleware.csrf.CsrfViewMiddleware": Csrf,
    "django.contrib.auth.middleware.AuthenticationMiddleware": InLoop,
    "django.contrib.messages.middleware.MessageMiddleware": Messages,
    "django.middleware.clickjacking.XFrameOptionsMiddleware": InLoop,
}


def in_loop(name: str) -> str:
    """The name of the middleware that does in the loop what the one of that name does."""
    mixin = MIXINS.get(name)
    if mixin is None or (mixin is Csrf and settings.CSRF_USE_SESSIONS):  # that reads the session
        return name
    kind = import_string(name)
    globals()[kind.__name__] = type(kind.__name__, (mixin, kind), {})
    return f"{__name__}.{kind.__name__}"
