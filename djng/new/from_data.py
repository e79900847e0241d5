"""``djng new shop.py --from data.csv``: write a site for data that exists, with the data in it.

All is made in a temporary folder beside the site and moved out of it at the end, so that an error
leaves nothing behind.
"""

import os
import re
import secrets
import shlex
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from django.core.management import CommandError
from django.db import Error
from django.utils.text import camel_case_to_spaces

from djng.new import ignore_in_git, site_file, way_out
from djng.new.csv_files import read_csv_files
from djng.new.field_types import NO_VALUES, decide_field
from djng.new.loading import create_database, load_rows
from djng.new.names import name_columns, name_relations, name_tables
from djng.new.relations import find_relations
from djng.new.site_code import site_code
from djng.new.sqlite_files import is_sqlite, open_sqlite_file, read_sqlite_file
from djng.new.tables import BadInputError, Source

ELSEWHERE = ("DATABASE_URL", "DJANGO_DATA")
CSV = (".csv", ".tsv", ".tab")
NAMES = ("/migrations", ".sqlite3", "-left-out.csv", ".py")


def new_from_data(name: str, sources: list[str], *, in_place: bool) -> str:
    """Write a site for CSV files or an SQLite database; return what to do with it."""
    file, hint = site_file(name), "Nothing is written."
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_place(file)
        return report(file, make(file, find_files(sources), in_place))
    except BadInputError as error:
        what = str(error)
    except (sqlite3.Error, Error, CommandError) as error:
        is_damaged = re.search("malformed|not a database", str(error))
        what = f"{sources[0]} cannot be read" if is_damaged else f"{file} is not written"
        what = f"{what}: {error}."
    except OSError as error:
        what = f"{file} is not written: {error.strerror}: {error.filename}."
        hint = way_out(error, file)
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing is written.")
    sys.exit(f"{what}\n  {hint}")


def make(file: Path, files: list[Path], in_place: bool) -> Source:
    """Make everything in a folder of its own, which is gone in any case at the end."""
    folder = file.parent / f".djng-{secrets.token_hex(8)}"
    try:  # from its first moment on, since the user may stop the command at any
        folder.mkdir(0o700)
        source = build(file, folder, files, in_place)
        for ending in NAMES:
            if (made := folder / f"{file.stem}{ending}").exists():
                path = place(file, ending)
                path.parent.mkdir(exist_ok=True)
                made.rename(path)
        return source
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(file: Path, ending: str) -> Path:
    return Path(f"{file.with_suffix('')}{ending}")


def report(file: Path, source: Source) -> str:
    """What is made, what was wrong with the data, and what was guessed."""
    first, *others = sorted(source.tables, key=lambda table: -table.rows)
    more = f" and {len(others)} more table{'s' * (len(others) > 1)}" * bool(others)
    what = first.plural if first.rows != 1 else camel_case_to_spaces(first.model)
    rows = f"{first.rows:,} {what}{more}"
    lines = [f"Wrote {file}, with {rows}. Run it: python {shlex.quote(str(file))}"]
    lines += source.messages
    if any(c.note.startswith("A guess") for table in source.tables for c in table.columns):
        lines.append(f"Comments in {file.name} say what is a guess.")
    return "\n".join(filter(None, [*lines, ignore_in_git(file.parent)]))


def check_place(file: Path) -> None:
    """Raise BadInputError if something is there already, or if the site would not find its data."""
    for path in (place(file, ending) for ending in NAMES):
        if path.exists():
            raise BadInputError(f"{path} exists. Choose another name.")
    for variable in filter(os.environ.get, ELSEWHERE):
        message = f"{variable} is set, so the site would not use {file.stem}.sqlite3. Unset it."
        raise BadInputError(message)


def find_files(sources: list[str]) -> list[Path]:
    """The files that are named, and the CSV files of the folders that are named."""
    files = []
    for path in map(Path, sources):
        if not path.exists():
            raise BadInputError(f"{path} does not exist.")
        inside = (each for each in sorted(path.glob("*")) if each.suffix.lower() in CSV)
        found = [*inside] if path.is_dir() else [path]
        if not found:
            raise BadInputError(f"{path} has no CSV files.")
        files += found
    return files


def build(file: Path, folder: Path, files: list[Path], in_place: bool) -> Source:
    """Make everything in the folder: the file, its database and its first migration."""
    has_sqlite = any(map(is_sqlite, files))
    if has_sqlite and len(files) > 1:
        raise BadInputError("An SQLite database can only be the one source of a site.")
    if in_place and not has_sqlite:
        raise BadInputError("--in-place is for an SQLite database.")
    cells, rejected = folder / "cells.sqlite3", folder / f"{file.stem}-left-out.csv"
    with closing(open_sqlite_file(files[0]) if has_sqlite else sqlite3.connect(cells)) as db:
        if has_sqlite:
            source = read_sqlite_file(files[0], db, in_place=in_place)
        else:
            source = read_csv_files(files, db, rejected)
        decide(source)
        os.environ["DJANGO_SECRET_KEY"] = secrets.token_hex()  # so that none is saved here
        (folder / file.name).write_text(site_code(source, file), encoding="utf-8")
        site = create_database(folder / file.name)
        if not in_place:
            load_rows(source, site, folder / f"{file.stem}.sqlite3")
    return source


def decide(source: Source) -> None:
    """Give every table its model and every column its field."""
    name_tables(source.tables)
    find_relations(source)
    for table in source.tables:
        name_columns(table)
    for table in source.tables:
        for column in table.columns:
            decide_field(column)
        table.columns = [c for c in table.columns if c.title or c.note != NO_VALUES]
    name_relations([table for table in source.tables if not table.is_link or source.in_place])
