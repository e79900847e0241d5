"""Django's middleware for the event loop. Each class runs there what cannot block.

`djng.asgi` puts these in the place of those in MIDDLEWARE. Django's own would run in a thread.
"""

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string
from whitenoise.middleware import WhiteNoiseMiddleware


class AsyncMiddleware(MiddlewareMixin):
    """One of Django's middleware, called in the event loop where it cannot block."""

    def may_block(self, request: Any) -> bool:
        """Whether `process_response` may write something."""
        return False

    async def __acall__(self, request: HttpRequest) -> Any:
        this: Any = self
        response = this.process_request(request) if hasattr(self, "process_request") else None
        response = response or await this.get_response(request)
        if not hasattr(self, "process_response"):
            return response
        if self.may_block(request):
            return await sync_to_async(this.process_response)(request, response)
        return this.process_response(request, response)


class AsyncSessionMiddleware(AsyncMiddleware):
    def may_block(self, request: Any) -> bool:
        session = getattr(request, "session", None)
        return bool(session and session.modified) or settings.SESSION_SAVE_EVERY_REQUEST


class AsyncMessageMiddleware(AsyncMiddleware):
    def may_block(self, request: Any) -> bool:
        messages = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class AsyncCsrfViewMiddleware(AsyncMiddleware, CsrfViewMiddleware):
    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            self.process_view = self.process_view_async  # type: ignore[assignment, method-assign]

    async def process_view_async(self, request: HttpRequest, *args: Any) -> Any:
        process: Any = super().process_view
        if request.method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            return process(request, *args)
        return await sync_to_async(process)(request, *args)  # it parses the body


class AsyncWhiteNoiseMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise ships no types
    """WhiteNoise's middleware, which is not async itself."""

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
        response.streaming_content = read_blocks(response.file_to_stream)
        return response


async def read_blocks(file: Any) -> AsyncIterator[bytes]:
    """Read a file on a disk here: that takes less time than a thread switch."""
    while file and (block := file.read(2**16)):
        yield block


MIXINS: dict[str, type] = {
    "django.middleware.security.SecurityMiddleware": AsyncMiddleware,
    "whitenoise.middleware.WhiteNoiseMiddleware": AsyncWhiteNoiseMiddleware,
    "django.contrib.sessions.middleware.SessionMiddleware": AsyncSessionMiddleware,
    "djng.middleware.CommonMiddleware": AsyncMiddleware,
    "django.middleware.common.CommonMiddleware": AsyncMiddleware,
    "django.middleware.csrf.CsrfViewMiddleware": AsyncCsrfViewMiddleware,
    "django.contrib.auth.middleware.AuthenticationMiddleware": AsyncMiddleware,
    "django.contrib.messages.middleware.MessageMiddleware": AsyncMessageMiddleware,
    "django.middleware.clickjacking.XFrameOptionsMiddleware": AsyncMiddleware,
}


def async_name(name: str) -> str:
    """The dotted name of the class here for a middleware, or its own name if there is none."""
    reads_session = name.endswith(".CsrfViewMiddleware") and settings.CSRF_USE_SESSIONS
    if name not in MIXINS or reads_session:
        return name
    kind = import_string(name)
    globals()[kind.__name__] = type(kind.__name__, (MIXINS[name], kind), {})
    return f"{__name__}.{kind.__name__}"
