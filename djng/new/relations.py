"""Find primary keys and relations that the source does not declare."""

import re

from djng.new.field_types import count_missing, values_of
from djng.new.names import singular, words
from djng.new.tables import Column, Source, Table, quoted


def find_relations(source: Source) -> None:
    """Find keys, foreign keys by their names and values, and tables that only hold relations."""
    for table in source.tables:
        if source.is_csv:
            table.key = [column for column in table.columns if is_key(source, table, column)][:1]
        elif source.in_place and not table.key:
            add_key(source, table)
    for table in source.tables:
        for column in table.columns:
            if not (column.target or table.is_view or table.key == [column]):
                guess_target(source, table, column)
    for table in source.tables:
        ends = [(column, column.target) for column in table.columns if column.target]
        if len(ends) == 2 and is_link(source, table, ends):
            table.is_link = True
            ends[0][1].links.append(table)


def base_name(title: str) -> str:
    """The title of a table in the singular, as a column that refers to it may be called."""
    *rest, last = words(title) or ["row"]
    return "_".join([*rest, singular(last)]).lower()


def is_key(source: Source, table: Table, column: Column) -> bool:
    """Whether a column of a CSV file is called id, and its values are numbers that differ."""
    name = "_".join(words(column.title)).lower()
    if name not in ("id", f"{base_name(table.title)}_id") or not table.rows:
        return False
    number = next(source.select(f"count(DISTINCT {quoted(column.source)})", table))
    return bool(number == table.rows and values_of(source, table, column).fit("[1-9][0-9]{0,17}"))


def add_key(source: Source, table: Table) -> None:
    """Give a model of a table without a key one that Django can use: the rowid, if there is one."""
    if table.rowid:
        table.key = [Column(table.rowid, table.rowid, "INTEGER", nullable=False)]
        table.columns.insert(0, table.key[0])
        return
    counts = {
        column: next(source.select(f"count(DISTINCT {quoted(column.source)})", table))
        for column in table.columns
    }
    table.key = [max(counts, key=lambda column: counts[column])]
    table.is_unique = counts[table.key[0]] == table.rows
    if not table.is_unique:
        table.key[0].note = "Not unique, but Django needs a key. The view has no better column."


def guess_target(source: Source, table: Table, column: Column) -> None:
    """Make a foreign key of a column like ``category_id``, if all its values are in that table."""
    name = re.sub(r"_?id$", "", "_".join(words(column.title)).lower())
    for target in source.tables:
        is_named = f"_{name}".endswith(f"_{base_name(target.title)}")
        if is_named and target is not table and len(target.key) == 1 and not target.is_view:
            values = values_of(source, table, column)
            if any(values.select("1", "LIMIT 1")) and not count_missing(values, target):
                column.target = target
                column.note = f"A guess: all values are in {target.title}."
                return


def is_link(source: Source, table: Table, ends: list[tuple[Column, Table]]) -> bool:
    """Whether each row only says that two other rows belong together, and no row says it twice."""
    others = [column for column in table.columns if not column.target]
    is_target = any(column.target is table for each in source.tables for column in each.columns)
    if table.is_view or is_target or (others and others != table.key):
        return False
    values = [(values_of(source, table, column), target) for column, target in ends]
    if any(
        each.has_blank or each.has_null or count_missing(each, target) for each, target in values
    ):
        return False
    pairs = source.select(f"DISTINCT {', '.join(quoted(c.source) for c, _ in ends)}", table)
    return sum(1 for _ in pairs) == table.rows
