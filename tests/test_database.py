"""SQLite under servers: nothing fails for a lock, nothing that was acknowledged is lost."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

SITE = """
import os
from django.db import connection, models, transaction
from django.views.decorators.csrf import csrf_exempt


class Counter(models.Model):
    number = models.IntegerField(default=0)


class Entry(models.Model):
    text = models.TextField(unique=True)


@app.post("/count/")
@csrf_exempt
def count(request):
    with transaction.atomic():
        counter, _ = Counter.objects.get_or_create(pk=1)
        counter.number += 1
        counter.save()
    return str(counter.number)


@app.post("/entries/")
@csrf_exempt
def add(request):
    Entry.objects.create(text=request.body.decode())
    return str(os.getpid())


@app.get("/entries/")
def entries(request):
    return [*Entry.objects.values_list("text", flat=True)]


@app.get("/mode/")
def mode(request):
    with connection.cursor() as cursor:
        (found,) = cursor.execute("PRAGMA journal_mode").fetchone()
    return f"{found} {id(connection.connection)}"
"""
ONE = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
FOUR = ("-m", "gunicorn", "--workers=4", "--threads=4", "--bind", "127.0.0.1:PORT", "blog:app")


@pytest.fixture
def files(site):
    site.write(SITE)
    site.succeed("makemigrations")
    site.succeed("migrate")
    return site


def integrity(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA integrity_check").fetchone()[0]


def test_connections_are_kept_and_write_ahead(files):
    with files.serve(*ONE) as server:
        pages = {server.request("/mode/").text for _ in range(3)}
    assert len(pages) == 1
    assert pages.pop().startswith("wal ")


def test_connections_end_with_their_request_under_asgi(files):
    with files.serve("-m", "uvicorn", "--port", "PORT", "blog:app") as server:
        assert server.request("/mode/").text.startswith("delete ")


def test_databases_of_the_users_own_are_left_as_they_are(files):
    source = (files.folder / "blog.py").read_text()
    own = '{"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3"}}'
    files.put("blog.py", source.replace("Djng()", f"Djng(DATABASES={own})"))
    with files.serve(*ONE) as server:
        assert server.request("/mode/").text.startswith("delete ")


def test_sixteen_writers_on_four_workers_lose_nothing(files):
    with files.serve(*FOUR) as server, ThreadPoolExecutor(16) as clients:
        pages = [*clients.map(lambda _: server.request("/count/", "POST"), range(400))]
    assert {page.status for page in pages} == {200}
    assert sorted(int(page.text) for page in pages) == [*range(1, 401)]
    assert integrity(files.folder / "blog.sqlite3") == "ok"


class Writers:
    """Write rows without a pause while the block runs; those that were acknowledged are `rows`."""

    def __init__(self, server, names):
        self.server, self.names = server, names
        self.rows, self.workers = set(), set()
        self.done = threading.Event()

    def __enter__(self):
        self.pool = ThreadPoolExecutor(len(self.names))
        self.writing = [self.pool.submit(self.write, name) for name in self.names]
        return self

    def __exit__(self, *error):
        self.done.set()
        self.pool.shutdown()
        for each in self.writing:
            each.result()

    def write(self, name):
        for number in itertools.count(1):
            if self.done.is_set():
                return
            with contextlib.suppress(OSError, http.client.HTTPException):
                page = self.server.request("/entries/", "POST", f"{name}-{number}")
                assert page.status == 200, self.server.log()
                self.rows.add(f"{name}-{number}")
                self.workers.add(int(page.text))

    def worker(self):
        """One that has written something since it was last asked for."""
        self.workers.clear()
        while not self.workers:
            time.sleep(0.02)
        return next(iter(self.workers))


def test_workers_that_are_killed_lose_nothing_that_was_acknowledged(files):
    with files.serve(*FOUR) as server:
        with Writers(server, "abcd") as writers:
            killed = set()
            while len(killed) < 20:
                if (worker := writers.worker()) not in killed:
                    os.kill(worker, signal.SIGKILL)
                    killed.add(worker)
        kept = set(json.loads(server.request("/entries/").text))
    assert len(writers.rows) > 20
    assert writers.rows <= kept
    assert integrity(files.folder / "blog.sqlite3") == "ok"


def test_a_full_disk_is_an_error_and_loses_nothing(files):
    """The folder `data` is a disk of its own for this server, of 600 KB."""
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare here to mount a disk")
    (files.folder / "data").mkdir()
    mount = 'mount -t tmpfs -o size=600k none data && "$0" blog.py migrate -v0 && exec "$0" "$@"'
    under = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount)
    with files.serve(*ONE, under=under, DATABASE_URL="sqlite:///data/blog.sqlite3") as server:
        kept = 0
        while server.request("/entries/", "POST", f"{kept} {'x' * 9000}").status == 200:
            kept += 1
        assert server.request("/entries/").text.count('xxx"') == kept > 10
    assert "OperationalError: database or disk is full\n  Make room on the disk." in server.log()


@pytest.fixture
def read_only(files):
    """What runs a command that may not write to the database, nor make a file beside it."""
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv here to do without root's powers")
    files.put("blog.secret", "kept").put("server.log", "")
    (files.folder / "blog.sqlite3").chmod(0o444)
    files.folder.chmod(0o555)
    yield ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
    files.folder.chmod(0o755)


def test_a_read_only_database_is_read_and_says_so(files, read_only):
    with files.serve(*ONE, under=read_only) as server:
        assert server.request("/entries/").text == "[]"
        assert server.request("/entries/", "POST", "text").status == 500
    assert "OperationalError: attempt to write a readonly database" in server.log()
    assert "Let the server write to blog.sqlite3 and to its folder." in server.log()


def test_a_folder_that_cannot_hold_the_secret_is_an_error(files, read_only):
    os.unlink(files.folder / "blog.secret")
    with files.serve(*ONE, under=read_only) as server:
        assert server.request("/entries/").status == 500
    assert "the secret key cannot be saved: [Errno 13] Permission denied" in server.log()


def test_a_backup_is_whole_while_the_site_is_written_to(files):
    with files.serve(*FOUR) as server, Writers(server, "ab") as writers:
        writers.worker()
        before = {*writers.rows}
        assert files.succeed("backup", "copy.sqlite3") == "Wrote copy.sqlite3.\n"
    copy = files.folder / "copy.sqlite3"
    with contextlib.closing(sqlite3.connect(copy)) as database:
        kept = {text for (text,) in database.execute("SELECT text FROM blog_entry")}
    assert before <= kept
    assert integrity(copy) == "ok"
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["blog.sqlite3", "blog.py", "missing/copy.sqlite3"])
def test_a_backup_is_written_over_nothing(files, name):
    before = {path: path.read_bytes() for path in files.folder.glob("blog.*")}
    done = files.run("backup", name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: {name} is not written: ")
    assert {path: path.read_bytes() for path in files.folder.glob("blog.*")} == before
    assert not [path for path in files.files() if path.startswith(".")]


def test_there_is_no_backup_of_nothing(site):
    done = site.write("").run("backup", "copy.sqlite3")
    assert done.stderr == "CommandError: There is nothing in blog.sqlite3 yet.\n"
    assert site.files() == ["blog.py"]
