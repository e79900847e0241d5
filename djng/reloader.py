"""Restarts the site when a file changes. Runs under ``runserver``, around the user's file.

`supervise` is the process that was started. It starts another one, which executes the file, and
starts it anew for as long as it ends because a file has changed. What goes wrong with the file is
shown by that other process, in the terminal and on the site's own address, until a file changes.
"""

import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Event, Thread, Timer
from traceback import walk_tb
from typing import Any, ClassVar, NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.servers import basehttp
from django.utils import autoreload

from djng.debug import Explanation, explain
from djng.errors import not_run

# Not ``-m``: what is imported must come from where it came from for the process that was started.
START = "import sys; sys.path[0] = sys.argv.pop(1); from djng.reloader import execute; execute()"
INTERVAL = 0.3  # seconds from one look at the files to the next; 1,000 of them take 5 ms
ADDRESSED = r"((.+\.)?localhost|[\d.]+|\[[\da-f:]+\])?(:\d+)?"
# How a process ends that is to be started again: a file has changed, which is Django's number, or
# one changed while the site was broken, or while it started.
CHANGED, BROKEN, EARLY = AGAIN_CODES = 3, 113, 114
AGAIN, AFTER_EARLY = "DJNG_AGAIN", "DJNG_AFTER_EARLY"

at_start: dict[Path, float] = {}  # when files had been changed before they were read
is_read = Event()


def is_again() -> bool:
    """Whether the site was being served before."""
    return os.environ.get(AGAIN) == "true"


def is_child() -> bool:
    """Whether this process was given the socket by the one that was started."""
    return hasattr(Kept, "listener")


def supervise(listener: socket.socket, debug: bool) -> NoReturn:
    """Execute the file that was started in a process of its own, again after each change.

    The socket stays open meanwhile: a request waits for the site, and is not refused.
    """
    listener.set_inheritable(True)
    options = [f"-W{option}" for option in sys.warnoptions]
    options += [f"-X{k}" if v is True else f"-X{k}={v}" for k, v in sys._xoptions.items()]
    main: Any = sys.modules["__main__"]
    module = getattr(main.__spec__, "name", "")
    what = [sys.path[0], str(listener.fileno()), "debug" if debug else "", module]
    what += [main.__file__, *sys.argv[1:]]
    environ = {**os.environ, autoreload.DJANGO_AUTORELOAD_ENV: "true"}
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())  # which ends the other process too
    command, code = [sys.executable, *options, "-c", START, *what], BROKEN
    with listener, suppress(KeyboardInterrupt):
        while code in AGAIN_CODES:
            environ |= {AGAIN: "true"} if code == CHANGED else {}
            environ[AFTER_EARLY] = "true" if code == EARLY else ""
            code = subprocess.run(command, env=environ, close_fds=False).returncode  # noqa: S603
        sys.exit(code)
    sys.exit()


def execute() -> NoReturn:
    """Execute the file, and where that fails, show why until a file changes."""
    fileno, debug, module, *sys.argv = sys.argv[1:]
    Kept.listener = socket.socket(fileno=int(fileno))
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    # A site that writes modules as it starts would start for ever: so only once for those.
    others = set() if os.environ[AFTER_EARLY] else neighbours()
    at_start.update(times({Path(sys.argv[0]).resolve()} | others))
    Thread(target=watch_reading, daemon=True).start()
    Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    with suppress(KeyboardInterrupt):
        try:
            if module:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(sys.argv[0], run_name="__main__")
            raise not_run(sys.argv[0])
        except SystemExit as end:
            if is_read.is_set():
                raise
            if not is_again():
                sys.exit(1 if end.code in AGAIN_CODES else end.code)
            show(end, bool(debug))
        except Exception as error:
            show(error, bool(debug))
    sys.exit()


def watch_reading() -> None:
    """Start again when a file changes while it is being read, which may take for ever."""
    while not is_read.wait(INTERVAL):
        if times({*at_start}) != at_start:
            os._exit(EARLY)


def watch_parent(parent: int) -> None:
    """End with the process above, even where that is killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def times(files: set[Path]) -> dict[Path, float]:
    """When these files were changed, as far as they are there."""
    found = {}
    for file in files:
        with suppress(OSError):
            found[file] = file.stat().st_mtime
    return found


class Reloader(autoreload.StatReloader):
    """Django's, but it looks more often, and sees what has changed while the site started too."""

    SLEEP_TIME: float = INTERVAL  # type: ignore[assignment]  # its stubs know whole seconds

    def snapshot_files(self) -> Iterator[tuple[Path, float]]:
        for file, mtime in super().snapshot_files():
            if at_start.pop(file, mtime) != mtime:
                autoreload.logger.info("%s changed, reloading.", file)
                sys.exit(EARLY)
            yield file, mtime


def watch(serve: Callable[..., Any], **options: Any) -> None:
    """Serve in a thread, and end this process when a file changes."""
    is_read.set()
    reloader: Any = autoreload.get_reloader()
    if type(reloader) is autoreload.StatReloader:  # and not one for which something is installed
        reloader = Reloader()
    # Django forgets a module whose file is away for a moment, as it is for editors and git.
    reloader.extra_files |= autoreload.iter_all_python_module_files()
    try:
        autoreload.start_django(reloader, serve, **options)
    except SystemExit as end:
        # A thread that does not end would keep the process, which goes on serving.
        patience = Timer(2, os._exit, [end.code])
        patience.daemon = True
        patience.start()
        raise


class Kept:
    """A server on the socket that is kept open from one process to the next."""

    listener: ClassVar[socket.socket]

    def server_bind(self: Any) -> None:
        self.socket.close()
        self.socket = self.listener
        self.server_address = self.listener.getsockname()
        self.server_name, self.server_port = self.server_address[:2]
        self.setup_environ()


class Server(Kept, basehttp.WSGIServer):
    pass


class ErrorServer(Kept, ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass  # the page asks twice a second


def show(error: BaseException, debug: bool) -> NoReturn:
    """Say in the terminal what is wrong, once, and to every request, until a file changes."""
    is_read.set()
    files = suspects(error)
    before, code = {**times(files | neighbours()), **at_start}, EARLY
    explanation = explain(error)
    sys.stderr.write(f"{explanation}\n")
    server = ErrorServer(("", 0), Quiet)
    server.set_app(application(explanation, debug))
    Thread(target=server.serve_forever, daemon=True).start()
    while times(files | neighbours()) == before:
        time.sleep(INTERVAL)
        code = BROKEN
    sys.stdout.flush()
    os._exit(code)  # this may be a thread, which cannot end the process otherwise


def application(explanation: Explanation, debug: bool) -> Any:
    """The WSGI application that answers every request with the explanation."""
    number = str(time.time_ns())  # tells one error from another

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        kind = "html" if "text/html" in environ.get("HTTP_ACCEPT", "") else "plain"
        headers = [("Content-Type", f"text/{kind}; charset=utf-8"), ("Cache-Control", "no-store")]
        headers += [("X-Djng-Error", number)]
        start_response("500 Internal Server Error", headers)
        # Another site's page may reach this one by a name of its own, never by an address.
        if not (debug and re.fullmatch(ADDRESSED, environ.get("HTTP_HOST", ""))):
            return [b"Server Error (500)\n"]
        return [(explanation.page(error=number) if kind == "html" else f"{explanation}\n").encode()]

    return answer


def suspects(error: BaseException) -> set[Path]:
    """The files that may have to do with an error; some are those that are missing."""
    files = {Path(frame.f_code.co_filename) for frame, _ in walk_tb(error.__traceback__)}
    files |= {Path(str(error.filename))} if isinstance(error, SyntaxError) else set()
    if isinstance(error, ModuleNotFoundError):
        place = Path(sys.argv[0]).resolve().parent.joinpath(*str(error.name).split("."))
        files |= {place.with_suffix(".py"), place / "__init__.py"}
    return files | autoreload.iter_all_python_module_files()


def neighbours() -> set[Path]:
    """The modules beside the user's file, where what is missing may appear."""
    folder = Path(sys.argv[0]).resolve().parent
    return {*folder.glob("*.py"), *folder.glob("*/*.py")}
