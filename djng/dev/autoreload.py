"""Restart the site when a file changes. Runs under ``runserver``, around the user's file.

`supervise` runs in the process that the user has started. It starts a child, which runs the file,
and starts another one whenever a child ends because a file has changed. If the file fails, the
child shows the error in the terminal and in the browser until a file changes.
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
from threading import Event, Thread, Timer
from traceback import walk_tb
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils import autoreload

from djng.dev.error_page import Explanation, explain
from djng.dev.server import (
    STOP,
    ErrorServer,
    InheritedSocketMixin,
    SilentRequestHandler,
    local_url,
)
from djng.exceptions import missing_run

# Not ``-m``: the child must import modules from the same folder as its parent.
CHILD_CODE = (
    "import sys; sys.path[0] = sys.argv.pop(1); "
    "from djng.dev.autoreload import run_child; run_child()"
)
POLL_INTERVAL = 0.3  # seconds; looking at 1,000 files takes 5 ms
# A page of another site can reach this server by a host name of its own, but not by an address.
LOCAL_HOST = r"((.+\.)?localhost|[\d.]+|\[[\da-f:]+\])?(:\d+)?"

# A child that ends with one of these exit codes is started again.
CHANGED = 3  # Django's own code: a file has changed while the site was served
CHANGED_DURING_ERROR = 113
CHANGED_DURING_START = 114
RESTART_CODES = (CHANGED, CHANGED_DURING_ERROR, CHANGED_DURING_START)

# Environment variables that tell a child about the ones before it: "true" or empty.
WAS_SERVED = "DJNG_WAS_SERVED"
HAS_CHANGED_DURING_START = "DJNG_HAS_CHANGED_DURING_START"

mtimes_at_start: dict[Path, float] = {}  # of the files that the site may read
is_watching = Event()  # set after the first look at the files
has_started = Event()  # set as soon as the child serves the site, or an error
has_failed = Event()  # set as soon as the child serves an error


def is_child() -> bool:
    """Whether this process has inherited the socket of the process that the user has started."""
    return hasattr(InheritedSocketMixin, "listener")


def is_reload() -> bool:
    """Whether an earlier child has already served the site."""
    return os.environ.get(WAS_SERVED) == "true"


def supervise(listener: socket.socket, site: Path, debug: bool) -> NoReturn:
    """Run the file that the user has started in a child process, again after each change.

    Takes the open socket, the site's file, and whether the browser may see errors. The socket stays
    open: while there is no child, requests wait.
    """
    listener.set_inheritable(True)
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())  # this ends the child too
    command = child_command(listener, site, debug)
    environ = {**os.environ, autoreload.DJANGO_AUTORELOAD_ENV: "true", WAS_SERVED: ""}
    code = CHANGED_DURING_ERROR
    with listener, suppress(KeyboardInterrupt):
        while code in RESTART_CODES:
            environ |= {WAS_SERVED: "true"} if code == CHANGED else {}
            environ[HAS_CHANGED_DURING_START] = "true" if code == CHANGED_DURING_START else ""
            code = subprocess.run(command, env=environ, close_fds=False).returncode  # noqa: S603
        sys.exit(code)
    sys.exit()


def child_command(listener: socket.socket, site: Path, debug: bool) -> list[str]:
    """The command line of a child: Python with the parent's options, then `run_child` arguments."""
    options = [f"-W{option}" for option in sys.warnoptions]
    options += [f"-X{k}" if v is True else f"-X{k}={v}" for k, v in sys._xoptions.items()]
    main: Any = sys.modules["__main__"]
    module = main.__spec__.name if main.__spec__ else ""
    arguments = [sys.path[0], str(listener.fileno()), str(site), "debug" if debug else ""]
    arguments += [module, main.__file__, *sys.argv[1:]]
    return [sys.executable, *options, "-c", CHILD_CODE, *arguments]


def run_child() -> NoReturn:
    """Run the file that the user has started. If it fails, show why until a file changes."""
    fileno, path, debug, module, *sys.argv = sys.argv[1:]
    site = Path(path)
    InheritedSocketMixin.listener = socket.socket(fileno=int(fileno))
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    watch_start(site)
    with suppress(KeyboardInterrupt):
        try:
            run_main(module, site)
        except SystemExit as end:
            if has_started.is_set():
                raise
            if not is_reload():
                sys.exit(1 if end.code in RESTART_CODES else end.code)
            show_error(end, site, bool(debug))
        except Exception as error:
            show_error(error, site, bool(debug))
    sys.exit()


def run_main(module: str, site: Path) -> None:
    """Run what the user has started as ``__main__``: a module, or the file in ``sys.argv``."""
    main = sys.argv[0]
    is_site = Path(main).resolve() == site  # and not Django's, or a script that imports the site
    if is_site:  # what the parent's Djng() has set would hide that a setting is read too early
        os.environ["DJANGO_SETTINGS_MODULE"] = "djng.unconfigured"
    if module:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(main, run_name="__main__")
    if is_site:
        raise missing_run(site)


def watch_start(site: Path) -> None:
    """Watch files while the site starts, and also the parent process."""
    # A site that writes modules when it starts would restart forever: watch those only once.
    is_repeated = os.environ.get(HAS_CHANGED_DURING_START)
    files = {site} if is_repeated else {site} | nearby_modules(site)
    mtimes_at_start.update(read_mtimes(files))
    Thread(target=exit_on_change_during_start, daemon=True).start()
    Thread(target=exit_with_parent, args=(os.getppid(),), daemon=True).start()


def exit_on_change_during_start() -> None:
    """End this process when a file changes before the site has started, which may never happen."""
    while not has_started.wait(POLL_INTERVAL):
        if read_mtimes({*mtimes_at_start}) != mtimes_at_start:
            os._exit(CHANGED_DURING_START)


def exit_with_parent(parent: int) -> None:
    """End this process when the parent has ended, even if it was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def read_mtimes(files: set[Path]) -> dict[Path, float]:
    """The modification times of those files that exist."""
    mtimes = {}
    for file in files:
        with suppress(OSError):
            mtimes[file] = file.stat().st_mtime
    return mtimes


class Reloader(autoreload.StatReloader):
    """Django's StatReloader, but faster, and it notices changes from before it has started."""

    SLEEP_TIME: float = POLL_INTERVAL  # type: ignore[assignment]  # the stubs say int

    def snapshot_files(self) -> Iterator[tuple[Path, float]]:
        for file, mtime in super().snapshot_files():
            if mtimes_at_start.pop(file, mtime) != mtime:
                autoreload.logger.info("%s changed, reloading.", file)
                sys.exit(CHANGED_DURING_START)
            yield file, mtime
        is_watching.set()


def run_with_reloader(serve: Callable[..., Any], site: Path, **options: Any) -> None:
    """Serve in a thread, and end this process when a file changes."""
    has_started.set()
    reloader = create_reloader(site)
    if not isinstance(reloader, Reloader):  # a reloader of the user's does not tell
        is_watching.set()

    def serve_watched(*args: Any, **options: Any) -> None:
        is_watching.wait()
        serve(*args, **options)

    try:
        autoreload.start_django(reloader, serve_watched, **options)
    except SystemExit as end:
        code = CHANGED_DURING_ERROR if has_failed.is_set() and end.code == CHANGED else end.code
        # A thread of the user's could keep this process alive, and the process would still serve.
        timer = Timer(2, os._exit, [code])
        timer.daemon = True
        timer.start()
        sys.exit(code)


def create_reloader(site: Path) -> autoreload.BaseReloader:
    """The reloader that the user has installed, or else ours."""
    reloader = autoreload.get_reloader()
    if type(reloader) is autoreload.StatReloader:
        reloader = Reloader()
    # Django forgets a file that is missing for a moment, as when an editor or git replaces it.
    reloader.extra_files |= {site} | autoreload.iter_all_python_module_files()
    return reloader


def show_error(error: BaseException, site: Path, debug: bool) -> NoReturn:
    """Print the error once, and answer every request with it, until a file changes."""
    has_started.set()
    has_failed.set()
    files = files_to_fix(error, site)
    before = {**read_mtimes(files | nearby_modules(site)), **mtimes_at_start}
    explanation, code = explain(error), CHANGED_DURING_START
    sys.stderr.write(f"{explanation}\n")
    if not is_reload():
        text = f"  Waiting for the file to be fixed: {local_url()}\n  Stop: {STOP}.\n"
        sys.stderr.write(text)
    server = ErrorServer(("", 0), SilentRequestHandler)
    server.set_app(error_application(explanation, debug))
    Thread(target=server.serve_forever, daemon=True).start()
    while read_mtimes(files | nearby_modules(site)) == before:
        time.sleep(POLL_INTERVAL)
        code = CHANGED_DURING_ERROR
    sys.stdout.flush()
    os._exit(code)  # sys.exit() would not end the process from a thread, and this may be one


def error_application(explanation: Explanation, debug: bool) -> WSGIApplication:
    """A WSGI application that answers every request with the explanation."""
    error_id = str(time.time_ns())

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        kind = "html" if "text/html" in environ.get("HTTP_ACCEPT", "") else "plain"
        headers = [("Content-Type", f"text/{kind}; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response("500 Internal Server Error", [*headers, ("X-Djng-Error", error_id)])
        if not (debug and re.fullmatch(LOCAL_HOST, environ.get("HTTP_HOST", ""))):
            return [b"Server Error (500)\n"]
        page = explanation.to_html(error_id=error_id) if kind == "html" else f"{explanation}\n"
        return [page.encode()]

    return application


def files_to_fix(error: BaseException, site: Path) -> set[Path]:
    """The files in which the user may fix the error. A missing module is one that may appear."""
    files = {Path(frame.f_code.co_filename) for frame, _ in walk_tb(error.__traceback__)}
    if isinstance(error, SyntaxError):
        files.add(Path(str(error.filename)))
    if isinstance(error, ModuleNotFoundError):
        module = site.parent.joinpath(*str(error.name).split("."))
        files |= {module.with_suffix(".py"), module / "__init__.py"}
    return files | autoreload.iter_all_python_module_files()


def nearby_modules(site: Path) -> set[Path]:
    """The modules in the folder of the site's file, and one folder below."""
    return {*site.parent.glob("*.py"), *site.parent.glob("*/*.py")}
