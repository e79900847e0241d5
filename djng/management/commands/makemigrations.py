"""Write migrations, a file's first one too. Runs as ``python blog.py makemigrations``.

Without a label, Django ignores apps that have no migrations folder.
"""

from typing import Any

from django.apps import apps
from django.core.management.commands import makemigrations
from django.db.migrations.loader import MigrationLoader

from djng.app import Djng


class Command(makemigrations.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        if Djng.current and not (app_labels or options["empty"] or options["merge"]):
            Djng.current.start()
            app_labels = labels_with(Djng.current.label)
        super().handle(*app_labels, **options)


def labels_with(label: str) -> tuple[str, ...]:
    """The labels that Django would take, plus the file's; empty if Django finds the file itself."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    if label in loader.unmigrated_apps and apps.get_app_config(label).models:
        return (*sorted(loader.migrated_apps), label)
    return ()
