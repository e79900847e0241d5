"""Read CSV files into a temporary SQLite database, as text: any encoding, dialect and header."""

import csv
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any

from djng.new.tables import BadInputError, Column, Source, Table, batches

BOMS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
FOREIGN = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"\x1f\x8b", b"{", b"[", b"<")
SEPARATOR = re.compile(r"(?i)sep=.\r?\n")  # Excel's own first line
# What the name of a column is not: a number, a date, an e-mail address or a URL. It may be a year.
VALUE = re.compile(r"(?!(19|20)\d\d$)[-+]?[.,]?\d[\d.,:/TZ+ -]*%?( ?[AaPp][Mm])?|\S+@\S+|https?:.*")


def read_csv_files(files: list[Path], db: sqlite3.Connection, rejected: Path) -> Source:
    """Read the files into the database. Rows with too many cells go to the file `rejected`.

    Raises BadInputError for a file that is no CSV.
    """
    csv.field_size_limit(2**31 - 1)
    db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
    source = Source(db, ", ".join(file.name for file in files), is_csv=True)
    for file in files:
        read_csv_file(file, source, rejected)
    return source


def read_csv_file(file: Path, source: Source, rejected: Path) -> None:
    encoding = find_encoding(file)
    if encoding in ("cp1252", "latin-1"):
        what = f"{file.name} is not in UTF-8, and is read as {encoding}."
        source.messages.append(f"{what} If letters are wrong, save it as UTF-8, and start again.")
    with file.open(encoding=encoding, newline="") as text:
        sample = list(islice(text, 200))
        sample[0] = SEPARATOR.sub("\n", sample[0])
        dialect = find_dialect("".join(sample))
        first = [row for row in csv.reader(sample, **dialect) if row]
        reader = csv.reader(chain(sample, text), strict=True, **dialect)
        position: Any = text.buffer.tell  # type: ignore[attr-defined]
        size = file.stat().st_size
        try:
            titles = read_titles(first, reader, file.name, rejected, source.messages)
            rows = even_rows(reader, titles, file.name, rejected, source.messages)
            bar = batches(f"Reading {file.name}", rows, lambda _: position() / size)
            insert(source, file, titles, bar)
        except csv.Error as error:
            what = f"{file.name} is not a CSV file: {error} in line {reader.line_num}."
            raise BadInputError(what) from error


def read_titles(
    first: list[list[str]], reader: Any, file: str, rejected: Path, messages: list[str]
) -> list[str]:
    """The names of the columns. The reader goes on below them; what is above goes to `rejected`."""
    if not any(map(str.strip, chain.from_iterable(first))):
        raise BadInputError(f"{file} is empty.")
    above = count_above(first)
    titles = find_titles(first[above:])
    for row in islice(filter(None, reader), above):
        reject(rejected, file, reader.line_num, row)
    if above:
        what = f"{file}: something stands above the names of the columns."
        messages.append(f"{what} It is in {rejected.name}, not in the database.")
    if any(titles):
        next(filter(None, reader))
    else:
        messages.append(f"{file} seems to have no line with names of columns.")
    return titles


def insert(source: Source, file: Path, titles: list[str], rows: Iterator[list[Any]]) -> None:
    """Make a table of text, and put the batches of rows into it."""
    table = Table(source, f"t{len(source.tables)}", file.stem)
    if len(titles) > (most := source.db.getlimit(sqlite3.SQLITE_LIMIT_COLUMN)):
        message = f"{file.name} has {len(titles):,} columns. A table has {most:,} at most."
        raise BadInputError(message)
    table.columns = [Column(table, f"c{number}", title) for number, title in enumerate(titles)]
    names = ", ".join(f"{column.origin} TEXT" for column in table.columns)
    source.db.execute(f"CREATE TABLE {table.origin} ({names})")
    sql = f"INSERT INTO {table.origin} VALUES ({', '.join('?' * len(titles))})"  # noqa: S608
    for batch in rows:
        table.rows += source.db.executemany(sql, batch).rowcount
    source.tables.append(table)


def even_rows(
    reader: Any, titles: list[str], file: str, rejected: Path, messages: list[str]
) -> Iterator[list[str]]:
    """Make the rows equally long. Those that have too much for it are written to `rejected`."""
    width, short, long = len(titles), list[int](), list[int]()
    needed = max((n for n, title in enumerate(titles, 1) if title), default=width)
    for row in reader:
        if any(row[width:]):
            long.append(reader.line_num)
            reject(rejected, file, reader.line_num, row)
        elif row:
            short += [reader.line_num] * (len(row) < needed)
            yield row if len(row) == width else (row + [""] * width)[:width]
    if short:
        messages.append(f"{file}: too few cells in {in_lines(short)}. The last ones are empty.")
    if long:
        what = f"{file}: too many cells in {in_lines(long)}."
        messages.append(f"{what} These rows are in {rejected.name}, not in the database.")


def reject(rejected: Path, file: str, line: int, row: list[str]) -> None:
    with rejected.open("a", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerow([file, line, *row])


def in_lines(numbers: list[int]) -> str:
    """``line 7``, or ``5,000 rows, in lines 7, 9, ...``."""
    shown = ", ".join(map(str, numbers[:10])) + ", ..." * (len(numbers) > 10)
    return f"line {shown}" if len(numbers) == 1 else f"{len(numbers):,} rows, in lines {shown}"


def find_encoding(file: Path) -> str:
    """The encoding that fits the whole file; raises BadInputError if it is no text."""
    with file.open("rb") as opened:
        start = opened.read(1 << 16)
    if not start.strip():
        raise BadInputError(f"{file.name} is empty.")
    marked = [encoding for mark, encoding in BOMS.items() if start.startswith(mark)]
    zeros = {"utf-16-le": start[1::2].count(0), "utf-16-be": start[::2].count(0)}
    marked += [encoding for encoding, count in zeros.items() if count > len(start) / 4]
    is_foreign = not marked and (b"\0" in start or start.lstrip().startswith(FOREIGN))
    for encoding in () if is_foreign else marked or ("utf-8", "cp1252", "latin-1"):
        if can_decode(file, encoding):
            return encoding
    raise BadInputError(f"{file.name} is not a CSV file. Spreadsheets can be saved as CSV.")


def can_decode(file: Path, encoding: str) -> bool:
    with file.open(encoding=encoding) as text:
        try:
            return all(True for _ in iter(lambda: text.read(1 << 20), ""))
        except UnicodeDecodeError:
            return False


def find_dialect(sample: str) -> dict[str, Any]:
    """The delimiter that divides most lines alike, and the characters for quotes."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter)
        lengths = Counter(len(row) for row in rows if row)
        ((length, count),) = lengths.most_common(1) or [(0, 0)]
        return (length > 1) * count / max(lengths.total(), 1), length

    delimiter = max(",;\t|", key=score)
    edge = re.escape(delimiter)
    is_single = '"' not in sample and re.search(rf"(?m)(^|{edge})'[^'\n]*'({edge}|\r?$)", sample)
    escape = "\\" if '\\"' in sample and '""' not in sample else None
    return {"delimiter": delimiter, "quotechar": "\"'"[bool(is_single)], "escapechar": escape}


def count_above(rows: list[list[str]]) -> int:
    """How many rows stand above the names of the columns, such as the title of a report."""
    ((width, _),) = Counter(map(len, rows)).most_common(1)
    filled = (sum(1 for cell in row if cell.strip()) for row in rows)
    above = sum(1 for _ in takewhile(lambda cells: 2 * cells <= width, filled))
    return above if width > 1 and rows[above + 1 :] and has_titles(*split(rows[above:])) else 0


def split(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The first row and the others, without spaces around the cells."""
    first, *rest = [[cell.strip() for cell in row] for row in rows]
    return first, rest


def find_titles(rows: list[list[str]]) -> list[str]:
    """The names of the columns, empty where there is none: all, if the first row has values."""
    first, rest = split(rows)
    lengths = [max(n for n, cell in enumerate(["", *row]) if cell or not n) for row in rest]
    if not has_titles(first, rest):
        return [""] * Counter([len(first), *lengths]).most_common(1)[0][0]
    missing = [""] * (min(lengths, default=0) - len(first))
    # R leaves out the name of the first column, which has the names of the rows.
    return missing + first if len(missing) == 1 else first + missing


def has_titles(first: list[str], rest: list[list[str]]) -> bool:
    """Whether the first row differs from the values below it."""
    columns = [[row[n] for row in rest if row[n:] and row[n]] for n in range(len(first))]
    pairs = [(cell, column) for cell, column in zip(first, columns, strict=True) if column]
    typed = [VALUE.fullmatch(cell) for cell, column in pairs if all(map(VALUE.fullmatch, column))]
    if typed:
        return not all(typed)
    is_value = any(map(VALUE.fullmatch, first))
    return not is_value and not any(cell and cell in column for cell, column in pairs)
