"""The site's URLconf, which ROOT_URLCONF names. Runs when Django first needs a URL."""

from djng.app import Djng

if Djng.current:
    globals().update(Djng.current.urlconf())
