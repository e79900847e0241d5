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
            label, loader = Djng.current.label, MigrationLoader(None, ignore_no_migrations=True)
            if label in loader.unmigrated_apps and apps.get_app_config(label).models:
                app_labels = (*sorted(loader.migrated_apps), label)  # all that Django would take
        super().handle(*app_labels, **options)
