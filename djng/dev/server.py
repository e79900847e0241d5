"""The servers of ``runserver``: one for the site, and one for an error that keeps it from starting.

Both use the socket of the process that the user has started, which stays open between them.
"""

import logging
import re
import socket
import sys
import time
from contextlib import redirect_stderr
from io import TextIOBase
from ipaddress import ip_address
from select import select
from socketserver import ThreadingMixIn
from threading import Event, Lock, get_ident
from typing import Any, ClassVar, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.servers import basehttp

from djng.dev.empty_variables import watch_templates
from djng.log import escape_controls, escape_lines

# Paths, alone or in the first line of a request.
BROWSERS_ASK = re.compile(
    r"(^| )/(favicon\.ico|apple-touch-icon\S*\.png|\.well-known/appspecific/\S*)(\?| |$)"
)
STOP = "CTRL-BREAK" if sys.platform == "win32" else "CONTROL-C"


is_ending = Event()
accepting = Lock()
connections: dict[socket.socket, float] = {}  # when each was opened, until its request is read
running: set[int] = set()  # the threads that answer a request


def note_start() -> None:
    running.add(get_ident())


def note_end(**signal: Any) -> None:
    running.discard(get_ident())


def finish_requests() -> None:
    """Take no more requests, and send the answers to all others that do not take half a second.

    A browser shows an error of its own if its connection is closed without an answer.
    """
    is_ending.set()
    if accepting.acquire(timeout=0.5):  # another thread may accept a connection just now
        accepting.release()
    end = time.monotonic() + 0.5
    while (running or expects_request()) and time.monotonic() < end:
        time.sleep(0.005)


def expects_request() -> bool:
    """Whether a request has come that no thread has read yet, or is likely to come at once."""
    opened = [*connections.items()]
    try:
        is_new = any(time.monotonic() - at < 0.05 for _, at in opened)
        return is_new or bool(select([each for each, _ in opened], [], [], 0)[0])
    except (OSError, ValueError):  # a connection has been closed just now
        return True


class InheritedSocketMixin(WSGIServer):
    """A server that uses the socket of the parent process."""

    listener: ClassVar[socket.socket]

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection, unless this process is about to end: then the next one does."""
        with accepting:
            if is_ending.is_set():
                time.sleep(0.005)  # the server asks again at once
                raise OSError("this process is about to end")
            connection, address = super().get_request()
            connections[connection] = time.monotonic()
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        connections.pop(request, None)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        self.socket.close()
        self.socket = self.listener
        self.server_address = address = self.listener.getsockname()
        self.server_name, self.server_port = address[:2]
        self.setup_environ()


def local_host() -> str:
    """The address by which a browser on this machine reaches the socket, as in a URL."""
    listener = InheritedSocketMixin.listener
    host = listener.getsockname()[0]
    if ip_address(host).is_unspecified:
        is_ipv6 = listener.family == socket.AF_INET6
        only_ipv6 = is_ipv6 and listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        host = "::1" if only_ipv6 else "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def local_url() -> str:
    return f"http://{local_host()}:{InheritedSocketMixin.listener.getsockname()[1]}/"


class EscapingStream(TextIOBase):
    """Escapes tracebacks that no log formatter sees. Their messages may quote the request."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(escape_lines(text))

    def flush(self) -> None:
        self.stream.flush()


class RequestHandlerMixin(WSGIRequestHandler):
    def parse_request(self) -> bool:
        note_start()
        connections.pop(self.connection, None)
        return super().parse_request()

    def finish(self) -> None:
        super().finish()
        note_end()


class RequestHandler(RequestHandlerMixin, basehttp.WSGIRequestHandler):
    def get_stderr(self) -> Any:
        """Where the traceback goes if a response fails when a part of it has been sent."""
        return EscapingStream(sys.stderr)


class DevelopmentServer(InheritedSocketMixin, basehttp.WSGIServer):
    def __init__(self, address: Any, handler: Any, **options: Any) -> None:
        super().__init__(address, RequestHandler, **options)

    def handle_error(self, *args: Any) -> None:
        with redirect_stderr(EscapingStream(sys.stderr)):
            super().handle_error(*args)


def is_no_repetition(record: logging.LogRecord) -> bool:
    """A log filter: drop "Not Found: /" and the like. The line of the request has the status."""
    return bool(record.exc_info) or not 400 <= getattr(record, "status_code", 0) < 500


def is_news(record: logging.LogRecord) -> bool:
    """A log filter: it is no news that a file is missing for which browsers ask by themselves."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    is_missing = getattr(record, "status_code", None) == 404
    return not (is_missing and any(map(BROWSERS_ASK.search, map(str, arguments))))


def align(record: logging.LogRecord) -> bool:
    """A log filter: put the parts of a request in columns, ``[14:03:59] 200 GET    /notes/``."""
    match record.args:
        case (str(request_line), str(status), _) if hasattr(record, "server_time"):
            method, _, rest = request_line.partition(" ")
            path = rest.rpartition(" ")[0]
            record.msg, record.args = "%s %-6s %s", (status, method, path)
            record.server_time = time.strftime("%H:%M:%S")
    return True


def escape_arguments(record: logging.LogRecord) -> bool:
    """A log filter: escape the parts of a message, as Django does for this logger from 6.1 on."""
    if isinstance(record.args, tuple):
        record.args = tuple(escape_controls(a) if isinstance(a, str) else a for a in record.args)
    return True


def filter_logs() -> None:
    """Keep the terminal short while the site runs."""
    logging.getLogger("django.utils.autoreload").setLevel("WARNING")  # the next process tells
    watch_templates()
    for name in ("django.request", "django.security.csrf"):
        logging.getLogger(name).addFilter(is_no_repetition)
    for function in (is_news, escape_arguments, align):
        logging.getLogger("django.server").addFilter(function)


class ErrorServer(ThreadingMixIn, InheritedSocketMixin):
    daemon_threads = True


class SilentRequestHandler(RequestHandlerMixin):
    def log_message(self, *args: Any) -> None:
        pass  # the page asks twice a second
