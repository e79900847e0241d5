"""The tables and columns of a source. Other modules read, decide, write and load them."""

import dataclasses
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any


class BadInputError(Exception):
    """The source cannot be read. The message says why in one line."""


@dataclass(eq=False)
class Column:
    """A column, and the field that it becomes: ``name = models.<field>(<arguments>)``."""

    source: str  # its name in the database that is read
    title: str  # its name as people read it
    declared: str = ""  # its type in an SQLite database
    nullable: bool = True
    generated: str = ""  # the expression that computes it
    is_stored: bool = False
    name: str = ""
    field: str = ""
    arguments: list[str] = dataclasses.field(default_factory=list)
    note: str = ""
    convert: str = ""  # the SQL that makes Django's value in SQLite of the source's, {}
    target: "Table | None" = None  # of a foreign key
    on_delete: str = "PROTECT"
    is_dangling: bool = False  # a foreign key that has values without a row

    @property
    def is_text(self) -> bool:
        return self.field in ("CharField", "EmailField", "URLField", "TextField")

    @property
    def attname(self) -> str:
        return f"{self.name}_id" if self.target else self.name


@dataclass(eq=False)
class Table:
    """A table or a view, and the model that it becomes."""

    source: str
    title: str
    columns: list[Column]
    key: list[Column] = dataclasses.field(default_factory=list)  # empty if Django adds an id
    rowid: str = ""  # SQLite's name of the key of a table without one
    is_view: bool = False
    is_unique: bool = True  # the key; a view may have none
    is_link: bool = False  # it holds nothing but a many-to-many relation
    name: str = ""  # of the many-to-many field
    links: list["Table"] = dataclasses.field(default_factory=list)
    rows: int = 0
    model: str = ""
    plural: str = ""

    def other_end(self, table: "Table") -> "Table":
        """The other table of a many-to-many relation; the same one if it relates its own rows."""
        ends = [column.target for column in self.columns if column.target]
        return next((end for end in ends if end is not table), table)


@dataclass(eq=False)
class Source:
    """Where the data comes from. CSV files are in a temporary database by now, all text."""

    db: sqlite3.Connection
    name: str
    tables: list[Table] = dataclasses.field(default_factory=list)
    is_csv: bool = False
    in_place: str = ""  # the path of the database that the models use as it is
    messages: list[str] = dataclasses.field(default_factory=list)

    def select(self, what: str, table: Table, rest: str = "") -> Iterator[Any]:
        """The rows of a query on one table; a value instead of a row of one value."""
        rows = self.db.execute(f"SELECT {what} FROM {quoted(table.source)} {rest}")  # noqa: S608
        return map(itemgetter(0), rows) if len(rows.description) == 1 else rows


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def batches(what: str, rows: Iterable[Any], done: Callable[[int], float]) -> Iterator[list[Any]]:
    """Divide the rows, and draw a bar in a terminal. `done` takes a number, returns a share."""
    rows, number = iter(rows), 0
    while batch := list(islice(rows, 10_000)):
        yield batch
        number += len(batch)
        if sys.stderr.isatty() and number >= 10_000:
            bar = "#" * round(min(done(number), 1) * 30)
            end = "\n" * (len(batch) < 10_000)
            sys.stderr.write(f"\r{what} [{bar:.<30}] {number:,} rows{end}")
