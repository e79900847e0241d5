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
        """If the file has imported `models`, check its users and show them in the admin."""
        if "djng.accounts.models" in sys.modules:
            from djng.accounts import site_users  # it needs the user model

            if apps.is_installed("django.contrib.admin"):
                site_users.register_users()
