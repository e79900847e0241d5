"""The tables and columns of a source. Other modules read, decide, write and load them."""

import dataclasses
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

# Other words for an empty cell of a CSV file, where the other cells are numbers, dates or the like.
EMPTY = frozenset(["", "NA", "N/A", "#N/A", "NULL", "null", "None", "NaN", "nan", "\\N", "-"])


class BadInputError(Exception):
    """The source cannot be read. The message says why in one line."""


@dataclass(eq=False)
class Source:
    """Where the data comes from. CSV files are in a temporary database by now, all text."""

    db: sqlite3.Connection
    name: str
    is_csv: bool = False
    in_place: str = ""  # the path of the database that the models use as it is
    tables: list["Table"] = dataclasses.field(default_factory=list)
    messages: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        # The texts that become NULL where the field is not one of text.
        self.empty = EMPTY if self.is_csv else frozenset() if self.in_place else frozenset([""])


@dataclass(eq=False)
class Table:
    """A table or a view, and the model that it becomes. Its `origin` is its name in the source."""

    source: Source
    origin: str
    title: str
    is_view: bool = False
    columns: list["Column"] = dataclasses.field(default_factory=list)
    key: list["Column"] = dataclasses.field(default_factory=list)  # empty if Django adds an id
    is_unique: bool = True  # the key; a view may have none
    is_link: bool = False  # it holds nothing but a many-to-many relation
    links: list["Table"] = dataclasses.field(default_factory=list)
    rows: int = 0
    model: str = ""
    plural: str = ""
    name: str = ""  # of the many-to-many field

    @property
    def ends(self) -> list["Column"]:
        """The foreign keys."""
        return [column for column in self.columns if column.target]

    def other_end(self, table: "Table") -> "Table":
        """The other table of a many-to-many relation; the same one if it relates its own rows."""
        return next((c.target for c in self.ends if c.target and c.target is not table), table)

    def select(self, what: str, where: str = "1") -> Iterator[Any]:
        """Query the table for rows; for values, if each row has only one."""
        sql = f"SELECT {what} FROM {quoted(self.origin)} WHERE {where}"  # noqa: S608
        rows = self.source.db.execute(sql)
        return map(itemgetter(0), rows) if len(rows.description) == 1 else rows


@dataclass(eq=False)
class Column:
    """A column, and the field that it becomes: ``name = models.<field>(<arguments>)``."""

    table: Table
    origin: str
    title: str
    declared: str = ""  # its type in an SQLite database
    nullable: bool = False
    generated: str = ""  # the expression that computes it
    is_stored: bool = False
    name: str = ""
    field: str = ""
    arguments: list[str] = dataclasses.field(default_factory=list)
    note: str = ""
    parse: Callable[[str], Any] | None = None  # makes Django's value in SQLite of the source's
    target: Table | None = None  # of a foreign key
    on_delete: str = "PROTECT"
    is_dangling: bool = False  # a foreign key that has values without a row

    @property
    def attname(self) -> str:
        return f"{self.name}_id" if self.target else self.name

    @property
    def is_text(self) -> bool:
        return self.field in ("CharField", "EmailField", "URLField", "TextField")

    def select(self, what: str = "{}", where: str = "1") -> Iterator[Any]:
        """Query the table; ``{}`` stands for the column."""
        name = quoted(self.origin)
        return self.table.select(what.replace("{}", name), where.replace("{}", name))

    def values(self) -> Iterator[str]:
        """The cells that are not empty, as text without spaces around it."""
        empty = self.table.source.empty
        texts = map(str.strip, map(str, self.select(where="{} IS NOT NULL")))
        return (text for text in texts if text not in empty)

    def convert(self, cell: Any) -> Any:
        """The value of a cell as Django has it in SQLite."""
        if cell is None or self.parse is None or isinstance(cell, bytes):
            return cell
        text = str(cell)
        if (stripped := text.strip()) in self.table.source.empty:
            return "" if self.is_text else None
        return self.parse(text if self.field == "BinaryField" else stripped)


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
