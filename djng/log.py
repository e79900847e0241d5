"""Log formatters for a served site. Runs when an error is logged."""

import logging
from typing import Any

from django.db import DatabaseError

from djng.database import hint_for


class ErrorFormatter(logging.Formatter):
    """Adds to a database error's traceback what to do about it."""

    def formatException(self, exc_info: Any) -> str:  # noqa: N802  # logging's name
        text = super().formatException(exc_info)
        hint = hint_for(exc_info[1]) if isinstance(exc_info[1], DatabaseError) else ""
        return f"{text}\n  {hint}".rstrip()


class HostFormatter(logging.Formatter):
    """Says in one line what to set when a host is refused, instead of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()} Set DJANGO_ALLOWED_HOSTS."
