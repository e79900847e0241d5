"""Runs ``backup``: copies an SQLite database to a file, whole, while the site goes on."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Copies the database to a new file, while the site goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the copy, as backup-monday.sqlite3")

    def handle(self, *args: Any, file: Path, **options: Any) -> str:
        if connection.vendor != "sqlite":
            name = connection.display_name
            raise CommandError(f"backup copies SQLite. {name} has a command of its own for that.")
        source = Path(connection.settings_dict["NAME"])
        if not source.exists() or not source.stat().st_size:
            raise CommandError(f"There is nothing in {source.name} yet.")
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            draft.touch(0o600)  # it holds what its site keeps from others
            copy(draft)
            os.link(draft, file)  # at once and whole, and never over another file
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"{file} is not written: {reason}.") from error
        finally:
            draft.unlink(missing_ok=True)
        return f"Wrote {file}."


def copy(file: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as target:
        connection.connection.backup(target)
