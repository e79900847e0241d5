"""djng: one Python file is a complete Django site.

This is one; save it as ``hello.py`` and run ``python hello.py``::

    from djng import Djng

    app = Djng()

    @app.route("/")
    def index(request):
        return "<h1>Hello</h1>"

    if __name__ == "__main__":
        app.run()

Everything else in it is ordinary Django. What needs Django's apps comes below ``app = Djng()``.
"""

from djng import hiding

hiding.refuse()

# isort: split
import os  # noqa: E402  # these would find a file that hides something else
from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from djng.app import Djng
    from djng.errors import DjngError
    from djng.routers import Router

__all__ = ["Djng", "DjngError", "Router"]
__version__ = "0.1.0"

HOMES = {"Djng": "djng.app", "DjngError": "djng.errors", "Router": "djng.routers"}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djng.unconfigured")


def __getattr__(name: str) -> Any:
    # What these need of Django is imported with them, and not with the package.
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(home), name)
    finally:
        hiding.refuse()
