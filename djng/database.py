"""The site's database: connections under a server, and hints for its errors."""

import re
from importlib.util import find_spec
from traceback import walk_tb
from typing import Any, cast

from django.db import connection, connections

from djng.exceptions import command_line, short_path

# One for each process, with times in seconds. psycopg's own are longer: a request would wait half a
# minute for a database that is down, and the pool would notice late that it is up again.
POOL = {"min_size": 1, "max_size": 10, "timeout": 10, "reconnect_timeout": 5}


def keep_connections(database: dict[str, Any], *, is_async: bool) -> None:
    """Keep connections open between requests.

    Under ASGI each request has a thread of its own, so only a pool can keep connections.
    """
    engine, own = database["ENGINE"], cast(Any, connections["default"])
    if engine == "django.db.backends.sqlite3":
        if not (own.in_atomic_block or own.is_in_memory_db()):  # as in a test
            database["ENGINE"] = "djng.serving.sqlite3"
            database["CONN_MAX_AGE"] = 0 if is_async else None
            own.close()
            del connections["default"]  # the next one is of the other class
    elif has_pool(engine) and not database["CONN_MAX_AGE"]:
        database["OPTIONS"] = {"pool": POOL, **database.get("OPTIONS", {})}


def has_pool(engine: str) -> bool:
    is_postgresql = engine.rpartition(".")[2] in ("postgresql", "postgis")
    return is_postgresql and bool(find_spec("psycopg_pool"))


def hint_for(error: Any) -> str:
    """What to do about a database error; empty if djng does not know."""
    message, values = f"{error}", connection.settings_dict
    if re.search(r'database ".*" does not exist|unknown database', message, re.IGNORECASE):
        return f"Create it first: createdb {values['NAME']}"
    if "permission denied for schema" in message:  # the default since PostgreSQL 15
        return (
            f"Create the database for its user: createdb --owner={values['USER']} {values['NAME']}"
        )
    if re.search("password|authentication|role .* not exist|invalid .*(option|value)", message):
        return "Check the user, the password and the options of the database."
    if re.search(r"no such (table|column)|has no column|n[o']t exist|unknown col", message.lower()):
        codes = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
        # "<string>" is the code that `shell -c` runs, once the file has been read.
        if any(c.co_name == "<module>" and c.co_filename != "<string>" for c in codes):
            return "The file is being read: ask the database in a function, which runs later."
        commands = command_line("makemigrations", "migrate")
        return f"The models are ahead of the database: {commands}"
    if "readonly" in message or "unable to open" in message:
        return f"Let the server write to {short_path(str(values['NAME']))} and to its folder."
    if "is full" in message or "disk I/O" in message:
        return "Make room on the disk. What was written before is kept."
    if "connection" in message or "resolve" in message:
        return f"Is there a database at {values['HOST'] or 'localhost'}:{values['PORT'] or 5432}?"
    return ""
