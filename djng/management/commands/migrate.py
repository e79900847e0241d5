"""Apply migrations. Runs as ``python blog.py migrate``."""

from typing import Any

from django.apps import apps
from django.core.management.commands import migrate
from django.db.migrations.loader import MigrationLoader

from djng.app import Djng
from djng.exceptions import command_line
from djng.management.commands.makemigrations import is_first
from djng.management.messages import FileNameMixin
from djng.management.migrations import describe_deleted_files


class Command(FileNameMixin, migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if (site := Djng.current) and not options["run_syncdb"] and options["verbosity"]:
            loader = MigrationLoader(None, ignore_no_migrations=True)
            if is_first(apps.get_app_config(site.label), site.label, loader):
                run = f"To write them, run: {command_line('makemigrations')}"
                deleted = describe_deleted_files(site.label)
                what = f": {deleted}" if deleted else f" has models but no migrations. {run}"
                self.stdout.write(self.style.WARNING(f"{site.label}{what}"))
