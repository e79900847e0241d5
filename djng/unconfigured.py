"""The settings between ``import djng`` and ``app = Djng(...)``. Runs when one is read too early.

Django imports what DJANGO_SETTINGS_MODULE names when it first needs a setting. That is an error
here, for the line that decides on the settings has not run.
"""

import linecache
import re

from djng.errors import Location, TooEarlyError, user_frames


def app_line(file: str) -> int:
    """The line of the file that makes the site, 0 where none does."""
    lines = enumerate(linecache.getlines(file), start=1)
    return next((n for n, line in lines if re.match(r"\w+\s*(:[^=]+)?=.*\bDjng\(", line)), 0)


frame = max(user_frames(), key=lambda each: bool(app_line(each.f_code.co_filename)))
file, line = frame.f_code.co_filename, frame.f_lineno
raise TooEarlyError(
    f"`{linecache.getline(file, line).strip()}` needs the site, which is not made yet.",
    hint=f"Move it below `app = Djng(...)`, line {app_line(file) or '?'}.",
    where=Location(file, line),
)
