"""Start an app beside the user's file. Runs as ``python blog.py startapp``."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import startapp

from djng.app import Djng


class Command(startapp.Command):
    def handle(self, **options: Any) -> None:  # type: ignore[override]  # as Django itself does
        if (site := Djng.current) and options["name"] == site.label:
            message = f"{site.path.name} is the app {site.label} already: write the models there."
            raise CommandError(message)
        super().handle(**options)
