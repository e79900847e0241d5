"""Finds a file that hides a module by its name. Runs before all else when djng is imported.

Python looks into the folder of the script first: beside a ``random.py`` nobody gets Python's own.
"""

import os
import sys

NEEDED = sys.stdlib_module_names | {"django", "djng", "asgiref", "sqlparse", "whitenoise"}


def hides(module: str, folder: str) -> bool:
    """Whether a module of that name in the folder would come before another one."""
    if module in NEEDED:
        return True
    from importlib.machinery import PathFinder  # what it imports may be hidden

    elsewhere = [path for path in sys.path if os.path.realpath(path) != folder]
    return PathFinder.find_spec(module, elsewhere) is not None


def refuse() -> None:
    """End the script if its name, or that of a file beside it that was imported, hides a module."""
    main = sys.modules["__main__"]
    folder, name = os.path.split(os.path.realpath(getattr(main, "__file__", None) or ""))
    if not name.endswith(".py") or main.__spec__:
        return
    for file in os.listdir(folder):
        module = file.removesuffix(".py")
        origin = getattr(sys.modules.get(module), "__file__", None) if module in NEEDED else None
        is_imported = origin and os.path.realpath(origin) == os.path.join(folder, file)
        if is_imported or (file == name and hides(module, folder)):
            # No exception of djng's: those need Django, which may be what is hidden.
            sys.exit(f"{file} hides the module {module}, which others import.\n  Rename {file}.")
