"""Say why the user must migrate. Runs under ``runserver``, before it migrates the database.

Each of these functions looks for one reason, and returns it with the way out, or an empty string.
"""

import math
import re
from typing import Any

from django.db import connection
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

from djng.exceptions import command_line
from djng.management.migrations import describe_missing_files

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
    """The columns of the table that the model has no field for."""
    return sorted(columns_of(meta.db_table) - {field.column for field in meta.fields})


def columns_of(table: str) -> set[str]:
    """The columns of the table; empty if there is no such table."""
    introspection = connection.introspection
    with connection.cursor() as cursor:
        if table not in introspection.table_names(cursor):
            return set()
        return {column.name for column in introspection.get_table_description(cursor, table)}


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
    lines += [f"\n  {advice_for(op)}" for op, is_safe in verdicts if not is_safe and advice_for(op)]
    return f"this could lose data or fail.{''.join(lines)}\n  Run: {command_line(*COMMANDS)}"


def advice_for(operation: Operation) -> str:
    """What is lost, or what to write for a new field, for which the rows have no value."""
    if isinstance(operation, operations.RemoveField | operations.DeleteModel):
        return (
            f"Unless makemigrations asks for a rename, the data in `{operation.name}` is deleted."
        )
    if not isinstance(operation, operations.AddField):
        return ""
    field: Any = operation.field
    one_for_all = field.unique or field.is_relation or getattr(field, "auto_now_add", False)
    options = "`null=True`" if one_for_all else "a `default=...` or `null=True`"
    what = f"Give `{operation.name}` {options}, for the rows that there are."
    return f"{what} Without one, makemigrations asks for a value."


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
