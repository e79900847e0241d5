"""Restarts the site when a file changes. Runs under ``runserver``, around the user's file.

`supervise` is the process that was started. It starts another one, which executes the file, and
starts it anew for as long as it ends because a file has changed. What goes wrong with the file is
shown by that other process, in the terminal and on the site's own address, until a file changes.
"""

import linecache
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from traceback import walk_tb
from typing import Any, NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.utils import autoreload

from djng.debug import explain
from djng.errors import Location, SetupError

# Not ``-m``: what is imported must come from where it came from for the process that was started.
START = "import sys; sys.path[0] = sys.argv.pop(1); from djng.reloader import execute; execute()"
INTERVAL = 0.2  # seconds from one look at the files to the next; 1,000 of them take 5 ms
CHANGED, BROKEN = 3, 113  # how a process ends that is to be started again; the first is Django's
AGAIN = "DJNG_AGAIN"
at_start: dict[Path, float] = {}  # when files had been changed before they were read


def is_again() -> bool:
    """Whether the site was being served when a file changed."""
    return os.environ.get(AGAIN) == "true"


def is_child() -> bool:
    return os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true"


def supervise(host: str, port: str, debug: bool) -> NoReturn:
    """Execute the file that was started in a process of its own, again after each change."""
    options = [f"-W{option}" for option in sys.warnoptions]
    options += [f"-X{k}" if v is True else f"-X{k}={v}" for k, v in sys._xoptions.items()]
    module = getattr(sys.modules["__main__"].__spec__, "name", "")
    what = [sys.path[0], host, port, "debug" if debug else "", module, *sys.argv]
    environ = {**os.environ, autoreload.DJANGO_AUTORELOAD_ENV: "true"}
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())  # which ends the other process too
    code = BROKEN
    try:
        while code in (CHANGED, BROKEN):
            environ[AGAIN] = "true" if code == CHANGED else ""
            command = [sys.executable, *options, "-c", START, *what]
            code = subprocess.run(command, env=environ, close_fds=False).returncode  # noqa: S603
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)


def execute() -> NoReturn:
    """Execute the file, and where that fails, show why until a file changes."""
    host, port, debug, module, *sys.argv = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    at_start.update(times(set()))
    try:
        if module:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
        raise SetupError("the file ends without app.run().", hint=AT_THE_END, where=last_line())
    except Exception as error:
        files = {Path(frame.f_code.co_filename) for frame, _ in walk_tb(error.__traceback__)}
        files |= autoreload.iter_all_python_module_files()
        before = {**times(files), **at_start}
        server = error_server(error, host, int(port), bool(debug))
        Thread(target=server.serve_forever, daemon=True).start()
        while times(files) == before:
            time.sleep(INTERVAL)
        server.server_close()
        sys.exit(BROKEN)
    except KeyboardInterrupt:
        sys.exit()


AT_THE_END = 'It should end with `if __name__ == "__main__":` and `    app.run()`.'


def last_line() -> Location:
    file = os.path.abspath(sys.argv[0])
    return Location(file, len(linecache.getlines(file)))


def times(files: set[Path]) -> dict[Path, float]:
    """When these files were changed, and those beside the user's, which may be what is missing."""
    folder = Path(sys.argv[0]).resolve().parent
    files = {*files, *folder.glob("*.py"), *folder.glob("*/*.py")}
    return {file: file.stat().st_mtime for file in files if file.is_file()}


class Reloader(autoreload.StatReloader):
    """Django's, but it looks more often, and sees what has changed while the site started too."""

    SLEEP_TIME: float = INTERVAL  # type: ignore[assignment]  # its stubs know whole seconds

    def snapshot_files(self) -> Iterator[tuple[Path, float]]:
        for file, mtime in super().snapshot_files():
            yield file, at_start.pop(file, mtime)


def watch(serve: Callable[..., Any], **options: Any) -> None:
    """Serve in a thread, and end this process when a file changes."""
    reloader: Any = autoreload.get_reloader()
    if type(reloader) is autoreload.StatReloader:  # and not one for which something is installed
        reloader = Reloader()
    autoreload.start_django(reloader, serve, **options)


def error_server(error: BaseException, host: str, port: int, debug: bool) -> "ErrorServer":
    """Say in the terminal what is wrong, and make a server that says it to every request."""
    explanation = explain(error)
    sys.stderr.write(f"{explanation}\n")
    number = str(time.time_ns())  # tells one error from another

    def application(environ: Any, start_response: Any) -> list[bytes]:
        kind = "html" if "text/html" in environ.get("HTTP_ACCEPT", "") else "plain"
        headers = [("Content-Type", f"text/{kind}; charset=utf-8"), ("Cache-Control", "no-store")]
        headers += [("X-Djng-Error", number)]
        start_response("500 Internal Server Error", headers)
        text = explanation.page(error=number) if kind == "html" else f"{explanation}\n"
        return [(text if debug else "Server Error (500)\n").encode()]

    ErrorServer.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = ErrorServer((host, port), Quiet)
    server.set_app(application)
    return server


class ErrorServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass  # the page asks twice a second
