"""Runs ``makemigrations``: Django's passes over an app that has no migrations folder yet."""

from typing import Any

from django.apps import apps
from django.core.management.commands import makemigrations
from django.db.migrations.loader import MigrationLoader

from djng.app import Djng


class Command(makemigrations.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        if Djng.current and not (app_labels or options["empty"] or options["merge"]):
            Djng.current.start()
            app_labels = first_migration(Djng.current.label)
        super().handle(*app_labels, **options)


def first_migration(label: str) -> tuple[str, ...]:
    """All labels that Django would look at and the file's, where its first migration is due."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    is_due = label in loader.unmigrated_apps and apps.get_app_config(label).models
    return (*sorted(loader.migrated_apps), label) if is_due else ()
