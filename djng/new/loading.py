"""Make the database of a new site, and copy the rows of the source into it."""

import sqlite3
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import ModuleType

from django.core.management import call_command
from django.db import connections

from djng.new.tables import Column, Source, batches, quoted


def create_database(file: Path) -> ModuleType:
    """Import the site, write its first migration and apply all; return the site's module."""
    sys.path.insert(0, str(file.parent))
    sys.dont_write_bytecode = True
    site = import_module(file.stem)
    call_command("makemigrations", site.app.label, verbosity=0)
    call_command("migrate", verbosity=0)
    connections.close_all()
    return site


def load_rows(source: Source, site: ModuleType, database: Path) -> None:
    """Copy all rows, table by table. One transaction would need memory for nothing."""
    with closing(sqlite3.connect(database, isolation_level=None)) as target:
        target.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
        for table in source.tables:
            if not table.is_link:
                meta = getattr(site, table.model)._meta
                stored = [column for column in table.columns if not column.generated]
                names = [meta.get_field(column.name).column for column in stored]
                insert(stored, target, meta.db_table, names)
            for link in table.links:
                field = getattr(site, table.model)._meta.get_field(link.name)
                names = [field.m2m_column_name(), field.m2m_reverse_name()]
                insert(link.ends, target, field.m2m_db_table(), names)
        target.execute("COMMIT")


def insert(columns: list[Column], target: sqlite3.Connection, name: str, names: list[str]) -> None:
    """Copy the columns of one table into those with the names."""
    table = columns[0].table
    own = ", ".join(quoted(column.origin) for column in columns)
    cells = table.source.db.execute(f"SELECT {own} FROM {quoted(table.origin)}")  # noqa: S608
    rows = ([c.convert(cell) for c, cell in zip(columns, row, strict=True)] for row in cells)
    into, marks = ", ".join(map(quoted, names)), ", ".join("?" * len(names))
    sql = f"INSERT INTO {quoted(name)} ({into}) VALUES ({marks})"  # noqa: S608
    for batch in batches(f"Loading {table.title}", rows, lambda number: number / table.rows):
        target.executemany(sql, batch)
