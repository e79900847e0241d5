"""Log formatters and the admins' mails of a served site. Runs when something is logged.

A request may hold control characters. A terminal would obey them, and a newline would look like the
start of another entry in the log, so they are escaped, as in ``\\x1b``.
"""

import logging
import re
from typing import Any

from django.conf import settings
from django.core import mail
from django.db import DatabaseError
from django.utils import log

from djng.database import hint_for

# The last ones start a new line, or let a terminal show text in another order.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def escape_controls(text: str, *, keep: str = "") -> str:
    """Escape control characters, except for those to keep."""

    def escaped(found: re.Match[str]) -> str:
        return found[0] if found[0] in keep else found[0].encode("unicode_escape").decode()

    return CONTROL_CHARACTERS.sub(escaped, text)


def escape_lines(text: str) -> str:
    """Escape the text of a traceback, which has lines."""
    return escape_controls(text, keep="\n\t")


class EscapingFormatter(logging.Formatter):
    """Escapes control characters. What Django says of a request is one line, before a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        message = super().formatMessage(record)
        return escape_controls(message) if hasattr(record, "request") else message

    def format(self, record: logging.LogRecord) -> str:
        return escape_lines(super().format(record))


class ErrorFormatter(EscapingFormatter):
    """Adds to a database error's traceback what to do about it."""

    def formatException(self, exc_info: Any) -> str:  # noqa: N802  # logging's name
        text = super().formatException(exc_info)
        hint = hint_for(exc_info[1]) if isinstance(exc_info[1], DatabaseError) else ""
        return f"{text}\n  {hint}".rstrip()


class HostFormatter(logging.Formatter):
    """Says in one line what to set when a host is refused, instead of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{escape_controls(record.getMessage())} Set DJANGO_ALLOWED_HOSTS."


class AdminEmailHandler(log.AdminEmailHandler):
    """Django's handler, except that the log says so if ADMINS get no mail."""

    def emit(self, record: logging.LogRecord) -> None:
        if settings.ADMINS:  # Django asks only if `send_mail` is its own
            super().emit(record)

    def send_mail(self, subject: Any, message: Any, *args: Any, **options: Any) -> None:
        options.pop("fail_silently", None)
        try:
            mail.mail_admins(subject, message, *args, **options)
        except Exception as error:
            text = (
                "ADMINS got no mail of this error: %s: %s. Is there a mail server in Djng(%s=...)?"
            )
            name = "MAILERS" if hasattr(mail, "mailers") else "EMAIL_HOST"
            logging.getLogger("djng.log").warning(text, type(error).__name__, error, name)
