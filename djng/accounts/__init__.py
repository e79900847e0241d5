"""The pages of Django's account URLs, as an app of their own. Runs as the apps are loaded."""

from django.apps import AppConfig


class Accounts(AppConfig):
    """Stands after the apps of others, whose pages these must not hide, and before Django's."""

    name = "djng.accounts"
    label = "djng_accounts"
