"""The site's URLconf, which ROOT_URLCONF names. Runs when Django first needs a URL."""

from django.conf.urls import handler400, handler403, handler404, handler500  # noqa: F401

from djng.app import Djng

if Djng.current:
    globals().update(Djng.current.urlconf())
