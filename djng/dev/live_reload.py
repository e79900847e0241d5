"""Reload pages in the browser when the site changes. Runs under ``runserver`` while DEBUG is on.

The handler adds a script to each page, with the version of the site that has made the page. The
script listens to a stream of server-sent events, which tell the present version.
"""

import json
import logging
import math
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from threading import Condition
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import DisallowedHost
from django.core.handlers.exception import convert_exception_to_response
from django.forms.utils import flatatt
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from django.utils import autoreload
from django.utils.html import format_html

from djng.dev import csp
from djng.dev.handler import DevelopmentHandler
from djng.dev.hints import template_folders
from djng.dev.server import note_end
from djng.exceptions import is_library_file

SCRIPT = Path(__file__).with_name("live_reload.js")
PREFIX = "/__reload__/"
# The first write after a browser has gone still succeeds, so a thread ends after two intervals.
REPEAT_INTERVAL = 5  # seconds
CLOCK_TICK = 0.01  # seconds by which the time of a file may be late
# Swap files, backups and other files that editors write beside the one that they save.
EDITORS_WRITE = re.compile(r"[.#].*|.*(~|___|\.tmp|\.swp|\.bak)|\d+")

# A browser must not reuse the page of an older version, whose script knows only that version, and
# a compressed page cannot be extended.
NEGOTIATED = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_ACCEPT_ENCODING")


class Version(NamedTuple):
    """When the site has last changed, and when its stylesheets have."""

    page: str
    styles: str


class Period(NamedTuple):
    start: float
    end: float


class SiteVersion:
    """The version of the site that this process serves. Threads can wait for the next one."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.current = Version(timestamp(), timestamp())
        self.requests: deque[Period] = deque(maxlen=100)  # the last ones that a view has answered
        self.outputs: set[Path] = set()  # files that have last changed during a request
        autoreload.autoreload_started.connect(self.watch_folders)
        autoreload.file_changed.connect(self.note_change)

    def watch_folders(self, sender: autoreload.BaseReloader, **signal: Any) -> None:
        for folder in folders_of_pages():
            sender.watch_dir(folder, "**/*")

    def note_change(self, file_path: Path, **signal: Any) -> bool | None:
        """Receive ``file_changed``. True says that the site need not restart for this file."""
        is_translation = file_path.suffix == ".mo"  # Django reads those anew
        is_inside = any(folder in file_path.parents for folder in folders_of_pages())
        if file_path.suffix == ".py" or not (is_inside or is_translation):
            return None
        is_edited = not (EDITORS_WRITE.fullmatch(file_path.name) or file_path.is_dir())
        if is_edited and not self.is_output(file_path):
            with self.changed:
                field = "styles" if file_path.suffix == ".css" else "page"
                self.current = self.current._replace(**{field: timestamp()})
                self.changed.notify_all()
        return True

    def is_output(self, file: Path) -> bool:
        """Whether requests write the file: its last two changes came during one.

        A page that reloads for such a file would reload forever, as each request writes it again.
        """
        written = file.stat().st_mtime if file.exists() else 0
        during_request = any(start <= written <= end for start, end in [*self.requests])
        is_repeated = during_request and file in self.outputs
        (self.outputs.add if during_request else self.outputs.discard)(file)
        return is_repeated

    @contextmanager
    def note_request(self, request: HttpRequest) -> Iterator[None]:
        """Remember when the request was answered, unless that was without a view."""
        period = Period(time.time() - CLOCK_TICK, math.inf)
        self.requests.append(period)
        try:
            yield
        finally:
            with suppress(ValueError):  # there were many since then
                self.requests.remove(period)
            if request.resolver_match:
                self.requests.append(period._replace(end=time.time()))

    def stream(self) -> Iterator[str]:
        """Yield the version as server-sent events: at once, when it changes, and now and then."""
        while True:
            sent = self.current
            yield f"data: {json.dumps(sent._asdict())}\n\n"
            with self.changed:
                if self.current == sent:
                    self.changed.wait(REPEAT_INTERVAL)


def timestamp() -> str:
    """The time as text: JavaScript has no integers of that size."""
    return str(time.time_ns())


def folders_of_pages() -> set[Path]:
    """The folders of the user's templates and static files, not those of installed packages."""
    storages = [each for f in get_finders() for each in getattr(f, "storages", {}).values()]
    static = [storage.location for storage in storages]
    public = [settings.WHITENOISE_ROOT] if settings.WHITENOISE_ROOT else []
    folders = {Path(each).absolute() for each in (*template_folders(), *static, *public)}
    return {folder for folder in folders if not is_library_file(f"{folder}/")}


class LiveReloadHandler(DevelopmentHandler):
    """Adds the script to pages, and answers its requests before any middleware sees them."""

    def __init__(self, version: SiteVersion) -> None:
        super().__init__()
        logging.getLogger("django.server").addFilter(is_request_of_user)
        self.version = version
        views = {"events/": self.send_events, SCRIPT.name: self.send_script}
        self.views = {PREFIX + k: convert_exception_to_response(v) for k, v in views.items()}

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        if view := self.views.get(request.path_info.removeprefix(script_name())):
            return cast(HttpResponseBase, view(request))
        with self.version.note_request(request):
            return self.get_page(request)

    def get_page(self, request: HttpRequest) -> HttpResponseBase:
        if not (is_navigation(request) and has_allowed_host(request)):
            return super().get_response(request)
        version = self.version.current  # from before the view: the site may change meanwhile
        for name in NEGOTIATED:
            request.META.pop(name, None)
        response: Any = super().get_response(request)
        if accepts_script(response):
            add_script(request, response, version)
        return cast(HttpResponseBase, response)

    def send_events(self, request: HttpRequest) -> HttpResponseBase:
        request.get_host()  # raises DisallowedHost
        note_end()  # a stream that never ends is nothing to wait for
        events = self.version.stream() if request.method == "GET" else ()
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)

    def send_script(self, request: HttpRequest) -> HttpResponseBase:
        request.get_host()
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        content_type = "text/javascript; charset=utf-8"
        return HttpResponse(SCRIPT.read_bytes(), content_type=content_type, headers=headers)


def script_name() -> str:
    """The path below which a proxy serves the site, or an empty string."""
    return get_script_prefix().rstrip("/")


def is_navigation(request: HttpRequest) -> bool:
    """Whether a browser asks for a page, and not a script or htmx for a part of one."""
    destination = request.headers.get("Sec-Fetch-Dest")
    if destination is None:  # over HTTP, browsers send it to this machine only: here, to a phone
        return request.headers.get("Upgrade-Insecure-Requests") == "1"
    return destination in ("document", "iframe", "frame")


def has_allowed_host(request: HttpRequest) -> bool:
    with suppress(DisallowedHost):
        return bool(request.get_host())
    return False


def accepts_script(response: Any) -> bool:
    """Whether the response is a page of HTML as the browser will show it. It may be a file."""
    headers = response.headers
    is_html = headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html"
    is_attachment = headers.get("Content-Disposition", "").lower().startswith("attachment")
    if is_attachment or not is_html or "Content-Encoding" in headers or "Content-Range" in headers:
        return False
    has_end = isinstance(response, FileResponse) if response.streaming else response.content
    return bool(has_end) and extends_ascii(response.charset)


def extends_ascii(charset: str) -> bool:
    try:
        return "<script>".encode(charset) == b"<script>"
    except LookupError:
        return False


def add_script(request: HttpRequest, response: Any, version: Version) -> None:
    """Append the script to the page. HTML parsers take what follows ``</body>`` into the body."""
    path = f"{script_name()}{PREFIX}"
    base = f"{request.scheme}://{request.get_host()}{path}"
    nonce = csp.allow(response, script=f"{base}{SCRIPT.name}", stream=f"{base}events/")
    attributes = {"src": f"{path}{SCRIPT.name}", "nonce": nonce, "async": True}
    attributes |= {f"data-{name}": value for name, value in version._asdict().items()}
    attributes["data-posted"] = request.method not in ("GET", "HEAD")
    append(response, format_html("<script{}></script>", flatatt(attributes)).encode())


def append(response: Any, text: bytes) -> None:
    if response.streaming:
        response.streaming_content = chain(response.streaming_content, [text])
    else:
        response.content += text
    if length := response.headers.get("Content-Length"):
        response.headers["Content-Length"] = str(int(length) + len(text))


def is_request_of_user(record: logging.LogRecord) -> bool:
    """A log filter: the requests for the script, and those that it makes, are no news."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(PREFIX in str(each) for each in arguments)
