"""Give a script's module the name of its file. Runs in ``Djng()``, and again when the site starts.

Python calls the file that it runs ``__main__``. Task queues, schedulers, pickles and migrations
record in which module a function or class is, and the next process knows that module only as
``blog``. So from ``Djng()`` on, ``__name__`` is ``"blog"`` for everybody, and also ``"__main__"``
for the file itself, which asks ``if __name__ == "__main__":`` at its end.

This is a hack. The alternative, renaming everything when the site starts, comes too late for
libraries that record the name in a decorator.
"""

import sys
from contextlib import suppress
from types import FrameType, FunctionType, ModuleType
from typing import Any

SCRIPT_NAMES = ("__main__", "__mp_main__")  # the second one is multiprocessing's


class ScriptName(str):
    """The name of a file that runs as a script. For the file itself it also equals ``__main__``.

    It does so for Django's reloader, too, which watches the file of that module.
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self.equals(other, sys._getframe(1))

    def __ne__(self, other: object) -> bool:
        return not self.equals(other, sys._getframe(1))

    def equals(self, other: object, frame: FrameType) -> bool:
        asking = frame.f_globals.get("__name__")
        is_main = asking is self or str(asking) == "django.utils.autoreload"
        names = (str(self), "__main__") if is_main else (str(self),)
        return isinstance(other, str) and str(other) in names

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)  # a pickle is read where there is no djng, too


def rename_module(module: ModuleType, name: str) -> None:
    """Give the module that name, and everything that is defined in it so far."""
    old = str(module.__name__)
    if old != name:
        module.__name__ = ScriptName(name) if old == "__main__" else name
        rename_definitions(vars(module), old, name)


def rename_definitions(namespace: dict[str, Any], old: str, new: str) -> None:
    """Move functions, classes and what is in them from the module `old` to the module `new`."""
    for value in [*namespace.values()]:
        # Check the type: isinstance() would evaluate a lazy object.
        is_method = issubclass(type(value), (staticmethod, classmethod))
        thing = value.__func__ if is_method else value
        if issubclass(type(thing), (type, FunctionType)) and thing.__module__ == old:
            line = vars(thing).get("__firstlineno__")
            with suppress(AttributeError, TypeError):  # some classes refuse
                thing.__module__ = new
                if line:  # Python 3.13 forgets it when the module changes
                    thing.__firstlineno__ = line
            if thing.__module__ == new:
                rename_definitions(dict(vars(thing)), old, new)
