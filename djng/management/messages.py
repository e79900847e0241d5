"""Django's commands name ``manage.py`` in their messages. Here they name the user's file."""

import re
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from djng.exceptions import command_line


def name_file(text: str) -> str:
    """Replace ``python manage.py migrate`` by ``python blog.py migrate``."""
    return re.sub(r"(python )?manage\.py (\w+)", lambda found: command_line(found[2]), text)


class RenamingStream:
    """A stream to which a command writes."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> Any:
        return self.stream.write(name_file(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class FileNameMixin(BaseCommand):
    """A command whose messages name the user's file."""

    def execute(self, *args: Any, **options: Any) -> Any:
        options["stdout"] = RenamingStream(options.get("stdout") or sys.stdout)
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            raise CommandError(name_file(str(error)), returncode=error.returncode) from error
