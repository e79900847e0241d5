"""Finds a file that hides a module by its name. Runs when djng is imported, before Django is.

Python looks into the folder of the script first: beside a ``random.py`` nobody gets Python's own.
"""

import os
import sys
from importlib.machinery import PathFinder


def refuse() -> None:
    """End the script where its name, or that of a file beside it that was imported, hides one."""
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    folder, name = os.path.split(os.path.abspath(script))
    if not name.endswith(".py") or sys.modules["__main__"].__spec__:
        return
    elsewhere = [path for path in sys.path if os.path.abspath(path) != folder]
    for module in (name.removesuffix(".py"), *sys.modules):
        file = os.path.join(folder, f"{module}.py")
        origin = getattr(sys.modules.get(module), "__file__", None)
        if file not in (origin, os.path.join(folder, name)):
            continue
        if module in sys.stdlib_module_names or PathFinder.find_spec(module, elsewhere):
            # No exception of djng's: those need Django, which may be what is hidden.
            sys.exit(
                f"{module}.py hides the module {module}, which others import.\n"
                f"  Rename {os.path.relpath(file)}."
            )
