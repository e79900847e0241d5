"""The site's URLconf, which ROOT_URLCONF names. Runs when Django first needs a URL."""

from django.conf import settings
from django.urls import path

from djng import media
from djng.app import Djng
from djng.checks import check_middleware
from djng.error_views import error_handler
from djng.patterns import Pattern, PatternBuilder

handler400, handler403, handler404, handler500 = map(error_handler, (400, 403, 404, 500))


def patterns_of(site: Djng) -> list[Pattern]:
    """The admin's URLs come first, then the file's, then the uploaded files."""
    patterns: list[Pattern] = [*site.extra_patterns]
    if site.admin_path is not None:
        from django.contrib.admin import site as admin_site  # not every site has it

        patterns.append(path(site.admin_path, admin_site.urls))
    patterns += PatternBuilder(site).patterns()
    prefix = settings.MEDIA_URL.removeprefix(settings.FORCE_SCRIPT_NAME or "")
    serves_media = settings.DEBUG or site.serves_media
    if serves_media and settings.MEDIA_ROOT and "//" not in prefix:
        patterns.append(path(f"{prefix.lstrip('/')}<path:path>", media.serve))
    return patterns


if site := Djng.current:
    site.start()
    check_middleware(site)
    urlpatterns = patterns_of(site)
