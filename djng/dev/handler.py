"""The WSGI handler of ``runserver``, which also tells what only developers want to know.

`process_exception_by_middleware` is not documented, but Django asks no one else about an Http404
while DEBUG is on.
"""

import logging
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404

from djng.app import Djng
from djng.dev.error_page import (
    ExceptionReporter,
    Explanation,
    explain,
    prefers_html,
    view_line,
)
from djng.dev.hints import is_static, suggest_path, suggest_static_file
from djng.exceptions import Location, name_of, short_path
from djng.wsgi import WSGIHandler

# Django's page for a 404 ends with this.
TECHNICAL_404 = b"seeing this error because you have <code>DEBUG = True</code>"
warned: set[Location | None] = set()


class DevelopmentHandler(WSGIHandler):
    def process_exception_by_middleware(self, exception: Exception, request: Any) -> Any:
        request._djng_error = exception
        return super().process_exception_by_middleware(exception, request)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = super().get_response(request)
        if response.streaming and response.is_async:
            warn_of_waiting(request)
        if response.status_code == 404 and is_static(request.path):
            warn_of_missing_file(request.path)
        if settings.DEBUG and not prefers_html(request) and (text := short_text(request, response)):
            response.content = text
            response.headers.pop("Content-Encoding", None)
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
            response.headers["Content-Length"] = str(len(response.content))
        return response  # type: ignore[no-any-return]


def short_text(request: HttpRequest, response: Any) -> str:
    """The cause of an error, if the response is the long page that Django has for it."""
    if response.streaming or response.status_code < 400:
        return ""
    if response.status_code == 404 and TECHNICAL_404 in response.content:
        return f"{explain_404(request)}\n"
    reporter: ExceptionReporter | None = getattr(request, "_djng_reporter", None)
    is_its_page = reporter and reporter.page.encode() == response.content
    return reporter.get_traceback_text() if reporter and is_its_page else ""


def explain_404(request: HttpRequest) -> Explanation:
    """The cause of a 404, in the place of Django's page, which is long and only HTML."""
    error = getattr(request, "_djng_error", None)
    if isinstance(error, Http404) and not isinstance(error, Resolver404):
        return explain(error, request)
    return Explanation(f"the site has no URL {request.path}", hint=suggest_path(request))


def warn_of_waiting(request: HttpRequest) -> None:
    """Say once for each view that WSGI waits for the end of an async generator."""
    where, view = view_line(request), getattr(request.resolver_match, "func", None)
    if where not in warned:
        warned.add(where)
        message = f"{name_of(view)}() returns an async generator, which only ASGI streams."
        hint = f"runserver sends all of it at its end. To see it stream: {uvicorn_command()}"
        logging.getLogger("django.request").warning("%s", Explanation(message, where, hint))


def warn_of_missing_file(path: str) -> None:
    """Say where a static file would be: browsers show nothing if a stylesheet is missing."""
    if settings.DEBUG:
        message, hint = f"There is no static file {path}.", suggest_static_file(path)
        logging.getLogger("django.request").warning("%s", Explanation(message, hint=hint))


def uvicorn_command() -> str:
    """The command that serves the site by ASGI: ``uvicorn blog:app``."""
    site: Any = Djng.current
    name = next((name for name, value in vars(site.module).items() if value is site), "app")
    folder = site.path.parents[site.file.import_name.count(".")]
    option = "" if folder == Path.cwd() else f"--app-dir {shlex.quote(short_path(str(folder)))} "
    return f"uvicorn {option}{site.file.import_name}:{name}"
