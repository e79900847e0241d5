"""Copy an SQLite database, even while it is in use. Runs as ``python blog.py backup``."""

import os
import secrets
import shlex
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from djng.app import Djng
from djng.exceptions import command_line, short_path

TOOLS = {"postgresql": "pg_dump", "mysql": "mysqldump", "oracle": "expdp"}

told_to_end = Event()


class Command(BaseCommand):
    help = "Copies the SQLite database to a new file. The site can keep running."

    def add_arguments(self, parser: CommandParser) -> None:
        what = "the copy; by default a file with the time in its name, in the site's data folder"
        parser.add_argument("file", nargs="?", type=Path, help=what)

    def run_from_argv(self, argv: list[str]) -> None:
        # An exception could come before it is known what must be deleted.
        signal.signal(signal.SIGTERM, lambda *args: told_to_end.set())
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> str:
        file = options["file"] or default_file()
        check_database(file)
        try:
            write_copy(file)
        except FileExistsError as error:
            raise CommandError(f"{file} is there already. Choose another name.") from error
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"{file} is not written: {reason}.") from error
        return f"Wrote {short_path(str(file))}."


def default_file() -> Path:
    """The name of a copy that the user has not named, beside the site's other data."""
    site = cast(Djng, Djng.current)
    return site.data / f"{site.path.stem}-{time.strftime('%Y-%m-%d-%H%M%S')}.sqlite3"


def check_database(file: Path) -> None:
    """Raise CommandError if there is nothing to copy, or if SQLite would delete the copy."""
    if connection.vendor != "sqlite":
        name = connection.display_name
        tool = TOOLS.get(connection.vendor, "its own command")
        raise CommandError(f"backup copies only SQLite. For {name}, use {tool}.")
    if os.path.isdir(file):  # an empty name is the working directory
        example = command_line(f"backup {shlex.quote(str(file / 'monday.sqlite3'))}")
        raise CommandError(f"{file} is a folder. Name a new file: {example}")
    source = Path(connection.settings_dict["NAME"])
    if not source.exists() or not source.stat().st_size:
        raise CommandError(f"There is nothing in {source.name} yet.")
    if str(file.absolute()) in [f"{source}-{suffix}" for suffix in ("wal", "shm", "journal")]:
        raise CommandError(f"{file} is a name that SQLite itself uses. Choose another one.")


def write_copy(file: Path) -> None:
    """Copy the database. The file appears only when it is complete, and never replaces another."""
    claim(file)  # before the work: it may exist, or its name may be impossible
    file.unlink()
    claim(draft := file.parent / f".{secrets.token_hex(8)}")  # which nobody can guess
    try:
        connection.ensure_connection()
        with closing(sqlite3.connect(draft)) as target:
            connection.connection.backup(target)
        if told_to_end.is_set():
            raise OSError("the command was told to end")
        claim(file)
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def claim(file: Path) -> None:
    """Create a file that nobody else can read; raises OSError if there is one of that name.

    Not every file system has hard links, which would do the same for a complete file.
    """
    file.touch(0o600, exist_ok=False)
