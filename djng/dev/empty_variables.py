"""Say when a template uses a variable that only Flask has. Runs while developing.

Django renders an unknown variable as nothing, and logs that for `django.template` at the level
DEBUG. Here a filter of that logger reads along.
"""

import logging
import re
from contextlib import suppress

from django.template.loader import get_template

from djng.dev.error_page import Explanation, line_in_site
from djng.dev.flask import VARIABLES
from djng.exceptions import Location

logger = logging.getLogger("django.template")
warned: set[tuple[str, str]] = set()


def watch_templates() -> None:
    """Warn once for each template and variable."""
    if not logger.isEnabledFor(logging.DEBUG):  # otherwise the user wants to see what Django logs
        logger.addFilter(lambda record: record.levelno > logging.DEBUG)
        logger.setLevel(logging.DEBUG)
    logger.filters.insert(0, warn_of_flask)


def warn_of_flask(record: logging.LogRecord) -> bool:
    """A log filter that lets all records pass."""
    word, template = [*map(str, record.args or ()), "", ""][:2]
    if word in VARIABLES and (word, template) not in warned:
        warned.add((word, template))
        message = f"{{{{ {word} }}}} shows nothing: there is no variable of that name."
        hint = f"Write instead: {VARIABLES[word]}"
        explanation = Explanation(message, find(word, template), hint)
        logging.getLogger("django.request").warning("%s", explanation)
    return True


def find(word: str, template: str) -> Location | None:
    """The first line of the template that has the word."""
    with suppress(Exception):  # it may be no template of Django's
        found = get_template(template).template  # type: ignore[attr-defined]
        line = 1 + re.split(rf"\b{word}\b", found.source)[0].count("\n")
        return line_in_site(template, line) or Location(found.origin.name, line)
    return None
