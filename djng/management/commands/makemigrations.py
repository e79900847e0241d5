"""Write migrations, the first ones too. Runs as ``python blog.py makemigrations``.

Without a label, Django ignores apps that have no migrations folder.
"""

from importlib import invalidate_caches
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import CommandError
from django.core.management.commands import makemigrations
from django.db.migrations.loader import MigrationLoader

from djng.app import Djng
from djng.exceptions import is_library_file
from djng.management.messages import FileNameMixin
from djng.management.migrations import describe_deleted_files


class Command(FileNameMixin, makemigrations.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        if Djng.current and not (app_labels or options["empty"] or options["merge"]):
            Djng.current.start()
            app_labels = labels_with(Djng.current.label)
        check_files(app_labels)
        super().handle(*app_labels, **options)
        invalidate_caches()  # so that a `migrate` in this process finds the new files


def check_files(labels: tuple[str, ...]) -> None:
    """Refuse to begin again at 0001 if all files of an app's applied migrations are deleted."""
    for config in filter(lambda each: each.models, apps.get_app_configs()):
        is_meant = config.label in labels if labels else not is_library_file(f"{config.path}/")
        if is_meant and (reason := describe_deleted_files(config.label)):
            raise CommandError(f"No migration is written: {reason}")


def labels_with(label: str) -> tuple[str, ...]:
    """The labels that Django would take, the file's, and those of the user's other apps.

    Empty if Django finds all of them itself.
    """
    loader = MigrationLoader(None, ignore_no_migrations=True)
    first = [each for each in apps.get_app_configs() if is_first(each, label, loader)]
    return (*sorted(loader.migrated_apps), *(each.label for each in first)) if first else ()


def is_first(config: AppConfig, label: str, loader: MigrationLoader) -> bool:
    """Whether this would be the first migration of the user's own app."""
    is_users = config.label == label or not is_library_file(f"{config.path}/models.py")
    return is_users and config.label in loader.unmigrated_apps and bool(config.models)
