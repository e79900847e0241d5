"""Runs ``shell``: Django's, which also knows what the user's file defines."""

import sys
from typing import Any

from django.core.management.commands import shell

from djng.app import Djng


class Command(shell.Command):
    def get_auto_imports(self) -> Any:
        if not Djng.current:
            return super().get_auto_imports()
        label = Djng.current.label
        names = [name for name in vars(sys.modules[label]) if not name.startswith("_")]
        return [*(super().get_auto_imports() or ()), *(f"{label}.{name}" for name in names)]
