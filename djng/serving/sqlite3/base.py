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

# Readers and a writer work at the same time. The log of a long read does not stay on the disk, and
# reads copy nothing. tests/benchmarks/sqlite_options.py measures these options and others:
# synchronous=NORMAL would pay most, but can lose what was written just before a power failure.
PRAGMAS = ("mmap_size = 134217728", "journal_size_limit = 16777216", "journal_mode = WAL")
# Each has a cache of up to 2 MB, and holds up to three files open.
MAX_IDLE = 10
# For each process and file. SQLite breaks if a process uses connections from before its fork.
idle: defaultdict[tuple[int, str], list[sqlite3.Connection]] = defaultdict(list)


class DatabaseWrapper(base.DatabaseWrapper):
    connection: sqlite3.Connection | None
    init_commands: list[str]

    @property
    def idle(self) -> list[sqlite3.Connection]:
        return idle[os.getpid(), str(self.settings_dict["NAME"])]

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        with suppress(IndexError):
            return self.idle.pop()
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        with suppress(sqlite3.OperationalError):  # the database may be read-only
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        for command in filter(str.strip, self.init_commands):
            connection.execute(command)  # once more, so that the user's own options win
        return connection

    def _close(self) -> None:
        connection, others = self.connection, self.idle
        is_busy = self.in_atomic_block or (connection and connection.in_transaction)
        if connection and not is_busy and len(others) < MAX_IDLE:
            others.append(connection)
        else:
            super()._close()  # type: ignore[misc]
