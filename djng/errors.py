"""What djng says when something is wrong, and how it is shown. Runs only then.

::

    DjngError                  everything below; carries .message, .hint and .where
    ├── SetupError             the file cannot become a site as it stands
    │   ├── TooEarlyError      something above `app = Djng(...)` needs the apps that it loads
    │   ├── SettingError       a setting or an environment variable has an unusable name or value
    │   └── RouteError         a route that could never work, or that would protect nothing
    ├── KeywordError           a keyword that nothing takes; also a TypeError
    ├── ReturnTypeError        a view returned what cannot be a response; also a TypeError
    └── MissingKeyError        a request lacks what a view reads; answered with status 400
"""

import importlib
import inspect
import linecache
import logging
import os
import shlex
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.core.exceptions import BadRequest, ImproperlyConfigured

NOT_THE_USERS = tuple(os.path.dirname(m.__file__ or "") + os.sep for m in (django, importlib))
NOT_THE_USERS += (os.path.dirname(__file__) + os.sep, "<frozen ")


class Location(NamedTuple):
    """A line of a file; as text what terminals and editors make a link of: ``blog.py:12``."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{short(self.file)}:{self.line}"


def short(path: str) -> str:
    """The path from the working directory on, if it is below that."""
    return path.removeprefix(os.getcwd() + os.sep)


class DjngError(Exception):
    """Base of every error that djng raises.

    Takes what happened, the way out (`hint`), and the user's line (`where`), by default the one
    that is being executed. ::

        except DjngError as error:
            print(error.where, error.message, error.hint)
    """

    def __init__(self, message: str, *, hint: str = "", where: Location | None = None) -> None:
        self.message, self.hint, self.where = message, hint, where or caller()
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


class MissingKeyError(DjngError, BadRequest):
    """A request lacks a field that a view reads from its form or its query."""


def user_frames() -> Iterator[FrameType]:
    """The frames of the stack that are neither djng's nor Django's, the innermost first."""
    for frame, _ in walk_stack(sys._getframe(1)):
        if not frame.f_code.co_filename.startswith(NOT_THE_USERS):
            yield frame


def caller() -> Location:
    """The user's line that is being executed."""
    frame = next(user_frames())
    return Location(frame.f_code.co_filename, frame.f_lineno)


def user_lines(traceback: TracebackType | None) -> Iterator[Location]:
    """The lines of a traceback that are in no installed package, the innermost first.

    After it those of the functions that led there; the body of a module or a class calls nobody.
    """
    is_first = True
    for frame, line in reversed([*walk_tb(traceback)]):
        code = frame.f_code
        if not is_installed(code.co_filename):
            if is_first or code.co_flags & inspect.CO_OPTIMIZED:
                yield Location(code.co_filename, line)
            is_first = False


def is_installed(file: str) -> bool:
    """Whether the file is Python's or that of a package, and none that the user writes."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return file.startswith((*NOT_THE_USERS, *map(sysconfig.get_path, kinds), "<string>"))


def original(thing: Any) -> Any:
    """The function or class that a user wrote, of a partial, a wrapper or a class's view."""
    thing = inspect.unwrap(getattr(thing, "func", thing), stop=lambda f: hasattr(f, "view_class"))
    return getattr(thing, "view_class", thing)


def locate(thing: Any) -> Location | None:
    """Where a view or its class begins; None for what was not written in Python."""
    thing = original(thing)
    owner = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    try:
        return Location(inspect.getfile(owner), inspect.getsourcelines(owner)[1])
    except (OSError, TypeError):
        return None


def name_of(thing: Any) -> str:
    """The name that a user gave a function or a class, or the class of an instance."""
    thing = original(thing)
    return str(getattr(thing, "__name__", type(thing).__name__))


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known name that is most like `name`, if one is."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)


def command(*names: str) -> str:
    """How commands of the site are run: ``python blog.py migrate``."""
    module = sys.modules.get(settings.SETTINGS_MODULE) if settings.configured else None
    file = getattr(module, "__file__", None) or sys.argv[0]
    script = shlex.quote(os.path.basename(file))
    return ", then ".join(f"python {script} {name}" for name in names)


def not_run(file: os.PathLike[str] | str) -> SetupError:
    """The error of a file that ends without serving what is in it."""
    path = os.path.abspath(file)
    hint = 'It should end with `if __name__ == "__main__":` and `    app.run()`.'
    where = Location(path, len(linecache.getlines(path)))
    return SetupError("the file ends without app.run().", hint=hint, where=where)


class HostFormatter(logging.Formatter):
    """Says in a line what to set, where a host is refused, in place of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()} Set DJANGO_ALLOWED_HOSTS."


def install(error: ModuleNotFoundError) -> str:
    """How to get the package of a module that is not there."""
    package = str(error.name).partition(".")[0]
    return f"pip install {package.replace('_', '-')}"


def excepthook(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    """Show an error of djng as its message alone: it names the line to mend."""
    if isinstance(error, DjngError):
        sys.stderr.write(f"{error}\n")
    else:
        previous_hook(kind, error, traceback)


previous_hook, sys.excepthook = sys.excepthook, excepthook
