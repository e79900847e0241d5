"""Open Django's shell with the names of the user's file. Runs as ``python blog.py shell``."""

from typing import Any

from django.core.management.commands import shell

from djng.app import Djng


class Command(shell.Command):
    def get_auto_imports(self) -> Any:
        imports = super().get_auto_imports()
        if site := Djng.current:
            names = [name for name in vars(site.module) if not name.startswith("_")]
            return [*(imports or ()), *(f"{site.label}.{name}" for name in names)]
        return imports
