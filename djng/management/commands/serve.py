"""Runs ``serve``: the site for others, by granian, which takes the place of this process."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from djng import automigrate
from djng.app import Djng
from djng.errors import command
from djng.settings import Environment


class Command(BaseCommand):
    help = "Serves the site to others. All of granian's GRANIAN_... variables hold too."

    def add_arguments(self, parser: CommandParser) -> None:
        environment = Environment(os.environ)
        workers = environment.number("WEB_CONCURRENCY", "1", 1024)
        threads = environment.number("GRANIAN_BLOCKING_THREADS", "4", 1024)
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all who reach it")
        parser.add_argument("--port", default=environment.port(), type=int, help="PORT, or 8000")
        parser.add_argument("--workers", default=workers, type=int, help="WEB_CONCURRENCY, or 1")
        what = "of each worker, GRANIAN_BLOCKING_THREADS, or 4"
        parser.add_argument("--threads", default=threads, type=int, help=what)
        what = "serve by ASGI: for async views, which need no threads"
        parser.add_argument("--asgi", action="store_true", help=what)

    def handle(self, *args: Any, **options: Any) -> None:
        if not find_spec("granian"):
            raise CommandError('serve needs the package granian: pip install "djng[serve]"')
        site: Any = Djng.current
        site.keep_secret()  # before there are workers, who would each report what is wrong
        if waiting := automigrate.waiting():
            text = f"{waiting} migrations are not applied: {command('migrate')}"
            self.stderr.write(self.style.WARNING(text))
        granian = [sys.executable, "-m", "granian", *arguments(**options), target(site)]
        os.execv(sys.executable, granian)  # noqa: S606  # the words are not read by a shell


def arguments(
    *, asgi: bool, host: str, port: int, workers: int, threads: int, **others: Any
) -> Iterator[str]:
    """What granian is told; a worker that is killed is replaced."""
    yield from ("--respawn-failed-workers", f"--workers={workers}")
    yield from (f"--interface={'asgi' if asgi else 'wsgi'}", f"--host={host}", f"--port={port}")
    if not asgi:
        yield from ("--no-ws", f"--blocking-threads={threads}")


def target(site: Any) -> str:
    """What granian imports: the path of ``blog:app``, for by its name it could be another file."""
    module = sys.modules[site.label]
    name = next((name for name, value in vars(module).items() if value is site), "app")
    return f"{Path(str(module.__file__)).resolve().with_suffix('')}:{name}"
