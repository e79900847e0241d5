"""Find primary keys and relations that the source does not declare."""

import re

from djng.new.field_types import count_missing, fits, matching
from djng.new.names import singular, snake, words
from djng.new.tables import Column, Source, Table, quoted

NUMBER = matching("[1-9][0-9]{0,17}")
ROWIDS = ("rowid", "_rowid_", "oid")


def find_relations(source: Source) -> None:
    """Find keys, foreign keys by their names and values, and tables that only hold relations."""
    for table in source.tables:
        if source.is_csv:
            table.key = [column for column in table.columns if is_key(column)][:1]
        elif source.in_place and not table.key:
            add_key(table)
    columns = [column for table in source.tables for column in table.columns]
    for column in columns:
        if not (column.target or column.table.is_view or column.table.key == [column]):
            column.target = guess_target(column)
    targets = {column.target for column in columns}
    for table in source.tables:
        if len(table.ends) == 2 and table not in targets and is_link(table):
            table.is_link = True
            table.ends[0].target.links.append(table)  # type: ignore[union-attr]


def base_name(table: Table) -> str:
    """The title of a table in the singular, as a column that refers to it may be called."""
    *rest, last = words(table.title) or ["row"]
    return "_".join([*rest, singular(last)]).lower()


def is_key(column: Column) -> bool:
    """Whether a column of a CSV file is called id, and its values are numbers that differ."""
    is_named = snake(column.title) in ("id", f"{base_name(column.table)}_id")
    rows = column.table.rows
    return is_named and 0 < rows == count_distinct(column) and fits(column, NUMBER)


def count_distinct(column: Column) -> int:
    return int(next(column.select("count(DISTINCT {})")))


def add_key(table: Table) -> None:
    """Give a table the rowid as its key, or the column with the most values, as to a view."""
    names = {column.origin.lower() for column in table.columns}
    rowid = next((name for name in ROWIDS if name not in names), "")
    if rowid and not table.is_view:
        table.columns.insert(0, Column(table, rowid, rowid, "INTEGER"))
        table.key = table.columns[:1]
        return
    key = max(table.columns, key=count_distinct)
    table.key, table.is_unique = [key], count_distinct(key) == table.rows
    if not table.is_unique:
        key.note = "Not unique, but Django needs a key. No column is better."


def guess_target(column: Column) -> Table | None:
    """The table that ``category_id`` refers to, if it has all the values."""
    name, own = re.sub(r"_?id$", "", snake(column.title)), column.table
    others = [each for each in own.source.tables if each is not own and not each.is_view]
    for target in others:
        is_named = f"_{name}".endswith(f"_{base_name(target)}") and len(target.key) == 1
        if is_named and any(column.values()) and not count_missing(column, target.key[0]):
            column.note = f"A guess: all values are in {target.title}."
            return target
    return None


def is_link(table: Table) -> bool:
    """Whether each row only says that two other rows belong together, and no row says it twice."""
    others = [column for column in table.columns if not column.target]
    if table.is_view or (others and others != table.key):
        return False
    for column in table.ends:
        is_full = sum(1 for _ in column.values()) == table.rows
        if not is_full or count_missing(column, column.target.key[0]):  # type: ignore[union-attr]
            return False
    pairs = table.select(f"DISTINCT {', '.join(quoted(column.origin) for column in table.ends)}")
    return sum(1 for _ in pairs) == table.rows
