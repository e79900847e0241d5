"""A guestbook for a site of djng: an example of a plugin."""

from django.apps import apps as installed
from django.core.exceptions import ImproperlyConfigured

from djng import Djng


def init_app(app: Djng, prefix: str = "/guestbook/") -> None:
    """Add the guestbook to a site, below the prefix."""
    if not installed.is_installed("guestbook"):
        raise ImproperlyConfigured('Write Djng(apps=["guestbook"]).')
    from guestbook.views import router  # it needs the models

    app.include(prefix, router)
