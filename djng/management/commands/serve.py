"""Runs ``serve``: the site for others, by granian, which takes the place of this process."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from djng import automigrate
from djng.app import Djng
from djng.errors import command
from djng.settings import Environment


class Command(BaseCommand):
    help = "Serves the site to others. All of granian's GRANIAN_... variables hold too."

    def add_arguments(self, parser: CommandParser) -> None:
        environment = Environment(os.environ)
        port, workers = environment.port(), environment.workers()
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all who reach it")
        parser.add_argument("--port", default=port, type=int, help="PORT, or 8000")
        parser.add_argument("--workers", default=workers, type=int, help="WEB_CONCURRENCY, or 1")
        parser.add_argument("--threads", type=int, help="of each worker, for views that wait")
        parser.add_argument("--asgi", action="store_true", help="for a site of async views")

    def handle(self, *args: Any, **options: Any) -> None:
        if not find_spec("granian"):
            raise CommandError('serve needs the package granian: pip install "djng[serve]"')
        if options["asgi"] and options["threads"]:
            raise CommandError("--threads are WSGI's: under ASGI views that wait are async.")
        site: Any = Djng.current
        site.keep_secret()  # before there are workers, who would each report what is wrong
        if waiting := automigrate.waiting():
            text = f"{waiting} migrations are not applied: {command('migrate')}"
            self.stderr.write(self.style.WARNING(text))
        sys.stdout.flush()
        granian = [sys.executable, "-m", "granian", *arguments(**options), target(site)]
        os.execv(sys.executable, granian)  # noqa: S606  # the words are not read by a shell


def arguments(
    *, asgi: bool, host: str, port: int, workers: int, threads: int | None, **others: Any
) -> Iterator[str]:
    """What granian is told; a worker that is killed is replaced."""
    yield from ("--respawn-failed-workers", f"--working-dir={settings.BASE_DIR}")
    yield from (f"--interface={'asgi' if asgi else 'wsgi'}", f"--host={host}", f"--port={port}")
    yield f"--workers={workers}"
    if threads:
        yield f"--blocking-threads={threads}"


def target(site: Any) -> str:
    """What servers import: ``blog:app``."""
    module = sys.modules[site.label]
    name = next((name for name, value in vars(module).items() if value is site), "app")
    return f"{Path(str(module.__file__)).stem}:{name}"
