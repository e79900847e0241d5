"""Create a superuser. Runs as ``python blog.py createsuperuser``."""

import shlex
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import PermissionsMixin
from django.db import DatabaseError

from djng.exceptions import command_line
from djng.management.messages import FileNameMixin


class Command(FileNameMixin, createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        before = superusers_without_password()
        if options["interactive"]:
            self.offer_password(before[:1])
        result = super().handle(*args, **options)
        if options["verbosity"] and not options["interactive"]:
            self.offer_password(
                [each for each in superusers_without_password() if each not in before]
            )
        return result

    def offer_password(self, names: list[str]) -> None:
        for name in names:
            change = command_line(f"changepassword {shlex.quote(name)}")
            text = f"{name} has no password yet. To set one, run: {change}"
            self.stdout.write(self.style.WARNING(text))


def superusers_without_password() -> list[str]:
    """The names of the superusers whom the sign-in link or ``--noinput`` has created."""
    model: Any = get_user_model()
    if not issubclass(model, PermissionsMixin):
        return []
    try:
        users = [*model._base_manager.filter(is_superuser=True)]
    except DatabaseError:  # there is no table yet
        return []
    return [user.get_username() for user in users if not user.has_usable_password()]
