"""Let the messages of Django's commands and checks name the user's file and its lines.

Runs around the commands that show them.
"""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, OutputWrapper, SystemCheckError

from djng.exceptions import Location, closest_match, command_line, is_library_file, locate


def name_file(text: str) -> str:
    """Replace ``python manage.py migrate`` by ``python blog.py migrate``."""
    return re.sub(r"(python )?manage\.py (\w+)", lambda found: command_line(found[2]), text)


def locate_checks(text: str) -> str:
    """Put the user's line before each message of a check, and a similar name behind it."""
    color, subject = r"(?:\x1b\[[\d;]*m)?", r"(<class '[\w.]+'>|\w[\w.]+)"
    return re.sub(rf"^{color}{subject}: \(\w+\.\w+\) .*", describe, text, flags=re.MULTILINE)


def describe(found: re.Match[str]) -> str:
    message, (owner, model, field) = found[0], find_subject(found[1])
    if not owner:
        return message
    unknown = re.search(r"refers to [^']*'(\w+)'", message)
    names = [each.name for each in model._meta.get_fields()]
    like = unknown and closest_match(unknown[1], names)
    return f"{locate_field(owner, field)}: {message}" + (f" Did you mean {like}?" if like else "")


def find_subject(subject: str) -> tuple[Any, Any, str]:
    """The user's class that a check is about, the model, and the field's name."""
    label, *rest = subject.split(".")
    owner: Any = None
    model: Any = None
    if subject.startswith("<class"):
        from django.contrib.admin import site  # not every site has it

        classes = {f"{type(each)}": (type(each), model) for model, each in site._registry.items()}
        owner, model = classes.get(subject, (None, None))
    elif rest:
        owner = model = apps.all_models[label].get(rest[0].lower())
    return next(filter(is_users, (owner, model)), None), model, "".join(rest[1:])


def is_users(thing: Any) -> bool:
    where = locate(thing) if thing else None
    return where is not None and not is_library_file(where.file)


def locate_field(owner: Any, name: str) -> Location:
    """The line of a field in its model, or that of the model."""
    where = cast(Location, locate(owner))
    lines = enumerate(inspect.getsourcelines(owner)[0])
    found = (i for i, line in lines if name and re.match(rf"\s+{name}\s*[:=]", line))
    return Location(where.file, where.line + next(found, 0))


class RewritingStream:
    """A stream to which a command writes."""

    def __init__(self, stream: Any, rewrite: Callable[[str], str]) -> None:
        self.stream, self.rewrite = stream, rewrite

    def write(self, text: str) -> Any:
        return self.stream.write(self.rewrite(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class FileNameMixin(BaseCommand):
    """A command whose messages name the user's file."""

    def execute(self, *args: Any, **options: Any) -> Any:
        options["stdout"] = RewritingStream(options.get("stdout") or sys.stdout, name_file)
        try:
            return super().execute(*args, **options)
        except SystemCheckError:
            raise
        except CommandError as error:
            raise CommandError(name_file(str(error)), returncode=error.returncode) from error

    def check(self, *args: Any, **options: Any) -> None:
        stderr = self.stderr
        self.stderr = OutputWrapper(cast(TextIO, RewritingStream(stderr, locate_checks)))
        try:
            super().check(*args, **options)
        except SystemCheckError as error:
            raise SystemCheckError(locate_checks(str(error))) from error
        finally:
            self.stderr = stderr
