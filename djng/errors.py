"""What djng says when something is wrong. Runs only then, apart from remembering where things stand.

::

    DjngError                  everything below; carries .message, .hint and .where
    ├── SetupError             the file cannot become a site as it stands
    │   ├── TooEarlyError      something needs Django's apps above the line `app = Djng(...)`
    │   ├── SettingError       a setting or an environment variable has an unusable name or value
    │   └── RouteError         a route that could never work, or that protects nothing
    ├── KeywordError           an unknown keyword (also a TypeError)
    └── ReturnTypeError        a view returned what cannot be a response (also a TypeError)
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

import django
from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "DjngError",
    "KeywordError",
    "ReturnTypeError",
    "RouteError",
    "SettingError",
    "SetupError",
    "TooEarlyError",
]

_NOT_THE_USERS = (
    os.path.dirname(__file__) + os.sep,
    os.path.dirname(django.__file__) + os.sep,
    "<frozen ",
)


class Location(NamedTuple):
    """A line of a file. ``str()`` is the short form that editors and terminals link: ``blog.py:12``."""

    file: str
    line: int

    def __str__(self) -> str:
        near = os.path.relpath(self.file) if os.path.isabs(self.file) else self.file
        return f"{self.file if near.startswith('..') else near}:{self.line}"


class DjngError(Exception):
    """Base of every error that djng raises.

    Takes what happened, the way out (`hint`) and the user's line (`where`, by default the nearest
    one that called djng). ::

        except DjngError as error:
            print(error.where, error.message, error.hint)
    """

    def __init__(self, message: str, *, hint: str = "", where: Location | None = None) -> None:
        self.message = message
        self.hint = hint
        self.where = where or caller()
        super().__init__(f"{self.where}: {message}" + (f"\n  {hint}" if hint else ""))


class SetupError(DjngError, ImproperlyConfigured):
    """The file cannot become a site as it stands."""


class TooEarlyError(SetupError):
    """Something above ``app = Djng(...)`` needs the apps that this line loads."""


class SettingError(SetupError):
    """A setting or an environment variable has a name or a value that cannot be used."""


class RouteError(SetupError):
    """A route that could never work, or a decorator above it that would protect nothing."""


class KeywordError(DjngError, TypeError):
    """A keyword that nothing takes."""


class ReturnTypeError(DjngError, TypeError):
    """A view returned something that cannot be made a response."""


def user_frames() -> Iterable[FrameType]:
    """The frames of the stack that are neither djng's nor Django's, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame:
        if not frame.f_code.co_filename.startswith(_NOT_THE_USERS):
            yield frame
        frame = frame.f_back


def caller() -> Location:
    """The user's line that is being executed."""
    for frame in user_frames():
        return Location(frame.f_code.co_filename, frame.f_lineno)
    return Location("<unknown>", 0)


def locate(thing: Any) -> Location | None:
    """Where a function, a class or a view made of one begins; None for what was not written in Python."""
    thing = inspect.unwrap(getattr(thing, "func", thing))
    thing = getattr(thing, "view_class", thing)
    code = getattr(thing, "__code__", None)
    if isinstance(code, CodeType):
        return Location(code.co_filename, code.co_firstlineno)
    try:
        owner = thing if inspect.isclass(thing) else type(thing)
        return Location(inspect.getfile(owner), inspect.getsourcelines(owner)[1])
    except (OSError, TypeError):
        return None


def name_of(thing: Any) -> str:
    """The name that a user gave a function, a class, a partial or an instance."""
    thing = getattr(thing, "func", thing)
    thing = getattr(thing, "view_class", thing)
    return str(getattr(thing, "__name__", type(thing).__name__))


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known name that is most like `name`, if one is."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)


def excepthook(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Show one of djng's own errors as its message alone: it already names the line to mend."""
    if isinstance(error, DjngError):
        print(error, file=sys.stderr)
    else:
        _previous_hook(kind, error, traceback)


_previous_hook = sys.excepthook
