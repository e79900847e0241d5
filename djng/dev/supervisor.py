"""Start the site again after each change. Runs in the process that the user has started.

This process keeps the port open, and a child runs the user's file. When a file changes, the child
says so and ends, and the next one starts. Requests wait meanwhile.

A start spends most of its time on importing Django. So this process replaces itself by a new Python
that has imported Django and djng, but nothing of the user's, and forks: each child begins with both
imported. Where forking is not safe, each child is a new Python.
"""

import gc
import importlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, NoReturn

from djng.dev import autoreload, child
from djng.dev.child import Program, Restart
from djng.dev.signals import STOPS, handle_stops
from djng.dev.watch import Stamp, module_files, package_folders, read_stamps

# Not ``-m``: a child must import modules from the same folder as the user's file.
CODE = (
    "import sys; sys.path[0] = sys.argv.pop(1); "
    "from djng.dev import supervisor; supervisor.{function}(sys.argv[1])"
)
# What a site with the default settings imports. None of these reads a setting.
PRELOADED = """
    django.contrib.admin.checks django.contrib.admin.views.main django.contrib.auth.checks
    django.contrib.auth.hashers django.contrib.messages.middleware
    django.contrib.messages.storage.fallback django.contrib.sessions.middleware
    django.contrib.staticfiles.checks django.contrib.staticfiles.storage
    django.contrib.staticfiles.management.commands.runserver django.core.management.commands.check
    django.db.backends.sqlite3.base django.db.migrations.executor django.middleware.clickjacking
    django.middleware.csrf django.middleware.security django.template.backends.django
    django.template.loaders.app_directories django.views.debug djng.app djng.checks
    djng.dev.automigrate djng.dev.live_reload djng.error_views djng.management.checks
    djng.middleware djng.patterns djng.views whitenoise.middleware
"""
PATIENCE = 3  # seconds in which a child must notice that the user's file has changed


def can_fork() -> bool:
    """Whether children may be forks.

    The system libraries of macOS can crash in a fork. A debugger follows only new processes.
    """
    is_safe = hasattr(os, "fork") and sys.platform != "darwin"
    return is_safe and not {"bdb", "pydevd"} & sys.modules.keys()


def has_threads() -> bool:
    """Whether this process has threads, Python's or a library's, that a fork would lack."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task")) > 1
    return threading.active_count() > 1


def supervise(program: Program, *, forks: bool, goes_on: bool) -> None:
    """Run the program in children, until one ends for another reason than a change.

    Takes whether children are forks, and whether the first one `goes_on` with the user's file from
    where this process is. That child returns from here; the process that the user started doesn't.
    """
    if hasattr(signal, "SIGCHLD"):  # who ignores it is not told how a child has ended
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if not forks:
        Supervisor(program, forks=False).run(Restart())
    # A signal waits until the new Python can handle it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    started: list[Any] = []
    stamp = Deadline(program.site).before
    if goes_on and not has_threads():
        gc.freeze()  # the garbage collection of a child then copies none of this memory
        ours, theirs = socket.socketpair()
        if not (pid := os.fork()):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            ours.close()
            autoreload.become_child(program, theirs, Restart())
            return
        ours.set_inheritable(True)
        started = [pid, ours.fileno(), stamp]
        select([ours], [], [], 2)  # leave the processor to the child until it is about to serve
    replace_process(program, Restart(), started)


def replace_process(program: Program, restart: Restart, started: Sequence[Any] = ()) -> NoReturn:
    """Go on as a new Python, which has not run the user's file.

    If a child has `started`, takes its process ID, its channel and the stamp of the site's file.
    """
    # A signal waits until the new Python can handle it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    state = json.dumps([program, restart, started])
    os.execv(sys.executable, python("supervise_forks", program, state))  # noqa: S606


def python(function: str, program: Program, state: str) -> list[str]:
    """The command that calls a function of this module in a new Python with the same options."""
    options = [f"-W{option}" for option in sys.warnoptions]
    options += [f"-X{k}" if v is True else f"-X{k}={v}" for k, v in sys._xoptions.items()]
    code = CODE.format(function=function)
    return [sys.executable, *options, "-c", code, program.folder, state]


def supervise_forks(state: str) -> NoReturn:
    program, restart, started = json.loads(state)
    supervisor = Supervisor(Program(*program), forks=True)
    if started:
        pid, channel, stamp = started
        supervisor.child = ForkedChild(pid)
        supervisor.channel = socket.socket(fileno=channel)
        supervisor.deadline = Deadline(supervisor.program.site, stamp)
    supervisor.run(Restart(*restart))


def run_spawned(state: str) -> NoReturn:
    program, restart, channel = json.loads(state)
    autoreload.run_child(Program(*program), socket.socket(fileno=channel), Restart(*restart))


class Supervisor:
    """Starts a child, waits for its end, and starts the next one."""

    child: Any = None  # a subprocess.Popen or a ForkedChild
    channel: socket.socket  # on which the child says what happens
    deadline: "Deadline"

    def __init__(self, program: Program, *, forks: bool) -> None:
        self.program, self.forks = program, forks
        self.imports: dict[Path, Stamp] = {}

    def run(self, restart: Restart) -> NoReturn:
        try:
            handle_stops()
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # one may have waited for this
            while True:
                if not self.child:
                    self.deadline = Deadline(self.program.site)
                    self.fork(restart) if self.forks else self.spawn(restart)
                restart = self.wait(restart)
                self.child = None
        except KeyboardInterrupt:
            sys.exit()
        finally:
            self.end_child()

    def fork(self, restart: Restart) -> None:
        """Start a child that begins with what this process has imported."""
        self.preload()
        if self.imports != stamps_of_imports():  # another version of something was installed
            replace_process(self.program, restart)
        self.channel, theirs = socket.socketpair()
        if pid := os.fork():
            theirs.close()
            self.child = ForkedChild(pid)
        else:
            self.channel.close()
            autoreload.run_child(self.program, theirs, restart)

    def spawn(self, restart: Restart) -> None:
        """Start a child that is a new Python."""
        self.channel, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        state = json.dumps([self.program, restart, theirs.fileno()])
        command = python("run_spawned", self.program, state)
        self.child = subprocess.Popen(command, close_fds=False)  # noqa: S603
        theirs.close()

    def preload(self) -> None:
        """Import what children need, once."""
        if not self.imports:
            for name in PRELOADED.split():
                importlib.import_module(name)
            self.imports = stamps_of_imports()
            gc.freeze()

    def wait(self, restart: Restart) -> Restart:
        """Wait until the child has ended, and return why there must be another one."""
        said = self.listen()
        code = self.child.wait()
        self.channel.close()
        was_served = restart.was_served or "served" in said
        warning = said.get("warning", restart.warning)
        if "changed" in said:
            return Restart(was_served, warning, *said["changed"])
        if "ended" in said or restart.failure:
            sys.exit(code)
        return Restart(was_served, warning, failure=describe_end(code))

    def listen(self) -> dict[str, Any]:
        """Return what the child has said, once it has ended."""
        lines = b""
        while self.child.poll() is None:
            received = self.receive(timeout=1)
            lines += received
            if b"served" in received and self.forks:
                self.preload()
            if self.deadline.is_over():
                self.child.kill()
                lines += child.message(changed=[self.program.site, time.time()])
            if not received:
                time.sleep(0.005)  # the child may have closed the channel and be about to end
        while received := self.receive(timeout=0):
            lines += received
        return {k: v for line in lines.splitlines() for k, v in json.loads(line).items()}

    def receive(self, timeout: float) -> bytes:
        with suppress(ConnectionError):  # on Windows, the child was killed
            return self.channel.recv(4096) if select([self.channel], [], [], timeout)[0] else b""
        return b""

    def end_child(self) -> None:
        """End the child, if need be by force: a view may hang."""
        if self.child and self.child.poll() is None:
            self.child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(timeout=2)
            self.child.kill()
            self.child.wait()


class Deadline:
    """Is over some time after the file has changed: a child that has not noticed it hangs."""

    def __init__(self, file: str, before: Sequence[int] | None = None) -> None:
        self.file = Path(file)
        self.before = before or self.read()
        self.end = 0.0

    def read(self) -> list[int]:
        return [*read_stamps([self.file]).get(self.file, ())]

    def is_over(self) -> bool:
        if self.read() == self.before:
            return False
        self.end = self.end or time.monotonic() + PATIENCE
        return time.monotonic() > self.end


class ForkedChild:
    """A fork of this process, with the methods of subprocess.Popen that a supervisor needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = math.inf) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired([], timeout)
            time.sleep(0.005)
        return code

    def terminate(self) -> None:
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def stamps_of_imports() -> dict[Path, Stamp]:
    """The stamps of all that this process has imported, and of the folders of packages."""
    return read_stamps(module_files() | package_folders())


def describe_end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
