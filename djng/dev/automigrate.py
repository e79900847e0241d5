"""Migrate the database while developing. Runs under ``runserver``, before it serves.

It only adds: tables, columns that have a value for every row, wider columns, indexes. If any change
could lose data or fail, it makes no change at all, since half of a rename would be a loss. Then the
user runs ``makemigrations``. An app without an applied migration has no rows to lose, so its
migrations are applied whatever they do. Two servers of one project take turns.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.files import locks
from django.core.management import call_command
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.db.models import NOT_PROVIDED

from djng.dev.objections import COMMANDS, columns_of, find_objection
from djng.exceptions import command_line, short_path
from djng.management.migrations import how_to_start_anew

Write = Callable[[str], Any]

refusal = ""  # why the last `update_database` has not migrated; the error page says the same


def update_database(label: str, write: Write, warn: Write) -> None:
    """Write migrations for the user's app and apply all migrations, if that only adds.

    Takes the label of the app, a function that writes a message, and one that writes a warning. ::

        update_database("blog", print, print)
    """
    try:
        with locked(Path(apps.get_app_config(label).path).parent):
            reason = migrate_if_safe(label, write)
    except Exception as error:  # the server starts in any case
        text = f"{type(error).__name__}: {error}"
        reason = f"{text}\n  For the full error, run: {command_line(*COMMANDS)}"
    global refusal
    refusal = f"Not migrated: {reason}" if reason else ""
    if refusal:
        warn(refusal)


def explain_missing_table(label: str) -> str:
    """Why the database lacks what a model has, and what to do; empty if the commands add it."""
    if refusal:
        return refusal
    executor = MigrationExecutor(connection)
    if find_pending(executor) or find_changes(label, executor.loader):
        return ""
    for meta in [model._meta for model in apps.get_app_config(label).get_models()]:
        fields = {field.column for field in meta.local_concrete_fields if field.column}
        if meta.managed and (missing := sorted(fields - columns_of(meta.db_table))):
            what = f"All migrations are applied, but {meta.db_table} lacks {', '.join(missing)}."
            return f"{what} Were files of migrations deleted?\n{how_to_start_anew()}"
    return ""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time migrate the sites of the folder."""
    path, flags = folder, os.O_RDONLY
    if sys.platform == "win32":  # it cannot open a folder, but it deletes such a file by itself
        path, flags = folder / ".djng-lock", os.O_RDWR | os.O_CREAT | os.O_TEMPORARY
    descriptor = os.open(path, flags)
    try:
        with suppress(OSError):  # not every network file system has locks
            locks.lock(descriptor, locks.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def migrate_if_safe(label: str, write: Write) -> str:
    """Migrate, and return an empty string; or return why the user must do it, and how."""
    invalidate_caches()  # another process may have written a migration just now
    executor = MigrationExecutor(connection)
    pending = find_pending(executor)
    changes = find_changes(label, executor.loader)
    if not (pending or changes):
        return ""
    if reason := find_objection(label, executor.loader, pending, changes):
        return reason
    migrate(label, pending, changes, write)
    return ""


def find_pending(executor: MigrationExecutor) -> list[Migration]:
    """The migration files that have not been applied."""
    return [each for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def find_changes(label: str, loader: MigrationLoader) -> list[Migration]:
    """The migrations that ``makemigrations`` would write for the app."""
    questioner = Questioner(specified_apps={label})
    models = ProjectState.from_apps(apps)
    detector = MigrationAutodetector(loader.project_state(), models, questioner)
    changes = detector.changes(loader.graph, trim_to_apps={label}, convert_apps={label})
    return [migration for migrations in changes.values() for migration in migrations]


class Questioner(MigrationQuestioner):
    """Never asks for the default of a new field. Without one, the field counts as unsafe."""

    def ask_not_null_addition(self, field_name: str, model_name: str) -> Any:
        return NOT_PROVIDED

    ask_auto_now_add_addition = ask_not_null_addition


def migrate(label: str, pending: list[Migration], changes: list[Migration], write: Write) -> None:
    """Write the changes as migration files, apply them and the pending ones, and say so."""
    files = [Path(MigrationWriter(migration).path) for migration in changes]
    new = [file for file in files if not file.exists()]
    try:
        if changes:
            call_command("makemigrations", label, verbosity=0, interactive=False)
            invalidate_caches()
        call_command("migrate", verbosity=0, interactive=False)
    except Exception:
        delete_unapplied(label, new)
        raise
    for file, migration in zip(files, changes, strict=True):
        what = "; ".join(operation.describe() for operation in migration.operations)
        write(f"{short_path(str(file))}: {what}")
    if others := sorted({migration.app_label for migration in pending}):
        write(f"Migrated {', '.join(others)}.")


def delete_unapplied(label: str, files: list[Path]) -> None:
    """Delete new migration files that could not be applied: the user's correction replaces them."""
    applied = MigrationRecorder(connection).applied_migrations()
    for file in files:
        if (label, file.stem) not in applied:
            file.unlink(missing_ok=True)
