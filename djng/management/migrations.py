"""Compare the database with the migration files. Runs in commands and in `runserver`."""

from contextlib import suppress

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from djng.exceptions import short_path


def unapplied_migrations() -> int:
    """How many migrations are not applied yet; 0 if the database does not answer."""
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except Exception:
        return 0


def describe_missing_files(label: str, loader: MigrationLoader) -> str:
    """Name the applied migrations of the app that have no file; empty if there are none."""
    found = {name for app, name in loader.disk_migrations if app == label}
    found |= {name for each in loader.disk_migrations.values() for _, name in each.replaces}
    applied = {name for app, name in loader.applied_migrations if app == label}
    if not (missing := sorted(applied - found)):
        return ""
    folder = short_path(f"{apps.get_app_config(label).path}/migrations")
    return (
        f"the files of these applied migrations are missing: {', '.join(missing)}\n"
        f"  Bring the files back, with git for example: git restore {folder}\n"
        f"  {how_to_start_anew()}"
    )


def describe_deleted_files(label: str) -> str:
    """Like `describe_missing_files`, but empty if a file is left, or if no database answers."""
    with suppress(DatabaseError):
        loader = MigrationLoader(connection, ignore_no_migrations=True)
        if label not in {app for app, _ in loader.disk_migrations}:
            return describe_missing_files(label, loader)
    return ""


def how_to_start_anew() -> str:
    """How to get a new database, which all migrations will be applied to."""
    what = "create one"
    if connection.vendor == "sqlite":
        what = f"move {short_path(str(connection.settings_dict['NAME']))} away"
    return f"To begin with an empty database: stop the server, {what}, start it again."
