"""The site's URLconf, which ROOT_URLCONF names. Runs when Django resolves or reverses the first URL."""

from djng.app import Djng

assert Djng.current, "ROOT_URLCONF is this module only where a Djng has set it"
Djng.current.finish()
urlpatterns = Djng.current.urlpatterns()
globals().update(Djng.current.error_handlers())
