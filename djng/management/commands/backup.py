"""Copy an SQLite database, even while it is in use. Runs as ``python blog.py backup``."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Copies the SQLite database to a new file. The site can keep running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the copy, such as backup-monday.sqlite3")

    def handle(self, *args: Any, file: Path, **options: Any) -> str:
        check_database()
        try:
            write_copy(file)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"{file} is not written: {reason}.") from error
        return f"Wrote {file}."


def check_database() -> None:
    """Raise CommandError if there is nothing to copy."""
    if connection.vendor != "sqlite":
        name = connection.display_name
        raise CommandError(f"backup copies SQLite. {name} has a command of its own for that.")
    source = Path(connection.settings_dict["NAME"])
    if not source.exists() or not source.stat().st_size:
        raise CommandError(f"There is nothing in {source.name} yet.")


def write_copy(file: Path) -> None:
    """Copy the database. The file appears only when it is complete, and never replaces another."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.touch(0o600)  # nobody else may read what the site keeps private
        connection.ensure_connection()
        with closing(sqlite3.connect(draft)) as target:
            connection.connection.backup(target)
        os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
