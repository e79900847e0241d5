"""djng: one Python file is a complete Django site.

This is one. Save it as ``hello.py`` and run ``python hello.py``::

    from djng import Djng

    app = Djng()

    @app.route("/")
    def index(request):
        return "<h1>Hello</h1>"

    if __name__ == "__main__":
        app.run()

The rest of the file is ordinary Django. Import what needs Django's apps below ``app = Djng()``.
"""

from djng.shadowing import refuse_hidden_modules

refuse_hidden_modules()

# isort: split
import gc  # noqa: E402  # only now: a file of the user's may hide these
import os  # noqa: E402
import sys  # noqa: E402
from importlib import import_module  # noqa: E402

TYPE_CHECKING = False  # importing it from typing takes longer than all the rest

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from djng.app import Djng
    from djng.exceptions import DjngError
    from djng.routing import Router

__all__ = ["Djng", "DjngError", "Router"]
__version__ = "0.1.0"

MODULES = {"Djng": "djng.app", "DjngError": "djng.exceptions", "Router": "djng.routing"}

inherited_settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djng.unconfigured")


def import_without_gc(name: str) -> "ModuleType":
    """Import a module with the garbage collector off, and spare what is there from later runs.

    The collector would go through all of Django several times, which takes a tenth of a start.
    """
    if name in sys.modules:
        return sys.modules[name]
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if is_enabled:
            gc.enable()


def __getattr__(name: str) -> "Any":
    # Import Django only when a name is used: ``import djng`` stays fast.
    if name not in MODULES:
        import_module("djng.exceptions")  # its excepthook knows Flask's names
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_without_gc(MODULES[name]), name)
    finally:
        refuse_hidden_modules()
    if name == "Djng" and value.current is None:
        # Reading a setting before ``Djng()`` is an error, even if the variable is already set: it
        # may be inherited from another site's process.
        os.environ["DJANGO_SETTINGS_MODULE"] = "djng.unconfigured"
    return value
