"""Say when a template misspells a variable, or uses one that only Flask has. Runs while developing.

Django renders an unknown variable as nothing, and logs that for `django.template` at the level
DEBUG. Here a filter of that logger reads along.
"""

import logging
import re
from contextlib import suppress

from django.template.loader import get_template

from djng.dev.error_page import Explanation, line_in_site
from djng.dev.flask import VARIABLES
from djng.dev.misspellings import suggest_variable
from djng.exceptions import Location, is_library_file

logger = logging.getLogger("django.template")
seen: set[tuple[str, str]] = set()


def watch_templates() -> None:
    """Look once at each variable of a template that is empty."""
    if not logger.isEnabledFor(logging.DEBUG):  # otherwise the user wants to see what Django logs
        logger.addFilter(lambda record: record.levelno > logging.DEBUG)
        logger.setLevel(logging.DEBUG)
    logger.filters.insert(0, see)


def see(record: logging.LogRecord) -> bool:
    """A log filter that lets all records pass."""
    word, template = [*map(str, record.args or ()), "", ""][:2]
    if (word, template) not in seen:
        seen.add((word, template))
        with suppress(Exception):  # the page must not fail for a hint
            warn(word, template, record.exc_info[1] if record.exc_info else None)
    return True


def warn(word: str, template: str, error: BaseException | None) -> None:
    """Warn if the word is one of Flask's, or similar to one that the user's template could use."""
    where = find(word, template)
    hint = f"Write instead: {VARIABLES[word]}" if word in VARIABLES else ""
    if where and not is_library_file(where.file):
        hint = hint or suggest_variable(error)
    if hint:
        message = f"{word} shows nothing: there is no variable of that name."
        logging.getLogger("django.request").warning("%s", Explanation(message, where, hint))


def find(word: str, template: str) -> Location | None:
    """The first line of the template that has the word. It may be in one that this one extends."""
    with suppress(Exception):  # it may be no template of Django's
        found = get_template(template).template  # type: ignore[attr-defined]
        if at := re.search(rf"\b{word}\b", found.source):
            line = 1 + found.source[: at.start()].count("\n")
            return line_in_site(template, line) or Location(found.origin.name, line)
    return None
