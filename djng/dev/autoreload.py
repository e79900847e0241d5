"""Run the user's file, and end the process when a file changes. Runs in children of `supervisor`.

While the site starts, a thread looks at the files beside it. While it serves, Django's reloader
does, to which apps add files and folders. While there is an error, `error_server` does.
"""

import atexit
import functools
import math
import os
import runpy
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer, main_thread
from traceback import walk_stack
from types import TracebackType
from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.utils import autoreload

from djng.dev import child
from djng.dev.child import Program, Restart
from djng.dev.error_page import Explanation
from djng.dev.error_server import show_error
from djng.dev.server import InheritedSocketMixin, finish_requests
from djng.dev.signals import handle_stops
from djng.dev.watch import (
    Stamp,
    first_change,
    module_files,
    nearby_modules,
    own,
    read_stamps,
    rounds,
)
from djng.exceptions import Location, is_library_file, missing_run

CHANGED = 3  # the exit code of Django's reloaders
ABSENT: Stamp = (0, 0)  # of a file that does not exist
PATIENCE = 5  # seconds after which the terminal tells what a start is waiting for
MOMENT = 0.5  # seconds for which a file is absent while an editor or git replaces it


def become_child(program: Program, channel: socket.socket, restart: Restart) -> None:
    """Make this process a child of the supervisor, and watch the files while the site starts."""
    InheritedSocketMixin.listener = listener = socket.socket(fileno=program.listener)
    for each in (listener, channel):
        each.set_inheritable(False)  # a program that the site starts must not keep the port open
        each.settimeout(None)  # the file may have set another default
    child.channel, child.restart = channel, restart
    os.environ[autoreload.DJANGO_AUTORELOAD_ENV] = "true"
    handle_stops()
    atexit.register(child.tell, ended=True)  # a crash does not come to this
    sys.excepthook = functools.partial(show_uncaught, program)
    Thread(target=exit_with_parent, args=(channel,), daemon=True).start()
    watch_start(Path(program.site), is_repeated=restart.was_starting)


def show_uncaught(
    program: Program, kind: type, error: BaseException, traceback: TracebackType | None
) -> None:
    """As sys.excepthook: show the error that has ended the user's file."""
    if isinstance(error, Exception):
        show_error(error, Path(program.site), program.debug)


def run_child(program: Program, channel: socket.socket, restart: Restart) -> NoReturn:
    """Run the program. If it fails, show why until a file changes."""
    become_child(program, channel, restart)
    site, sys.argv = Path(program.site), program.argv
    try:
        if restart.failure:
            raise crash(restart.failure)
        run_program(program)
    except SystemExit as end:
        if child.has_started.is_set() or not restart.was_served:
            raise
        show_error(end, site, program.debug)
    except Exception as error:
        show_error(error, site, program.debug)
    except KeyboardInterrupt:
        pass
    sys.exit()


def crash(failure: str) -> CommandError:
    """The error for a child that has ended without a word, as after ``os._exit()`` or a kill."""
    hint = "It starts again when you save a file."
    return CommandError(f"The process that ran the site has ended ({failure}).\n{hint}")


def run_program(program: Program) -> None:
    """Run what the user has started as ``__main__``: a module, or the file in ``sys.argv``."""
    main, site = sys.argv[0], Path(program.site)
    is_site = Path(main).resolve() == site  # and not Django's, or a script that imports the site
    if is_site:  # what the parent's Djng() has set would hide that a setting is read too early
        os.environ["DJANGO_SETTINGS_MODULE"] = "djng.unconfigured"
    if program.module:
        runpy.run_module(program.module, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(main, run_name="__main__")
    if is_site:
        raise missing_run(site)


def watch_start(site: Path, *, is_repeated: bool) -> None:
    """Watch the files beside the site's while it starts."""
    # A site that writes modules when it starts would restart forever: watch those only once.
    now = read_stamps({site} if is_repeated else {site} | nearby_modules(site))
    child.stamps.update({**now, **child.stamps})  # the first child may know earlier ones
    Thread(target=exit_on_change_during_start, daemon=True).start()


def exit_on_change_during_start() -> None:
    """End this process when a file changes before the site has started, which may never happen."""
    patience = time.monotonic() + PATIENCE
    for _ in rounds():
        if child.has_started.is_set():
            return
        if changed := first_change(child.stamps, read_stamps([*child.stamps])):
            child.end_for(changed)
        if time.monotonic() > patience:
            patience = math.inf
            with suppress(Exception):  # the terminal may be closed
                print_present_line()


def print_present_line() -> None:
    """Print the user's line that the main thread has come to: it may be a loop without end."""
    if "bdb" in sys.modules:  # the debugger shows it
        return
    frame = sys._current_frames().get(main_thread().ident or 0)
    places = (Location(f.f_code.co_filename, line) for f, line in walk_stack(frame))
    if where := next((each for each in places if not is_library_file(each.file)), None):
        message = "the site is still starting. It has come to this line."
        sys.stderr.write(f"{Explanation(message, where)}\n")


def exit_with_parent(channel: socket.socket) -> None:
    """End this process when the parent has ended, and thereby closed the channel, or was killed."""
    with suppress(OSError):
        channel.recv(1)
    os._exit(1)


class Reloader(autoreload.StatReloader):
    """Django's StatReloader, but faster.

    It looks at the user's own files 20 times a second, and at all others once. It also notices what
    has changed before it started, deleted files, and new files in the folders that it watches.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        # The settings have these folders only if they were there at the start.
        optional = {folder / name for name in ("locale", "public", "static")}
        missing = {each for each in optional if not each.exists()}
        self.extra_files |= missing
        self.stamps = {**child.stamps, **dict.fromkeys(missing, ABSENT)}
        self.absent: dict[Path, float] = {}  # files that were there, and since when they are not

    def tick(self) -> Iterator[None]:
        for files in self.rounds():
            for file, stamp in self.look(files).items():
                if self.stamps.setdefault(file, stamp) != stamp:
                    self.stamps[file] = stamp
                    self.notify_file_changed(file)
            child.is_watching.set()
            yield

    def rounds(self) -> Iterator[set[Path]]:
        """Yield the files to look at: all of them once a second, else the user's own."""
        own, end = self.own_files(), time.monotonic() + 1
        yield own  # the site waits for the first look, so it must not take long
        for _ in rounds():
            if time.monotonic() < end:
                yield own
                continue
            before, own, end = own, self.own_files(), time.monotonic() + 1
            self.stamps |= dict.fromkeys(own - module_files() - self.stamps.keys(), ABSENT)
            # A file that is deleted just now is only among those of before.
            yield before | own | module_files() | find_files(self.directory_globs)

    def look(self, files: set[Path]) -> dict[Path, Stamp]:
        """The stamps of the files, which are those of deleted files, too."""
        files = files | self.absent.keys()
        stamps, now = read_stamps(files), time.monotonic()
        gone = (files & self.stamps.keys()) - stamps.keys()
        self.absent = {file: self.absent.get(file, now) for file in gone}
        deleted = [file for file, since in self.absent.items() if now - since > MOMENT]
        return {**stamps, **dict.fromkeys(deleted, ABSENT)}

    def own_files(self) -> set[Path]:
        """The user's modules, and the files in folders of the user's that apps watch."""
        folders = {k: v for k, v in self.directory_globs.items() if not is_library_file(f"{k}/")}
        return own(module_files() | self.extra_files) | find_files(folders)


def find_files(globs: Mapping[Path, Iterable[str]]) -> set[Path]:
    """The files in folders, such as those of templates, that match one of the folder's patterns."""
    patterns = ((folder, each) for folder, patterns in globs.items() for each in patterns)
    return {file for folder, pattern in patterns for file in folder.glob(pattern)}


def run_with_reloader(serve: Callable[..., Any], site: Path, **options: Any) -> None:
    """Serve in a thread, and end this process when a file changes."""
    child.has_started.set()
    reloader = create_reloader(site)
    changes: list[Path] = []
    note = functools.partial(note_change, changes)
    autoreload.file_changed.connect(note)
    look = functools.partial(look_for_missed_changes, reloader, changes)
    if not isinstance(reloader, Reloader):
        autoreload.autoreload_started.connect(look)

    try:
        autoreload.start_django(reloader, serve, **options)
    except KeyboardInterrupt:
        sys.exit()
    except SystemExit as end:
        if end.code == CHANGED:
            child.tell_change(changes[-1] if changes else site)
            finish_requests()
        # A thread of the user's could keep this process alive, and the process would still serve.
        timer = Timer(2, os._exit, [end.code])
        timer.daemon = True
        timer.start()
        raise


def note_change(changes: list[Path], file_path: Path, **signal: Any) -> None:
    changes.append(file_path)


def look_for_missed_changes(
    reloader: autoreload.BaseReloader, changes: list[Path], **signal: Any
) -> None:
    """Look once a second for changes that the reloader of an installed app has missed.

    It may begin later than the site. Before Python 3.13, django-watchfiles never notices a change
    to ``templates/page.html``.
    """
    before = {**read_stamps(own({*reloader.watched_files()})), **child.stamps}
    child.is_watching.set()
    Thread(target=exit_on_missed_change, args=(before, changes), daemon=True).start()


def exit_on_missed_change(before: dict[Path, Stamp], changes: list[Path]) -> None:
    count = len(changes)
    while True:
        time.sleep(1)
        now = {**before, **read_stamps(before)}
        recent, count = changes[count:], len(changes)
        noticed = {file: now[file] for file in recent if file in now}
        if missed := first_change({**before, **noticed}, now):
            child.end_for(missed)
        before = now


def create_reloader(site: Path) -> autoreload.BaseReloader:
    """The reloader that the user has installed, or else ours."""
    reloader = autoreload.get_reloader()
    if type(reloader) is autoreload.StatReloader:
        reloader = Reloader(site.parent)
    # Django forgets a file that is missing for a moment, as when an editor or git replaces it.
    reloader.extra_files |= {site} | module_files()
    return reloader
