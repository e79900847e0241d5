"""Runs ``makemigrations``: Django's passes over an app that has no migrations folder yet."""

from typing import Any

from django.apps import apps
from django.core.management.commands import makemigrations
from django.db.migrations.loader import MigrationLoader

from djng.app import Djng
from djng.apps import FileConfig


class Command(makemigrations.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        if Djng.current:
            Djng.current.start()
        if not (app_labels or options["empty"] or options["merge"]):
            app_labels = first_migration()
        super().handle(*app_labels, **options)


def first_migration() -> tuple[str, ...]:
    """All labels that Django would look at, and the file's, where its first migration is due."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    files = [each for each in apps.get_app_configs() if isinstance(each, FileConfig)]
    due = [each.label for each in files if each.label in loader.unmigrated_apps and each.models]
    return (*sorted(loader.migrated_apps), *due) if due else ()
