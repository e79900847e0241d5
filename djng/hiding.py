"""Finds a file that hides a module by its name. Runs before all else when djng is imported.

Python looks into the folder of the script first: beside a ``random.py`` nobody gets Python's own.
"""

import os
import sys


def hides(module: str, folder: str) -> bool:
    """Whether a module of that name in the folder would come before another one."""
    if module in sys.stdlib_module_names:
        return True
    from importlib.machinery import PathFinder  # what it imports may be hidden

    elsewhere = [path for path in sys.path if os.path.abspath(path) != folder]
    return PathFinder.find_spec(module, elsewhere) is not None


def refuse() -> None:
    """End the script if its name, or that of a file beside it that was imported, hides a module."""
    script = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or "")
    folder, name = os.path.split(script)
    if not name.endswith(".py") or sys.modules["__main__"].__spec__:
        return
    for module in (name.removesuffix(".py"), *sys.modules):
        file = os.path.join(folder, f"{module}.py")
        is_imported = file == getattr(sys.modules.get(module), "__file__", None)
        if (is_imported or file == script) and hides(module, folder):
            # No exception of djng's: those need Django, which may be what is hidden.
            message = f"{module}.py hides the module {module}, which others import."
            sys.exit(f"{message}\n  Rename {os.path.relpath(file)}.")
