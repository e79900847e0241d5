"""Migrate the database while developing. Runs under ``runserver``, before it serves.

It only adds: tables, columns that have a value for every row, wider columns, indexes. If any change
could lose data or fail, it makes no change at all, since half of a rename would be a loss. Then the
user runs ``makemigrations``, which asks. An app without an applied migration has no rows to lose,
so its migrations are applied whatever they do. Two servers of one project take turns.
"""

import math
import os
import re
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

from djng.exceptions import command_line, short_path

ADDING_OPERATIONS = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AlterModelOptions,  # these two change nothing in the database
    operations.AlterModelManagers,
)
# Options of a field that may change: the first ones without effect on the column, the others if
# they grow.
PYTHON_OPTIONS = {"default", "auto_now", "auto_now_add", "on_delete", "upload_to", "storage"}
GROWING_OPTIONS = {"null", "db_index", "max_length", "max_digits", "decimal_places"}
# A column of each type has room for every value of the types before it.
WIDENING_TYPES = (
    ("SmallIntegerField", "IntegerField", "BigIntegerField"),
    ("PositiveSmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField"),
    ("SmallAutoField", "AutoField", "BigAutoField"),
    ("CharField", "TextField"),
    ("SlugField", "TextField"),
)

COMMANDS = ("makemigrations", "migrate")
Write = Callable[[str], Any]


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
    if reason:
        warn(f"Not migrated: {reason}")


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


def find_objection(
    label: str, loader: MigrationLoader, pending: list[Migration], changes: list[Migration]
) -> str:
    """Why the user must migrate and what to do, or an empty string if it is safe."""
    return (
        describe_missing_files(label, loader)
        or describe_unsafe_pending(loader, pending)
        or describe_unknown_columns(label, loader)
        or describe_unsafe_changes(label, loader, changes)
        or describe_losses(loader, [*pending, *changes])
    )


def applied_apps(loader: MigrationLoader) -> set[str]:
    """The labels of the apps that may have rows already."""
    return {label for label, _ in loader.applied_migrations}


def describe_missing_files(label: str, loader: MigrationLoader) -> str:
    """Name the applied migrations of the app that have no file."""
    found = {name for app, name in loader.disk_migrations if app == label}
    found |= {name for each in loader.disk_migrations.values() for _, name in each.replaces}
    applied = {name for app, name in loader.applied_migrations if app == label}
    if not (missing := sorted(applied - found)):
        return ""
    return (
        f"the files of these applied migrations are missing: {', '.join(missing)}\n"
        "  Bring the files back, or move the database away to start with a new one."
    )


def describe_unsafe_pending(loader: MigrationLoader, pending: list[Migration]) -> str:
    """Name the migration files that do more than add."""
    unsafe = [f"{each.app_label}.{each.name}" for each in pending if not is_safe(loader, each)]
    if not unsafe:
        return ""
    what = f"these migrations could lose data: {', '.join(unsafe)}"
    return f"{what}\n  To apply them, run: {command_line('migrate')}"


def describe_unknown_columns(label: str, loader: MigrationLoader) -> str:
    """Name columns that no migration has made: SQLite would lose them when it copies a table."""
    applied = [key for key in loader.applied_migrations if key[0] == label]
    models = loader.project_state(applied).apps.get_models() if applied else []
    for meta in [model._meta for model in models]:
        if meta.app_label == label and meta.managed and (columns := unknown_columns(meta)):
            what = f"no migration has made these columns of the table {meta.db_table}: "
            return what + f"{', '.join(columns)}\n  Add fields for them to the model, or drop them."
    return ""


def unknown_columns(meta: Any) -> list[str]:
    """The columns of the table, if it exists, that the model has no field for."""
    introspection = connection.introspection
    with connection.cursor() as cursor:
        if meta.db_table not in introspection.table_names(cursor):
            return []
        columns = introspection.get_table_description(cursor, meta.db_table)
    return sorted({column.name for column in columns} - {field.column for field in meta.fields})


def describe_unsafe_changes(label: str, loader: MigrationLoader, changes: list[Migration]) -> str:
    """List all operations of the changes if any of them does more than add."""
    if label not in applied_apps(loader):
        return ""
    state = loader.project_state()
    verdicts = [
        (operation, only_adds(operation, migration.app_label, state))
        for migration in changes
        for operation in migration.operations
    ]
    if all(is_safe for _, is_safe in verdicts):
        return ""
    lines = [f"\n    {op.describe()}{' (safe by itself)' * is_safe}" for op, is_safe in verdicts]
    return f"this could lose data or fail.{''.join(lines)}\n  Run: {command_line(*COMMANDS)}"


def describe_losses(loader: MigrationLoader, migrations: list[Migration]) -> str:
    """Name triggers and indexes that no model has, on tables that SQLite copies without them."""
    if connection.vendor != "sqlite":
        return ""
    sql = collect_sql(loader, migrations)
    query = (
        "SELECT type, name FROM sqlite_master WHERE tbl_name = %s COLLATE NOCASE"
        " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY name"
    )
    for table in re.findall(r'CREATE TABLE "new__(.+?)"', sql):
        with connection.cursor() as cursor:
            found = cursor.execute(query, [table]).fetchall()
        if lost := [f"the {kind} {name}" for kind, name in found if f'INDEX "{name}"' not in sql]:
            what = f"this copies the table {table} without {', '.join(lost)}."
            return f"{what}\n  Run: {command_line(*COMMANDS)}\n  Then create them again."
    return ""


def collect_sql(loader: MigrationLoader, migrations: list[Migration]) -> str:
    """The SQL of the migrations, without that of apps that have no table yet."""
    state = loader.project_state([*loader.applied_migrations.keys() & loader.graph.nodes.keys()])
    with connection.schema_editor(collect_sql=True) as editor:
        for migration in migrations:
            if migration.app_label in applied_apps(loader):
                migration.apply(state, editor, collect_sql=True)
            else:
                migration.mutate_state(state, preserve=False)
    return "\n".join(editor.collected_sql)


def is_safe(loader: MigrationLoader, migration: Migration) -> bool:
    """Whether a migration file only adds, or its app has no rows yet."""
    label = migration.app_label
    if label not in applied_apps(loader):
        return True
    state = loader.project_state((label, migration.name), at_end=False)
    return all(only_adds(operation, label, state) for operation in migration.operations)


def only_adds(operation: Operation, label: str, state: ProjectState) -> bool:
    """Whether the operation only adds. It is applied to the state, for the next operation."""
    if isinstance(operation, operations.AlterField):
        before = get_field(operation, label, state)
        operation.state_forwards(label, state)
        return is_wider(before, get_field(operation, label, state))
    operation.state_forwards(label, state)
    if isinstance(operation, operations.AddField):
        return has_value_for_every_row(operation.field)
    return isinstance(operation, ADDING_OPERATIONS)


def get_field(operation: operations.AlterField, label: str, state: ProjectState) -> Any:
    return state.apps.get_model(label, operation.model_name)._meta.get_field(operation.name)


def has_value_for_every_row(field: Any) -> bool:
    """Whether existing rows can get a value for a new field, even if they all get the same."""
    has_default = field.default not in (None, NOT_PROVIDED) or field.db_default is not NOT_PROVIDED
    if field.many_to_many:
        return True
    if field.unique or field.is_relation:
        return bool(field.null and not has_default)
    return bool(field.null or has_default or (field.blank and field.empty_strings_allowed))


def is_wider(before: Any, after: Any) -> bool:
    """Whether the changed column accepts every value of the old one, and nothing else changes."""
    return (
        has_same_options(before, after)
        and before.null <= after.null
        and before.db_index <= after.db_index
        and before.unique == after.unique
        and has_room(before, after)
    )


def has_same_options(before: Any, after: Any) -> bool:
    """Whether the fields have the same column and options, except for those that may change."""
    (*_, old), (*_, new) = before.deconstruct(), after.deconstruct()
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    may_change = {*before.non_db_attrs} | PYTHON_OPTIONS | GROWING_OPTIONS
    return before.column == after.column and changed <= may_change


def has_room(before: Any, after: Any) -> bool:
    """Whether the type and size of the new column have room for every value of the old one."""
    (_, path, *_), (_, new_path, *_) = before.deconstruct(), after.deconstruct()
    if path != new_path and not (is_from_django(path) and is_from_django(new_path)):
        return False  # other fields may read the same column differently
    kind, new_kind = before.get_internal_type(), after.get_internal_type()
    if kind != new_kind:
        return any(new_kind in row[row.index(kind) :] for row in WIDENING_TYPES if kind in row)
    return all(old <= new for old, new in zip(sizes(before), sizes(after), strict=True))


def is_from_django(path: str) -> bool:
    return path.startswith("django.db.models.")


def sizes(field: Any) -> tuple[float, ...]:
    """How many characters, digits before the point and digits after it the column holds."""
    places = getattr(field, "decimal_places", None) or 0
    digits = getattr(field, "max_digits", None) or math.inf
    return field.max_length or math.inf, digits - places, places
