"""Configure the app whose templates are the account pages. Runs when Django loads the apps."""

import sys

from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    """Stands in INSTALLED_APPS below third-party apps, whose pages win, and above Django's."""

    name = "djng.accounts"
    label = "djng_accounts"

    def import_models(self) -> None:
        """Leave `models` to the files that import it: it has no table, and needs Django's auth.

        So nothing is migrated for it, and a site without Django's auth starts.
        """
        self.models = {}

    def ready(self) -> None:
        """Show the users in the admin, as Django does, if the file has imported `models`."""
        if "djng.accounts.models" in sys.modules and apps.is_installed("django.contrib.admin"):
            from djng.accounts.admin import register_users  # it needs the user model

            register_users()
