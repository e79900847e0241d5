"""The site's database: connections under a server, pending migrations, hints for its errors."""

import re
from contextlib import suppress
from importlib.util import find_spec
from traceback import walk_tb
from typing import Any

from django.db import OperationalError, connection
from django.db.backends.signals import connection_created

from djng.exceptions import command_line, short_path

# For each process, in seconds. By default psycopg's pool waits half a minute for a server that has
# gone away, and finds one that is back only after half the time that it was away.
POOL = {"min_size": 1, "max_size": 10, "timeout": 10, "reconnect_timeout": 5}


def keep_connections(database: dict[str, Any], *, in_threads: bool) -> None:
    """Keep connections open between requests.

    Under WSGI (`in_threads`) the same thread answers the next request. Under ASGI each request has
    a thread of its own, so only a pool can keep connections.
    """
    engine = database["ENGINE"].rpartition(".")[2]
    if engine == "sqlite3" and in_threads:
        database["CONN_MAX_AGE"] = None
        connection_created.connect(use_write_ahead_log)
    elif engine == "postgresql" and not database["CONN_MAX_AGE"] and find_spec("psycopg_pool"):
        database["OPTIONS"] = {"pool": POOL, **database.get("OPTIONS", {})}


def use_write_ahead_log(connection: Any, **signal: Any) -> None:
    """Let readers and a writer work at the same time. It pays off if connections stay open."""
    if connection.vendor == "sqlite":
        with suppress(OperationalError), connection.cursor() as cursor:  # it may be read-only
            cursor.execute("PRAGMA journal_mode=WAL")


def unapplied_migrations() -> int:
    """How many migrations are not applied yet; 0 if the database does not answer."""
    from django.db.migrations.executor import MigrationExecutor  # servers don't need it

    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except Exception:
        return 0


def hint_for(error: Any) -> str:
    """What to do about a database error; empty if djng does not know."""
    message = f"{error}"
    if re.search(r"no such (table|column)|has no column|n[o']t exist|unknown col", message.lower()):
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        if any(frame.f_code.co_name == "<module>" for frame in frames):
            return "The file is being read: ask the database in a function, which runs later."
        commands = command_line("makemigrations", "migrate")
        return f"The models are ahead of the database: {commands}"
    values = connection.settings_dict
    if "readonly" in message or "unable to open" in message:
        return f"Let the server write to {short_path(str(values['NAME']))} and to its folder."
    if "is full" in message or "disk I/O" in message:
        return "Make room on the disk. What was written before is kept."
    if "connection" in message:
        return f"Is there a database at {values['HOST'] or 'localhost'}:{values['PORT'] or 5432}?"
    return ""
