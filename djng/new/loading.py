"""Make the database of a new site, and copy the rows of the source into it."""

import sqlite3
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from django.core.management import call_command
from django.db import connections

from djng.new.field_types import Values, values_of
from djng.new.tables import Source, Table, batches, quoted


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
                load_table(source, table, getattr(site, table.model), target)
            for link in table.links:
                load_link(source, link, getattr(site, table.model), target)
        target.execute("COMMIT")


def load_table(source: Source, table: Table, model: Any, target: sqlite3.Connection) -> None:
    columns = [column for column in table.columns if not column.generated]
    values = [converted(values_of(source, table, column)) for column in columns]
    names = [model._meta.get_field(column.name).column for column in columns]
    insert(source, table, values, target, model._meta.db_table, names)


def load_link(source: Source, link: Table, model: Any, target: sqlite3.Connection) -> None:
    field = model._meta.get_field(link.name)
    names = [field.m2m_column_name(), field.m2m_reverse_name()]
    values = [quoted(column.source) for column in link.columns if column.target]
    insert(source, link, values, target, field.m2m_db_table(), names)


def converted(values: Values) -> str:
    """The SQL of a column's values as Django has them in SQLite. Empty cells become NULL."""
    if not values.column.convert:
        return quoted(values.column.source)
    found = values.column.convert.format(values.sql)
    return f"CASE WHEN {values.is_filled} THEN {found} END"


def insert(
    source: Source,
    table: Table,
    values: list[str],
    target: sqlite3.Connection,
    name: str,
    columns: list[str],
) -> None:
    rows = source.db.execute(f"SELECT {', '.join(values)} FROM {quoted(table.source)}")  # noqa: S608
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO {quoted(name)} ({', '.join(map(quoted, columns))}) VALUES ({marks})"  # noqa: S608
    for batch in batches(f"Loading {table.title}", rows, lambda number: number / table.rows):
        target.executemany(sql, batch)
