"""Find a file that hides a module by its name. Runs before everything else in djng.

Python looks in the script's folder first: beside a ``random.py``, every import gets that file.
"""

import os
import sys

NEEDED = sys.stdlib_module_names | {"django", "djng", "asgiref", "sqlparse", "whitenoise"}


def hides_module(module: str, folder: str) -> bool:
    """Whether a file of that name in the folder would hide another module."""
    if module in NEEDED:
        return True
    from importlib.machinery import PathFinder  # a file may hide what it imports

    elsewhere = [path for path in sys.path if os.path.realpath(path) != folder]
    return PathFinder.find_spec(module, elsewhere) is not None


def refuse_hidden_modules() -> None:
    """Exit if the script, or an imported file beside it, hides a module."""
    main = sys.modules["__main__"]
    folder, name = os.path.split(os.path.realpath(getattr(main, "__file__", None) or ""))
    if not name.endswith(".py") or getattr(main, "__spec__", None):
        return
    for file in os.listdir(folder):
        module = file.removesuffix(".py")
        origin = getattr(sys.modules.get(module), "__file__", None) if module in NEEDED else None
        is_imported = origin and os.path.realpath(origin) == os.path.join(folder, file)
        if is_imported or (file == name and hides_module(module, folder)):
            # Not one of djng's exceptions: they need Django, which may be what is hidden.
            sys.exit(f"{file} hides the module {module}, which others import.\n  Rename {file}.")
