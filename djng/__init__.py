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

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from djng.errors import DjngError, excepthook

if TYPE_CHECKING:
    from djng.app import Djng

__all__ = ["Djng", "DjngError"]
__version__ = "0.1.0"

sys.excepthook = excepthook
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djng.unconfigured")


def __getattr__(name: str) -> Any:
    # Django's parts are imported with the class that needs them, not with the package.
    if name == "Djng":
        from djng.app import Djng

        return Djng
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
