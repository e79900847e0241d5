"""Migrations by themselves, where they can only add. Runs under ``runserver``, before it serves.

What could lose or refuse a row, and what Django would ask about, is left to whoever runs
``makemigrations``: all of it or nothing, for half of a rename is a loss. An app of which nothing is
in the database yet has no rows to lose.
"""

import math
import os
from collections.abc import Callable, Iterable
from importlib import invalidate_caches
from typing import Any

from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations import operations
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import (
    BadMigrationError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.db.models import NOT_PROVIDED

from djng.errors import command

ONLY_ADD = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AlterModelOptions,  # these two are about Python alone
    operations.AlterModelManagers,
)
# From each type of column to the next, every value fits.
WIDER = (
    ("SmallIntegerField", "IntegerField", "BigIntegerField"),
    ("PositiveSmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField"),
    ("SmallAutoField", "AutoField", "BigAutoField"),
    ("CharField", "TextField"),
    ("SlugField", "TextField"),
)
SIZED = {"CharField", "SlugField", "FileField", "FilePathField", "DecimalField"}
REFUSED = (
    CommandError,
    DatabaseError,
    BadMigrationError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)

Say = Callable[[str], Any]


class Questioner(MigrationQuestioner):
    """Has no value for a field that needs one: it stays without a default, and is not filled."""

    def ask_not_null_addition(self, field_name: str, model_name: str) -> Any:
        return NOT_PROVIDED

    ask_auto_now_add_addition = ask_not_null_addition


def catch_up(label: str, say: Say, warn: Say) -> None:
    """Bring the database to where the models are, as far as that only adds; say what was done.

    Takes the label of the user's app, and what to call with a line that tells, or that warns.
    """
    try:
        executor = MigrationExecutor(connection)
        plan = [each for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        if held := [migration for migration in plan if not may_apply(executor, migration)]:
            names = ", ".join(f"{each.app_label}.{each.name}" for each in held)
            warn(f"Not applied, for it does more than add: {names}\n  {command('migrate')}")
            return
        written = write(label, executor, say, warn)
        if plan or written:
            invalidate_caches()
            call_command("migrate", verbosity=0, interactive=False)
            if others := sorted({each.app_label for each in plan}):
                say(f"Migrated {', '.join(others)}.")
    except REFUSED as error:
        warn(f"Not migrated: {error}\n  To see all of it: {command('migrate')}")


def write(label: str, executor: MigrationExecutor, say: Say, warn: Say) -> list[Migration]:
    """Write the migrations of what has changed in the models, unless it does more than add."""
    loader = executor.loader
    state = loader.project_state()
    questioner = Questioner(specified_apps={label})
    detector = MigrationAutodetector(state, ProjectState.from_apps(apps), questioner)
    changes = detector.changes(loader.graph, trim_to_apps={label}, convert_apps={label})
    migrations = [migration for several in changes.values() for migration in several]
    said = [op.describe() for migration in migrations for op in migration.operations]
    if not only_adds(migrations, state):
        what = "".join(f"\n    {each}" for each in said)
        warn(
            f"The database is as it was, for this could lose or refuse data:{what}\n  "
            f"{command('makemigrations', 'migrate')}"
        )
        return []
    if migrations:
        call_command("makemigrations", label, verbosity=0, interactive=False)
        paths = ", ".join(os.path.relpath(MigrationWriter(each).path) for each in migrations)
        say(f"{paths}: {'; '.join(said)}")
    return migrations


def may_apply(executor: MigrationExecutor, migration: Migration) -> bool:
    """Whether a migration that is on the disk only adds, or its app has no rows yet."""
    loader = executor.loader
    if migration.app_label not in {label for label, _ in loader.applied_migrations}:
        return True
    state = loader.project_state((migration.app_label, migration.name), at_end=False)
    return only_adds([migration], state)


def only_adds(migrations: Iterable[Migration], state: ProjectState) -> bool:
    state = state.clone()
    return all(adds(op, each.app_label, state) for each in migrations for op in each.operations)


def adds(operation: Operation, label: str, state: ProjectState) -> bool:
    """Whether the operation can only add; moves the state behind it."""
    if isinstance(operation, operations.AlterField):
        before = state.apps.get_model(label, operation.model_name)._meta.get_field(operation.name)
        operation.state_forwards(label, state)
        after = state.apps.get_model(label, operation.model_name)._meta.get_field(operation.name)
        return is_wider(before, after)
    operation.state_forwards(label, state)
    if isinstance(operation, operations.AddField):
        return is_filled(operation.field)
    return isinstance(operation, ONLY_ADD)


def is_filled(field: Any) -> bool:
    """Whether rows that are there get a value for a new field that all of them may have."""
    has_default = field.has_default() or field.db_default is not NOT_PROVIDED
    if field.many_to_many:
        return True
    if field.unique or field.is_relation:
        return field.null and not has_default
    return field.null or has_default or (field.blank and field.empty_strings_allowed)


def is_wider(before: Any, after: Any) -> bool:
    """Whether a changed column holds every value of the old one, and drops and refuses nothing."""
    same = ("column", "unique", "primary_key", "generated", "db_collation")
    if any(getattr(before, name, None) != getattr(after, name, None) for name in same):
        return False
    if after.generated or before.null > after.null or before.db_index > after.db_index:
        return False
    if links_of(before) != links_of(after):
        return False
    kind, new_kind = before.get_internal_type(), after.get_internal_type()
    if kind != new_kind:
        return any(new_kind in row[row.index(kind) :] for row in WIDER if kind in row)
    if kind not in SIZED:
        return bool(before.db_type(connection) == after.db_type(connection))
    return all(old <= new for old, new in zip(sizes(before), sizes(after), strict=True))


def links_of(field: Any) -> tuple[Any, ...]:
    link = field.remote_field
    through = getattr(link, "through", None)
    constrained = getattr(link, "db_constraint", None)
    return link and (link.model._meta.label, through and through._meta.label, constrained)


def sizes(field: Any) -> tuple[float, ...]:
    if field.get_internal_type() == "DecimalField":
        places = field.decimal_places or 0
        return (field.max_digits or math.inf) - places, places
    return (field.max_length or math.inf,)
