"""Serve the site in production, with granian. Runs as ``python blog.py serve``."""

import errno
import os
import socket
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from djng.app import Djng
from djng.environ import Environment
from djng.exceptions import command_line
from djng.management.migrations import unapplied_migrations

# For each worker: the most that every system allows a user.
MAX_FILES = 10240
# granian warns of many threads, but most of them only wait for slow clients.
RUN_GRANIAN = """
import logging
from granian.cli import entrypoint
logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in str(record.msg))
entrypoint()
"""


class Command(BaseCommand):
    help = "Serves the site in production, with granian. It reads granian's GRANIAN_... variables."

    def add_arguments(self, parser: CommandParser) -> None:
        environment = Environment(os.environ)
        workers = environment.number("WEB_CONCURRENCY", "1", 1024)
        threads = environment.number("GRANIAN_BLOCKING_THREADS", "4", 1024)
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 listens on all addresses")
        parser.add_argument("--port", default=environment.port(), type=int, help="PORT, or 8000")
        what = "WEB_CONCURRENCY, or 1"
        parser.add_argument("--workers", default=workers, type=positive_number, help=what)
        what = "how many requests each worker works on at once: GRANIAN_BLOCKING_THREADS, or 4"
        parser.add_argument("--threads", default=threads, type=positive_number, help=what)
        what = "serve by ASGI, for async views; they need no threads"
        parser.add_argument("--asgi", action="store_true", help=what)

    def handle(self, *args: Any, **options: Any) -> None:
        if not find_spec("granian"):
            raise CommandError('serve needs the package granian: pip install "djng[serve]"')
        site = cast(Djng, Djng.current)
        options["host"] = check_address(options["host"], options["port"])
        if count := unapplied_migrations():
            text = f"{count} migrations are not applied: {command_line('migrate')}"
            self.stderr.write(self.style.WARNING(text))
        files = raise_file_limit()
        # Only with a fixed version of HTTP does granian close a connection that sends nothing.
        defaults = {"GRANIAN_HTTP": "1", "GRANIAN_BACKPRESSURE": f"{files * 4 // 5}"}
        os.environ.update({**defaults, **os.environ, "DJNG_THREADS": f"{options['threads']}"})
        options["threads"] += files // 10  # for slow clients
        command = [sys.executable, "-c", RUN_GRANIAN, *granian_options(**options), target(site)]
        os.execv(sys.executable, command)  # noqa: S606  # no shell reads this


def positive_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"{text} is not a number from 1 on.")
    return int(text)


def check_address(host: str, port: int) -> str:
    """Return the IP address of the host; raises CommandError if nothing can listen there."""
    if port > 65535:
        raise CommandError(f"{port} is not a port: the highest is 65535.")
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        message = f"serve cannot listen on {host}:{port}: {reason}."
        if error.errno == errno.EADDRINUSE:
            message += f"\n  Try another port: {command_line(f'serve --port {port + 1}')}"
        raise CommandError(message) from error
    return str(address[0])


def granian_options(
    *, asgi: bool, host: str, port: int, workers: int, threads: int, **others: Any
) -> Iterator[str]:
    yield from ("--respawn-failed-workers", f"--workers={workers}")
    # A worker that is still starting ignores SIGTERM. Without this, granian waits for it forever.
    yield "--workers-kill-timeout=30"
    yield from (f"--interface={'asgi' if asgi else 'wsgi'}", f"--host={host}", f"--port={port}")
    if not asgi:
        yield from ("--no-ws", f"--blocking-threads={threads}")


def raise_file_limit() -> int:
    """Let each worker have more files open, connections among them, and return how many."""
    try:
        import resource  # Windows has neither the module nor the limit
    except ImportError:
        return MAX_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, soft), hard))
    return files


def target(site: Djng) -> str:
    """What granian imports, as in ``/srv/blog:app``. The path makes sure that it is this file."""
    names = [name for name, value in vars(site.module).items() if value is site]
    if not names:
        raise CommandError(f"serve finds no app: write `app = ...` in {site.path.name} itself.")
    return f"{site.path.with_suffix('')}:{names[0]}"
