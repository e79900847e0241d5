"""Configure the app whose templates are the account pages. Runs when Django loads the apps."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Stands in INSTALLED_APPS below third-party apps, whose pages win, and above Django's."""

    name = "djng.accounts"
    label = "djng_accounts"
