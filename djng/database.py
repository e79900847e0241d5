"""The site's database under a server. Runs as a handler is built, and when the database fails."""

import logging
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from django.db import DatabaseError, OperationalError
from django.db.backends.signals import connection_created

# Of one process, in seconds. By default a request waits half a minute for a server that has gone,
# and one that is back is found only after about half the time that it was away.
POOL = {"min_size": 1, "max_size": 10, "timeout": 10, "reconnect_timeout": 5}


def keep_connections(database: dict[str, Any], *, in_threads: bool) -> None:
    """Let connections outlive a request; `in_threads`, WSGI's, the next one comes in the same one.

    Under ASGI each request has a thread of its own, which only a pool of connections outlives.
    """
    engine = database["ENGINE"].rpartition(".")[2]
    if engine == "sqlite3" and in_threads:
        database["CONN_MAX_AGE"] = None
        connection_created.connect(write_ahead)
    elif engine == "postgresql" and not database["CONN_MAX_AGE"] and find_spec("psycopg_pool"):
        database["OPTIONS"] = {"pool": POOL, **database.get("OPTIONS", {})}


def write_ahead(connection: Any, **signal: Any) -> None:
    """Let one who writes and those who read not wait for each other; it pays where they stay."""
    if connection.vendor == "sqlite":
        with suppress(OperationalError), connection.cursor() as cursor:  # it may be read-only
            cursor.execute("PRAGMA journal_mode=WAL")


class Formatter(logging.Formatter):
    """Adds to the traceback of a database's error what to do about it."""

    def formatException(self, exc_info: Any) -> str:  # noqa: N802  # logging's name
        text = super().formatException(exc_info)
        if isinstance(exc_info[1], DatabaseError):
            from djng.hints import hint_of  # most servers never need any

            text += f"\n  {hint_of(exc_info[1])}".rstrip()
        return text
