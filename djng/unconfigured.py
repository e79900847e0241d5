"""The settings module between ``import djng`` and ``app = Djng(...)``. Runs when something reads a setting too early.

Django imports the module that DJANGO_SETTINGS_MODULE names when it first needs a setting. Nothing
may be configured yet, since the line that decides has not run: so importing this one is the error.
"""

import linecache
import re

from djng.errors import Location, TooEarlyError, user_frames


def app_line(file: str) -> int | None:
    """The line of the file that makes the site."""
    lines = enumerate(linecache.getlines(file), start=1)
    return next((number for number, line in lines if re.match(r"\w+\s*=.*\bDjng\(", line)), None)


def error() -> TooEarlyError:
    """Name the line of the file that makes the site, or else the outermost one."""
    frames = list(user_frames())
    frame = next((each for each in frames if app_line(each.f_code.co_filename)), frames[-1])
    file, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(file, line).strip()
    below = app_line(file)
    hint = f"Move it below line {below}, " if below else "Move it below "
    return TooEarlyError(
        f"`{source}` needs the site, which is not made yet.",
        hint=f"{hint}`app = Djng(...)`.",
        where=Location(file, line),
    )


raise error()
