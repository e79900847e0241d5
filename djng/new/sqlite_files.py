"""Read the tables, views, keys and relations of an SQLite database, without a change to it."""

import re
import sqlite3
from collections import defaultdict
from pathlib import Path

from djng.new.tables import BadInputError, Column, Source, Table, quoted

TABLES = """
    SELECT name, list.type, sql FROM sqlite_master JOIN pragma_table_list AS list USING (name)
    WHERE schema = 'main' AND list.type <> 'shadow' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
    ORDER BY sqlite_master.rowid
"""


def is_sqlite(file: Path) -> bool:
    with file.open("rb") as opened:
        is_named = file.suffix.lower() in (".db", ".db3", ".sqlite", ".sqlite3")
        return is_named or opened.read(16) == b"SQLite format 3\0"


def open_sqlite_file(file: Path) -> sqlite3.Connection:
    """Open the database for reading, so that SQLite writes no file of its own beside it."""
    mode = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    db = sqlite3.connect(f"{file.resolve().as_uri()}?{mode}", uri=True, isolation_level=None)
    db.text_factory = decode
    return db


def decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:  # SQLite stores any bytes as text
        return text.decode("latin-1")


def read_sqlite_file(file: Path, db: sqlite3.Connection, *, in_place: bool) -> Source:
    """Read the structure of the database; raises BadInputError if it is none."""
    if sqlite3.sqlite_version_info < (3, 37):
        raise BadInputError(f"Reading {file.name} needs SQLite 3.37, not {sqlite3.sqlite_version}.")
    source = Source(db, file.name, in_place=str(file) if in_place else "")
    try:
        found = db.execute(TABLES).fetchall()
    except sqlite3.DatabaseError as error:
        what = f"{file.name} is not an SQLite database, or it is encrypted: {error}."
        raise BadInputError(what) from error
    for name, kind, sql in found:
        if kind != "virtual":
            try:
                source.tables.append(read_table(source, name, sql, kind == "view"))
            except sqlite3.OperationalError as error:  # a view of a table that is gone
                source.messages.append(f"Left out: {name}, which SQLite cannot read: {error}.")
    if virtual := sorted(name for name, kind, _ in found if kind == "virtual"):
        source.messages.append(f"Left out, being virtual tables: {', '.join(virtual)}.")
    if not source.tables:
        raise BadInputError(f"{file.name} has no tables.")
    for table in source.tables:
        read_foreign_keys(table)
    return source


def read_table(source: Source, name: str, sql: str, is_view: bool) -> Table:
    table = Table(source, name, name, is_view)
    places: dict[Column, int] = {}
    for _, own, declared, not_null, _, place, hidden in source.db.execute(
        f"PRAGMA table_xinfo({quoted(name)})"
    ):
        column = Column(table, own, own, declared.upper(), not (not_null or place or is_view))
        if hidden in (2, 3):
            column.generated, column.is_stored = find_expression(sql, own), hidden == 3
        table.columns.append(column)
        places[column] = place
    table.key = sorted(filter(places.get, places), key=lambda column: places[column])
    if any({*column.select("DISTINCT typeof({})")} & {"null", "blob"} for column in table.key):
        table.key = []  # SQLite allows both, but no URL and no form can name such a row
    table.rows = next(table.select("count(*)"))
    return table


def find_expression(sql: str, column: str) -> str:
    """The expression of a generated column: what its parentheses after AS hold."""
    start = re.search(rf"(?is)[\"'`\[(,\s]{re.escape(column)}[\"'`\]\s].*?\bAS\s*\(", sql)
    depth, first = 1, start.end() if start else len(sql)
    for end in range(first, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[end], 0)
        if not depth:
            return sql[first:end].strip()
    return "NULL"


def read_foreign_keys(table: Table) -> None:
    tables = {each.origin.lower(): each for each in table.source.tables}
    columns = {column.origin.lower(): column for column in table.columns}
    keys = defaultdict(list)
    for number, _, *key in table.source.db.execute(
        f"PRAGMA foreign_key_list({quoted(table.origin)})"
    ):
        keys[number].append(key)
    for (other, own, to, _, on_delete, _), *more in keys.values():
        target, column = tables.get(other.lower()), columns[own.lower()]
        names = [each.origin.lower() for each in target.key] if target else []
        is_key = len(names) == 1 and not more and (to or names[0]).lower() == names[0]
        if target and is_key and not is_circular(column, target):
            column.target, column.on_delete = target, on_delete.replace(" ", "_")
        else:  # Django's foreign keys have one column, most often the primary key
            column.note = f"A foreign key to {other} ({to})."


def is_circular(column: Column, target: Table) -> bool:
    """Whether a primary key would be a foreign key to itself, also by way of other tables."""
    while further := target.key[0].target:
        target = further
    return column.table.key == [column] and target is column.table
