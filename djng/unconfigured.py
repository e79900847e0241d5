"""The settings before ``app = Djng(...)``. Runs when something reads a setting too early.

Django imports the module that DJANGO_SETTINGS_MODULE names when it first needs a setting. Before
``Djng()`` that is this module, and importing it is an error.
"""

import linecache
import os
import sys

import djng
from djng.exceptions import APP_LINE, Location, TooEarlyError, user_frames


def app_line(file: str) -> int:
    """The line of the file that calls ``Djng()``, or 0."""
    lines = enumerate(linecache.getlines(file), start=1)
    return next((n for n, line in lines if APP_LINE.match(line)), 0)


def show_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if not isinstance(unraisable.exc_value, TooEarlyError):
        sys.__unraisablehook__(unraisable)


if djng.inherited_settings != __name__:  # who asks next gets the same error
    os.environ["DJANGO_SETTINGS_MODULE"] = djng.inherited_settings
if not (frames := [*user_frames()]):
    raise ImportError(f"{djng.inherited_settings} could not be imported; see the first error.")
frame = max(frames, key=lambda each: bool(app_line(each.f_code.co_filename)))
file, line = frame.f_code.co_filename, frame.f_lineno
line_of_app = app_line(file)
error = TooEarlyError(
    f"`{linecache.getline(file, line).strip()}` needs the site, but Djng() has not run yet.",
    hint=f"Move it below `app = Djng(...)`, line {line_of_app}."
    if line_of_app
    else "Write `app = Djng()` above it, or import the file that does.",
    where=Location(file, line),
)
if not TooEarlyError.raised:  # a package may read many settings
    TooEarlyError.raised = error
    sys.unraisablehook = show_unraisable
raise error
