"""Django's SQLite backend, but a request uses a connection that an earlier request has opened.

It overrides what Django's backend for PostgreSQL overrides for its pool. `_close` is not
documented, but Django calls it wherever it closes a connection.
"""

import os
import sqlite3
from collections import defaultdict
from contextlib import suppress
from typing import Any

from django.db.backends.sqlite3 import base

# Each has a cache of up to 2 MB, and holds up to three files open.
MAX_IDLE = 10
# For each process and file. SQLite breaks if a process uses connections from before its fork.
idle: defaultdict[tuple[int, str], list[sqlite3.Connection]] = defaultdict(list)


class DatabaseWrapper(base.DatabaseWrapper):
    connection: sqlite3.Connection | None

    @property
    def idle(self) -> list[sqlite3.Connection]:
        return idle[os.getpid(), str(self.settings_dict["NAME"])]

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        with suppress(IndexError):
            return self.idle.pop()
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        # Readers and a writer then work at the same time. The database may be read-only.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
        return connection

    def _close(self) -> None:
        connection, others = self.connection, self.idle
        is_busy = self.in_atomic_block or (connection and connection.in_transaction)
        if connection and not is_busy and len(others) < MAX_IDLE:
            others.append(connection)
        else:
            super()._close()  # type: ignore[misc]
