"""Configure the app whose templates are the account pages. Runs when Django loads the apps."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Stands in INSTALLED_APPS below third-party apps, whose pages win, and above Django's."""

    name = "djng.accounts"
    label = "djng_accounts"

    def import_models(self) -> None:
        """Leave `models` to the files that import it: it has no table, and needs Django's auth.

        So a site without such a user neither imports it nor migrates anything for it.
        """
        self.models = {}
