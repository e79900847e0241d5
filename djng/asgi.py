"""Django's ASGI handler, with fewer thread switches. Runs once per request under ASGI.

For one request, Django moves work from the event loop to a thread 15 times: for both halves of each
middleware, for signals and at the end. This handler does so only for work that may block: views
that are not async, and sessions and messages that are written.

It relies on undocumented parts of Django and asgiref, which document no way to tell whether a
request has used a thread: `Signal._live_receivers`, the executors of `SyncToAsync` and
`AsyncToSync`, and the methods of `ASGIHandler`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    iscoroutinefunction,
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
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from djng.wsgi import RobustRequestMixin, with_content_type

logger = logging.getLogger(__name__)

ASYNC_NAME = "djng.serving.middleware.async_name"
# These clean up what threads have used. After a request without threads they do not block.
NEVER_BLOCK = {close_caches, close_old_connections, reset_queries, reset_urlconf}


class ASGIRequest(RobustRequestMixin, asgi.ASGIRequest):
    pass


class ASGIHandler(asgi.ASGIHandler):
    request_class = ASGIRequest

    def load_middleware(self, is_async: bool = False) -> None:
        names = settings.MIDDLEWARE
        settings.MIDDLEWARE = [*map(import_string(ASYNC_NAME), names)]
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = names

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            logger.warning("A WebSocket was refused. It needs Channels and ASGI_APPLICATION.")
            await receive()
            await send({"type": "websocket.close"})
        else:
            await super().__call__(scope, receive, send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            set_script_prefix(asgi.get_script_prefix(scope))
            if needs_thread(signals.request_started, type(self)):
                await signals.request_started.asend(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            if refusal:
                await self.send_response(refusal, send)
                await self.end(refusal)
            else:
                await self.answer(request, receive, send)

    async def answer(self, request: Any, receive: Any, send: Any) -> None:
        """Send the response. Close it even if its generator fails: it may hold a connection."""
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
        finally:
            await self.end(response)

    async def end(self, response: HttpResponseBase | None) -> None:
        """Close the response, which sends ``request_finished``."""
        if response is None:
            await signals.request_finished.asend(sender=type(self))
        elif needs_thread(signals.request_finished, type(self)):
            await sync_to_async(response.close)()
        else:
            response.close()

    async def run_get_response(self, request: HttpRequest) -> Any:
        response: Any = with_content_type(await super().run_get_response(request))
        if response.streaming and not response.is_async:
            response.streaming_content = iterate_in_thread(response.streaming_content)
        return response

    def make_view_atomic(self, view: Any) -> Any:
        """The view, with its template rendered in the same thread."""
        view = super().make_view_atomic(view)
        has_middleware = self._template_response_middleware  # type: ignore[attr-defined]
        if iscoroutinefunction(view) or has_middleware:
            return view

        def rendering_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            response = view(request, *args, **kwargs)
            return render_now(response) if hasattr(response, "render") else response

        return rendering_view


def render_now(response: Any) -> Any:
    """Render the response. Its `render` becomes async, so Django calls it without a thread."""
    response = response.render()

    async def render() -> Any:
        del response.render  # a cache may pickle the response
        return response

    response.render = render
    return response


async def iterate_in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield each part as it comes. Django would wait for the last one first."""
    take: Any = sync_to_async(next)
    while (part := await take(parts, None)) is not None:
        yield part


def needs_thread(signal: Signal, sender: type) -> bool:
    """Whether a receiver of the signal may block, or has something to clean up in a thread."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    used_thread = context in SyncToAsync.context_to_thread_executor if context else True
    if used_thread or getattr(AsyncToSync.executors, "current", None):
        return True
    sync_receivers, async_receivers = signal._live_receivers(sender)
    if async_receivers or not NEVER_BLOCK.issuperset(sync_receivers):
        return True
    return any(each.connection for each in connections.all(initialized_only=True))
