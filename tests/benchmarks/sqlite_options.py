"""What SQLite's options cost and save, over what djng has under a server.

    python tests/benchmarks/sqlite_options.py

Each option has a database of its own with 60 MB of rows, and they take turns. Prints the median of
the ratios of neighbouring turns: below 1, the option saves time. Then it prints how large the
write-ahead log stays after a long read, and what a connection costs that is not kept.
"""

import contextlib
import random
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

ROUNDS, ROWS = 25, 100_000
DJNG = ["journal_mode = WAL"]
OPTIONS = {
    "the same": [],
    "synchronous = NORMAL": ["synchronous = NORMAL"],
    "journal_size_limit": ["journal_size_limit = 67108864"],
    "mmap_size": ["mmap_size = 134217728"],
    "cache_size": ["cache_size = 2000"],  # pages, as in Rails: 8 MB instead of 2
    "cache_size 64 MB": ["cache_size = -64000"],
}
OPTIONS["all of Rails"] = [each for values in [*OPTIONS.values()][1:-1] for each in values]


def connect(path, pragmas):
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in [*DJNG, *pragmas]:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def fill(connection):
    connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, day INTEGER, text TEXT)")
    connection.execute("CREATE INDEX post_day ON post (day)")
    connection.execute("BEGIN")
    rows = ((n * 7919 % 1000, "x" * 500) for n in range(ROWS))
    connection.executemany("INSERT INTO post (day, text) VALUES (?, ?)", rows)
    connection.execute("COMMIT")


def read_rows(connection, number):
    for _ in range(300):
        number = number * 7919 % ROWS + 1
        connection.execute("SELECT * FROM post WHERE id = ?", [number]).fetchone()


def read_pages(connection, number):
    for day in range(number % 900, number % 900 + 20):
        query = "SELECT * FROM post WHERE day >= ? ORDER BY day LIMIT 20"
        connection.execute(query, [day]).fetchall()


def read_all(connection, number):
    connection.execute("SELECT COUNT(*) FROM post WHERE text LIKE '%y'").fetchone()


def write_rows(connection, number):
    for _ in range(20):
        connection.execute("INSERT INTO post (day, text) VALUES (1, ?)", ["y" * 500])


def write_many(connection, number):
    connection.execute("BEGIN IMMEDIATE")
    for each in range(number, number + 200):
        connection.execute("UPDATE post SET day = day + 1 WHERE id = ?", [each * 31 % ROWS])
    connection.execute("COMMIT")


WORK = {
    "a row": read_rows,
    "a page": read_pages,
    "all rows": read_all,
    "a write": write_rows,
    "200 writes": write_many,
}


def turn(work, connection, number):
    start = time.perf_counter()
    work(connection, number)
    return time.perf_counter() - start


def compare(folder):
    connections = {}
    for index, (name, pragmas) in enumerate({"djng": [], **OPTIONS}.items()):
        connections[name] = connect(folder / f"{index}.sqlite3", pragmas)
        fill(connections[name])
    print(" " * 22 + "".join(f"{name:>11}" for name in WORK))
    ratios = {name: [] for name in OPTIONS}
    for work in WORK.values():
        times = {name: [] for name in connections}
        for _ in range(ROUNDS):
            number = random.randrange(1, ROWS)  # noqa: S311
            for name, connection in connections.items():
                times[name].append(turn(work, connection, number))
        for name in OPTIONS:
            pairs = zip(times[name], times["djng"], strict=True)
            ratios[name].append(statistics.median(a / b for a, b in pairs))
    for name, values in ratios.items():
        print(f"{name:<22}" + "".join(f"{value:11.2f}" for value in values))
    for connection in connections.values():
        connection.close()


def show_log(folder):
    """The size of the write-ahead log after a long read, and after the next write."""
    for name in ("the same", "journal_size_limit"):
        path = folder / f"{name[:3]}-log.sqlite3"
        writer, reader = connect(path, OPTIONS[name]), connect(path, [])
        with contextlib.closing(writer), contextlib.closing(reader):
            fill(writer)
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM post").fetchone()
            for number in range(1, ROWS, 200):
                write_many(writer, number)
            reader.execute("COMMIT")
            for number in range(1, 2000, 200):
                write_many(writer, number)
            size = Path(f"{path}-wal").stat().st_size / 2**20
        print(f"after a long read, with {name}: {size:.0f} MB")


def show_opening(folder):
    """What a read and a write cost with a connection that is kept, and with one for each."""
    for mode in ("DELETE", "WAL"):
        path = folder / f"{mode}.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, day INTEGER)")
            for query in ("SELECT * FROM post LIMIT 20", "INSERT INTO post (day) VALUES (1)"):
                kept = [run(connection, query) for _ in range(200)]
                show(mode, query, "kept", kept)
        for query in ("SELECT * FROM post LIMIT 20", "INSERT INTO post (day) VALUES (1)"):
            show(mode, query, "opened", [open_and_run(path, query) for _ in range(200)])


def show(mode, query, how, times):
    print(f"{mode:<6} {query[:6]} {how:<6} {1e6 * statistics.median(times):6.0f} µs")


def open_and_run(path, query):
    start = time.perf_counter()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        run(connection, query)
    return time.perf_counter() - start


def run(connection, query):
    start = time.perf_counter()
    connection.execute(query).fetchall()
    connection.commit()
    return time.perf_counter() - start


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name))
        show_log(Path(name))
        show_opening(Path(name))
