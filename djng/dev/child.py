"""What a child of `supervisor` knows, and what it tells. There is one in a process."""

import json
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, NoReturn

from djng.dev.server import InheritedSocketMixin, finish_requests
from djng.dev.watch import Stamp, delete_bytecode, module_files, own
from djng.exceptions import short_path


class Program(NamedTuple):
    """What the user has started. Every child runs it."""

    site: str  # the site's file
    debug: bool  # whether browsers may see errors
    listener: int  # the open socket
    folder: str  # the first one in sys.path
    module: str  # after ``python -m``
    argv: list[str]


class Restart(NamedTuple):
    """Why there is another child."""

    was_served: bool = False  # by an earlier child
    warning: str = ""  # why the last one has not migrated the database
    changed: str = ""  # the file
    at: float = 0.0  # the time of the change
    was_starting: bool = False  # the last child noticed it before it served
    failure: str = ""  # how the last child ended, if not for a change


channel: socket.socket | None = None
restart = Restart()
stamps: dict[Path, Stamp] = {}  # of the files that the site may read while it starts
is_watching = Event()  # set after the first look at the files
has_started = Event()  # set as soon as this child serves the site, or an error


def is_child() -> bool:
    """Whether this process has inherited the socket of the process that the user has started."""
    return hasattr(InheritedSocketMixin, "listener")


def message(**event: Any) -> bytes:
    return json.dumps(event).encode() + b"\n"


def tell(**event: Any) -> None:
    """Tell the supervisor what has happened: a `warning`, `served`, `changed` or `ended`."""
    if channel:
        with suppress(OSError):  # the supervisor may have been killed
            channel.sendall(message(**event))


def tell_served() -> None:
    """Tell that this child is about to serve the site, once all changes will be noticed."""
    if channel:
        is_watching.wait()
        tell(served=True)


def tell_change(file: Path) -> None:
    """Tell the supervisor to start another child, once this one ends."""
    tell(changed=[str(file), time.time(), not is_watching.is_set()])
    delete_bytecode(own({file} | module_files()))


def end_for(file: Path) -> NoReturn:
    """End this process from any of its threads, since a file has changed."""
    tell_change(file)
    finish_requests()
    with suppress(Exception):  # the terminal may be closed
        sys.stdout.flush()
    os._exit(0)


def describe_change() -> str:
    """What has changed, and how long it took until now: ``blog.py changed: 0.18 s``."""
    return f"{short_path(restart.changed)} changed: {time.time() - restart.at:.2f} s"
