"""Show an error that keeps the site from starting, until a file changes.

Runs in a child of `supervisor`. The error is in the terminal once, and the answer to each request.
"""

import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from traceback import walk_tb
from typing import NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.autoreload import ensure_echo_on

from djng.dev import child
from djng.dev.error_page import Explanation, explain
from djng.dev.server import STOP, ErrorServer, SilentRequestHandler, local_url
from djng.dev.watch import (
    first_change,
    module_files,
    nearby_modules,
    own,
    package_folders,
    read_stamps,
    rounds,
)

# A page of another site can reach this server by a host name of its own, but not by an address.
LOCAL_HOST = r"((.+\.)?localhost|[\d.]+|\[[\da-f:]+\])?(:\d+)?"


def show_error(error: BaseException, site: Path, debug: bool) -> NoReturn:
    """Print the error once, and answer every request with it, until a file changes."""
    child.has_started.set()
    with suppress(ValueError):  # exit() has closed the standard input
        ensure_echo_on()  # the last child may have ended at the prompt of the debugger
    files = files_to_fix(error, site)
    before = {**read_stamps(files | nearby_modules(site)), **child.stamps}
    explanation = explain(error)
    sys.stderr.write(f"{explanation}\n")
    if not child.restart.was_served:
        text = f"  Waiting for the file to be fixed: {local_url()}\n  Stop: {STOP}.\n"
        sys.stderr.write(text)
    server = ErrorServer(("", 0), SilentRequestHandler)
    server.set_app(error_application(explanation, debug))
    Thread(target=server.serve_forever, daemon=True).start()
    for _ in rounds():
        if changed := first_change(before, read_stamps(files | nearby_modules(site))):
            child.end_for(changed)
    raise AssertionError


def error_application(explanation: Explanation, debug: bool) -> WSGIApplication:
    """A WSGI application that answers every request with the explanation."""
    error_id = str(time.time_ns())

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        kind = "html" if "text/html" in environ.get("HTTP_ACCEPT", "") else "plain"
        headers = [("Content-Type", f"text/{kind}; charset=utf-8"), ("Cache-Control", "no-store")]
        is_shown = debug and re.fullmatch(LOCAL_HOST, environ.get("HTTP_HOST", ""))
        headers += [("X-Djng-Error", error_id)] if is_shown else []  # pages reload to show it
        start_response("500 Internal Server Error", headers)
        if not is_shown:
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
        files |= package_folders()  # pip may install it
    return files | own(module_files())
