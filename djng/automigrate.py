"""Migrations by themselves, where they can only add. Runs under ``runserver``, before it serves.

What could lose or refuse a row, and what Django would ask about, is left to whoever runs
``makemigrations``: all of it or nothing, for half of a rename is a loss. An app of which nothing is
in the database yet has no rows to lose: its migrations are applied as they are.
"""

import math
from collections.abc import Callable
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations import operations
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.db.models import NOT_PROVIDED

from djng.errors import command, short

ONLY_ADD = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AlterModelOptions,  # these two are about Python alone
    operations.AlterModelManagers,
)
# What may change of a field: the first are about Python alone, the others may grow.
FREE = {"default", "auto_now", "auto_now_add", "on_delete", "upload_to", "storage"}
GROWS = {"null", "db_index", "max_length", "max_digits", "decimal_places"}
# From each type of column to the next, every value fits.
WIDER = (
    ("SmallIntegerField", "IntegerField", "BigIntegerField"),
    ("PositiveSmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField"),
    ("SmallAutoField", "AutoField", "BigAutoField"),
    ("CharField", "TextField"),
    ("SlugField", "TextField"),
)

COMMANDS = ("makemigrations", "migrate")
Say = Callable[[str], Any]


class Questioner(MigrationQuestioner):
    """Has no value for a field that needs one: it stays without a default, and is not filled."""

    def ask_not_null_addition(self, field_name: str, model_name: str) -> Any:
        return NOT_PROVIDED

    ask_auto_now_add_addition = ask_not_null_addition


def waiting() -> int:
    """How many migrations on the disk are not applied, 0 where the database does not say."""
    try:
        return len(plan(MigrationExecutor(connection)))
    except Exception:
        return 0


def plan(executor: MigrationExecutor) -> list[Migration]:
    return [each for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def catch_up(label: str, say: Say, warn: Say) -> None:
    """Bring the database to where the models are, as far as that only adds; say what was done.

    Takes the label of the user's app, and what to call with a line that tells, or that warns.
    """
    paths: list[Path] = []
    try:
        executor = MigrationExecutor(connection)
        pending, changes = plan(executor), detect(label, executor.loader)
        if not (pending or changes):
            return
        if reason := objection(label, executor.loader, pending, changes):
            warn(f"Not migrated: {reason}")
            return
        if changes:
            paths += [Path(MigrationWriter(each).path) for each in changes]
            call_command("makemigrations", label, verbosity=0, interactive=False)
            invalidate_caches()
        call_command("migrate", verbosity=0, interactive=False)
        for path, migration in zip(paths, changes, strict=True):
            what = "; ".join(operation.describe() for operation in migration.operations)
            say(f"{short(str(path))}: {what}")
        if others := sorted({each.app_label for each in pending}):
            say(f"Migrated {', '.join(others)}.")
    except Exception as error:  # whatever it is, the server goes on
        for path in paths:  # they would be in the way of what mends them
            if (label, path.stem) not in MigrationRecorder(connection).applied_migrations():
                path.unlink(missing_ok=True)
        what = f"{type(error).__name__}: {error}"
        warn(f"Not migrated: {what}\n  To see all of it: {command(*COMMANDS)}")


def detect(label: str, loader: MigrationLoader) -> list[Migration]:
    """The migrations that ``makemigrations`` would write for the user's app."""
    questioner = Questioner(specified_apps={label})
    models = ProjectState.from_apps(apps)
    detector = MigrationAutodetector(loader.project_state(), models, questioner)
    changes = detector.changes(loader.graph, trim_to_apps={label}, convert_apps={label})
    return [migration for several in changes.values() for migration in several]


def objection(
    label: str, loader: MigrationLoader, pending: list[Migration], changes: list[Migration]
) -> str:
    """Why this is not to be done by itself, and the way out; empty where it only adds."""
    there = {name for app, name in loader.disk_migrations if app == label}
    there |= {name for each in loader.disk_migrations.values() for _, name in each.replaces}
    if gone := sorted({name for app, name in loader.applied_migrations if app == label} - there):
        what = f"the database knows migrations that are not there: {', '.join(gone)}"
        return f"{what}\n  Bring the files back, or move the database away."
    if held := [f"{each.app_label}.{each.name}" for each in pending if not may_apply(loader, each)]:
        return f"these do more than add: {', '.join(held)}\n  {command('migrate')}"
    if columns := unknown_columns(label, loader):
        return f"no migration knows {columns}\n  Give the model a field for it, or drop it."
    state = loader.project_state()
    verdicts = [(op, adds(op, each.app_label, state)) for each in changes for op in each.operations]
    if all(is_fine for _, is_fine in verdicts):
        return ""
    lines = [f"\n    {op.describe()}{' (waits too)' * is_fine}" for op, is_fine in verdicts]
    return f"this could lose or refuse data.{''.join(lines)}\n  {command(*COMMANDS)}"


def unknown_columns(label: str, loader: MigrationLoader) -> str:
    """What the tables have more than the migrations say: SQLite makes a table anew without it."""
    applied = [key for key in loader.applied_migrations if key[0] == label]
    models = loader.project_state(applied).apps.get_models() if applied else []
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for meta in [model._meta for model in models if model._meta.app_label == label]:
            if meta.managed and meta.db_table in tables:
                found = connection.introspection.get_table_description(cursor, meta.db_table)
                if more := {each.name for each in found} - {each.column for each in meta.fields}:
                    return f"{', '.join(sorted(more))} of the table {meta.db_table}."
    return ""


def may_apply(loader: MigrationLoader, migration: Migration) -> bool:
    """Whether a migration that is on the disk only adds, or its app has no rows yet."""
    label = migration.app_label
    if label not in {app for app, _ in loader.applied_migrations}:
        return True
    state = loader.project_state((label, migration.name), at_end=False)
    return all(adds(operation, label, state) for operation in migration.operations)


def adds(operation: Operation, label: str, state: ProjectState) -> bool:
    """Whether the operation can only add; moves the state behind it."""
    if isinstance(operation, operations.AlterField):
        before = field_of(operation, label, state)
        operation.state_forwards(label, state)
        return is_wider(before, field_of(operation, label, state))
    operation.state_forwards(label, state)
    if isinstance(operation, operations.AddField):
        return is_filled(operation.field)
    return isinstance(operation, ONLY_ADD)


def field_of(operation: operations.AlterField, label: str, state: ProjectState) -> Any:
    return state.apps.get_model(label, operation.model_name)._meta.get_field(operation.name)


def is_filled(field: Any) -> bool:
    """Whether rows that are there get a value for a new field that all of them may have."""
    has_default = field.default not in (None, NOT_PROVIDED) or field.db_default is not NOT_PROVIDED
    if field.many_to_many:
        return True
    if field.unique or field.is_relation:
        return bool(field.null and not has_default)
    return bool(field.null or has_default or (field.blank and field.empty_strings_allowed))


def is_wider(before: Any, after: Any) -> bool:
    """Whether a changed column holds every value of the old one, and drops and refuses nothing."""
    (_, path, _, old), (_, new_path, _, new) = before.deconstruct(), after.deconstruct()
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    if changed - {*before.non_db_attrs} - FREE - GROWS or before.column != after.column:
        return False
    if (
        before.null > after.null
        or before.db_index > after.db_index
        or before.unique != after.unique
    ):
        return False
    kind, new_kind = before.get_internal_type(), after.get_internal_type()
    if path != new_path and (path + new_path).count("django.db.models.") != 2:
        return False  # fields of others may read their columns otherwise
    if kind != new_kind:
        return any(new_kind in row[row.index(kind) :] for row in WIDER if kind in row)
    return all(old <= new for old, new in zip(sizes(before), sizes(after), strict=True))


def sizes(field: Any) -> tuple[float, ...]:
    """How much of each kind fits into the column."""
    places = getattr(field, "decimal_places", None) or 0
    digits = getattr(field, "max_digits", None) or math.inf
    return field.max_length or math.inf, digits - places, places
