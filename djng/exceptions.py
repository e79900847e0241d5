"""The errors that djng raises, and how to find the user's line for them.

::

    DjngError                  base of all; carries .message, .hint and .where
    ├── SetupError             the file cannot become a site as it stands
    │   ├── TooEarlyError      a line above `app = Djng(...)` needs the apps that this call loads
    │   ├── SettingError       a setting or an environment variable has a wrong name or value
    │   └── RouteError         a route that could never work, or that would protect nothing
    ├── KeywordError           a keyword argument that does not exist; also a TypeError
    ├── ReturnTypeError        a view returned something that is no response; also a TypeError
    ├── MissingKeyError        a request lacks a key that a view reads; also a KeyError; status 400
    └── ScopeError             a request reached a view without that view's middleware
"""

import importlib
import inspect
import linecache
import os
import re
import shlex
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType
from typing import Any, ClassVar, NamedTuple

import django
from django.conf import settings
from django.core.exceptions import BadRequest, ImproperlyConfigured

APP_LINE = re.compile(r"^(\w+)\s*(:[^=\n]+)?=.*\bDjng\(", re.MULTILINE)  # app = Djng(...)
FRAMEWORK = (
    *(os.path.dirname(str(module.__file__)) + os.sep for module in (django, importlib)),
    os.path.dirname(__file__) + os.sep,
    "<frozen ",
)
STANDARD_LIBRARY = tuple(map(sysconfig.get_path, ("stdlib", "platstdlib")))


class Location(NamedTuple):
    """A line of a file. Its text, ``blog.py:12``, is a link in terminals and editors."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{short_path(self.file)}:{self.line}"


def short_path(path: str) -> str:
    """The path relative to the working directory, if it lies below it."""
    return path.removeprefix(os.getcwd() + os.sep)


class DjngError(Exception):
    """Base of all errors that djng raises.

    Takes the message, a `hint` that says what to do, and `where`, the Location of the user's line
    (by default the line that is running). ::

        except DjngError as error:
            print(error.where, error.message, error.hint)
    """

    def __init__(self, message: str, *, hint: str = "", where: Location | None = None) -> None:
        self.message, self.hint, self.where = message, hint, where or caller()
        super().__init__(f"{self.where}: {message}" + (f"\n  {hint}" if hint else ""))


class SetupError(DjngError, ImproperlyConfigured):
    """The file cannot become a site as it stands."""


class TooEarlyError(SetupError):
    """A line above ``app = Djng(...)`` needs the apps that this call loads."""

    raised: "ClassVar[TooEarlyError | None]" = None  # some packages raise another error for it


class SettingError(SetupError):
    """A setting or an environment variable has a wrong name or value."""


class RouteError(SetupError):
    """A route that could never work, or a decorator above it that would protect nothing."""


class KeywordError(DjngError, TypeError):
    """A keyword argument that does not exist."""


class ReturnTypeError(DjngError, TypeError):
    """A view returned something that cannot become a response."""


class MissingKeyError(DjngError, BadRequest, KeyError):
    """A request lacks a key that a view reads from its form or its query."""

    __str__ = Exception.__str__  # a KeyError puts its message in quotes


class ScopeError(DjngError):
    """A request reached a view without that view's middleware."""


def user_frames() -> Iterator[FrameType]:
    """The stack frames outside djng and Django, innermost first."""
    for frame, _ in walk_stack(sys._getframe(1)):
        if not frame.f_code.co_filename.startswith(FRAMEWORK):
            yield frame


def caller() -> Location:
    """The user's line that is running, or where Django's command line has started."""
    *_, outermost = (frame for frame, _ in walk_stack(sys._getframe(1)))
    frame = next(user_frames(), outermost)
    return Location(frame.f_code.co_filename, frame.f_lineno)


def user_lines(traceback: TracebackType | None) -> Iterator[Location]:
    """The traceback's lines outside installed packages: where it failed, then its callers.

    A module or class body calls nobody, so it is only listed where it failed itself.
    """
    is_first = True
    for frame, line in reversed([*walk_tb(traceback)]):
        code = frame.f_code
        if not is_library_file(code.co_filename):
            if is_first or code.co_flags & inspect.CO_OPTIMIZED:
                yield Location(code.co_filename, line)
            is_first = False


def is_library_file(file: str) -> bool:
    """Whether the file belongs to Python or to an installed package."""
    is_standard = file.startswith((*FRAMEWORK, *STANDARD_LIBRARY, "<string>"))
    # The packages of the environment, of the user and of the system.
    return is_standard or bool(re.search(r"[/\\](site|dist)-packages[/\\]", file))


def unwrap(thing: Any) -> Any:
    """The function or class behind a partial, a decorated function or ``View.as_view()``."""
    thing = inspect.unwrap(getattr(thing, "func", thing), stop=lambda f: hasattr(f, "view_class"))
    return getattr(thing, "view_class", thing)


def locate(thing: Any) -> Location | None:
    """The line where a function or class begins; None if it was not written in Python."""
    thing = unwrap(thing)
    owner = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    try:
        return Location(inspect.getfile(owner), inspect.getsourcelines(owner)[1])
    except (OSError, TypeError):
        return None


def signature(function: Any, **options: Any) -> inspect.Signature:
    """The signature of a function whose annotations may name what only type checkers import."""
    if sys.version_info >= (3, 14):  # it evaluates annotations when they are read
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    return inspect.signature(function, **options)


def name_of(thing: Any) -> str:
    """The name of a function or class; for an instance, the name of its class."""
    thing = unwrap(thing)
    return str(getattr(thing, "__name__", type(thing).__name__))


def listed(given: Any, keyword: str) -> tuple[Any, ...]:
    """The items of a list; raises KeywordError for None, a string or a single item."""
    if given is None:
        hint = f"Leave it out, or write {keyword}=[]."
        raise KeywordError(f"{keyword}=None is not a list.", hint=hint)
    if isinstance(given, str) or not isinstance(given, Iterable):
        shown = repr(given) if isinstance(given, str) else name_of(given)
        raise KeywordError(f"{keyword}={shown} is not a list.", hint=f"Write [{shown}].")
    return tuple(given)


def closest_match(name: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known name that is most like `name`, or None if none is like it."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)


def command_line(*names: str) -> str:
    """The command lines to run management commands of this site: ``python blog.py migrate``."""
    name = settings.SETTINGS_MODULE.rpartition(".")[0] if settings.configured else ""
    file = getattr(sys.modules.get(name), "__file__", None) or sys.argv[0]
    script = shlex.quote(os.path.basename(file))
    return ", then ".join(f"python {script} {name}" for name in names)


def pip_install(error: ModuleNotFoundError) -> str:
    """The command that installs the package of a missing module."""
    package = str(error.name).partition(".")[0]
    return f"pip install {package.replace('_', '-')}"


def get_django_6() -> str:
    """How to get Django 6.0 with the Python that runs."""
    has_python = sys.version_info >= (3, 12)
    return 'pip install "django>=6.0"' if has_python else "Django 6.0 needs Python 3.12 or newer."


def missing_run(file: os.PathLike[str] | str) -> SetupError:
    """The error for a script that has routes and ends without ``app.run()``."""
    path = os.path.abspath(file)
    hint = 'It should end with `if __name__ == "__main__":` and `    app.run()`.'
    where = Location(path, len(linecache.getlines(path)) or 1)
    return SetupError("the file ends without app.run().", hint=hint, where=where)


def excepthook(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    """Print only the message of a DjngError: it names the line to change."""
    too_early = None if settings.configured else TooEarlyError.raised
    if cause := error if isinstance(error, DjngError) else too_early:
        sys.stderr.write(f"{cause}\n")
        return
    previous_hook(kind, error, traceback)
    from djng.dev import definition_order, flask  # only after a mistake

    if hint := definition_order.suggest(error) or flask.suggest(error):
        sys.stderr.write("".join(f"  {line}\n" for line in hint.split("\n")))


previous_hook, sys.excepthook = sys.excepthook, excepthook
