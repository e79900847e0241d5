"""Read the tables, views, keys and relations of an SQLite database, without a change to it."""

import re
import sqlite3
from collections import defaultdict
from pathlib import Path

from djng.new.tables import BadInputError, Column, Source, Table, quoted

SHADOWS: tuple[str, ...] = (
    "config",
    "content",
    "data",
    "docsize",
    "idx",
    "node",
    "parent",
    "rowid",
)
SHADOWS += ("segdir", "segments", "stat")
ROWIDS = ("rowid", "_rowid_", "oid")


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


def read_sqlite_file(file: Path, db: sqlite3.Connection) -> Source:
    """Read the structure of the database; raises BadInputError if it is none."""
    source = Source(db, file.name)
    try:
        rows = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY rowid").fetchall()
    except sqlite3.DatabaseError as error:
        what = f"{file.name} is not an SQLite database, or it is encrypted: {error}."
        raise BadInputError(what) from error
    virtual = {name for _, name, sql in rows if re.match("(?i)CREATE VIRTUAL", sql or "")}
    left_out = virtual | {f"{name}_{shadow}" for name in virtual for shadow in SHADOWS}
    for kind, name, sql in rows:
        if kind in ("table", "view") and name not in left_out and not name.startswith("sqlite_"):
            try:
                source.tables.append(read_table(source, name, sql, kind == "view"))
            except sqlite3.OperationalError as error:  # a view of a table that is gone
                source.messages.append(f"Left out: {name}, which SQLite cannot read: {error}.")
    if virtual:
        source.messages.append(f"Left out, being virtual tables: {', '.join(sorted(virtual))}.")
    if not source.tables:
        raise BadInputError(f"{file.name} has no tables.")
    read_foreign_keys(source)
    return source


def decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:  # SQLite stores any bytes as text
        return text.decode("latin-1")


def read_table(source: Source, name: str, sql: str, is_view: bool) -> Table:
    table = Table(name, name, [], is_view=is_view)
    keys = []
    for _, column_name, declared, not_null, _, key, hidden in source.db.execute(
        f"PRAGMA table_xinfo({quoted(name)})"
    ):
        column = Column(
            column_name, column_name, declared.upper(), not (not_null or key or is_view)
        )
        if hidden in (2, 3):
            column.generated, column.is_stored = find_expression(sql, column_name), hidden == 3
        table.columns.append(column)
        if key:
            keys.append((key, column))
    table.key = [column for _, column in sorted(keys, key=lambda each: each[0])]
    table.rows = next(source.select("count(*)", table))
    if not (table.key or is_view):
        names = {column.source.lower() for column in table.columns}
        table.rowid = next(name for name in ROWIDS if name not in names)
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


def read_foreign_keys(source: Source) -> None:
    by_name = {table.source.lower(): table for table in source.tables}
    for table in source.tables:
        columns = {column.source.lower(): column for column in table.columns}
        keys = defaultdict(list)
        for number, _, other, own, to, _, on_delete, _ in source.db.execute(
            f"PRAGMA foreign_key_list({quoted(table.source)})"
        ):
            keys[number].append((other, own, to, on_delete))
        for (other, own, to, on_delete), *more in keys.values():
            target, column = by_name.get(other.lower()), columns[own.lower()]
            names = [each.source.lower() for each in target.key] if target else []
            if len(names) == 1 and not more and (to or names[0]).lower() == names[0]:
                column.target = target
                column.on_delete = on_delete.replace(" ", "_")
            else:  # Django's foreign keys have one column, most often the primary key
                column.note = f"A foreign key to {other} ({to})."
