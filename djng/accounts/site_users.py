"""What djng does with a site's users who have an e-mail address. Without djng, nobody needs it."""

from types import ModuleType
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db.models.signals import class_prepared

from djng.accounts.models import EmailUser
from djng.exceptions import SetupError


def define_user(module: ModuleType) -> None:
    """Define the user model of ``Djng(users="email")``, in the file's module.

    A file that defines the same class itself needs no other migrations.
    """
    user: Any = type("User", (EmailUser,), {"__module__": module.__name__})
    vars(module)["User"] = user
    labels = user._meta.label, user.groups.through._meta.label  # Django first makes the latter

    def refuse_another(sender: Any, **signal: Any) -> None:
        if sender.__module__ == user.__module__ and sender._meta.label in labels:
            hint = f'Replace users="email" by AUTH_USER_MODEL="{user._meta.label}".'
            raise SetupError('users="email" has defined the model User already.', hint=hint)

    class_prepared.connect(refuse_another, weak=False)


def register_users() -> None:
    """Show the site's users in the admin, unless the file has registered them already."""
    from django.contrib import admin  # not every site has it

    from djng.accounts.admin import EmailUserAdmin

    user = get_user_model()
    if issubclass(user, EmailUser) and not admin.site.is_registered(user):
        admin.site.register(user, EmailUserAdmin)


@checks.register(checks.Tags.models)
def check_user_model(**options: Any) -> list[checks.CheckMessage]:
    """An error if the file defines an EmailUser and the site's user model is none."""
    if issubclass(get_user_model(), EmailUser):
        return []
    text = f"The site's user model is {settings.AUTH_USER_MODEL}."
    found = [each for each in apps.get_models() if issubclass(each, EmailUser)]
    hint = 'Write Djng(AUTH_USER_MODEL="{}").'.format
    return [checks.Error(text, hint=hint(e._meta.label), obj=e, id="djng.E001") for e in found]
