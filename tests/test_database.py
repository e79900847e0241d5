"""SQLite under servers: no request fails because of a lock, and no saved row is lost."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Site, environment

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


@app.get("/unfinished/")
def unfinished(request):
    transaction.set_autocommit(False)
    Entry.objects.create(text="unfinished")
    return "a row that is not committed"


@app.get("/mode/")
def mode(request):
    with connection.cursor() as cursor:
        (found,) = cursor.execute("PRAGMA journal_mode").fetchone()
    return f"{found} {id(connection.connection)}"
"""
ONE = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
FOUR = ("-m", "gunicorn", "--workers=4", "--threads=4", "--bind", "127.0.0.1:PORT", "blog:app")
UVICORN = ("-m", "uvicorn", "--port", "PORT", "blog:app")
SERVE = ("blog.py", "serve", "--port", "PORT")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("migrated")).write(SITE)
    site.succeed("makemigrations")
    site.succeed("migrate")
    return site


@pytest.fixture
def files(migrated, site):
    """A copy of the migrated site."""
    shutil.copytree(migrated.folder, site.folder, dirs_exist_ok=True)
    return site


@pytest.fixture(scope="module")
def busy(migrated, tmp_path_factory):
    """A site that four workers serve."""
    site = Site(tmp_path_factory.mktemp("busy"))
    shutil.copytree(migrated.folder, site.folder, dirs_exist_ok=True)
    with site.serve(*FOUR) as server:
        server.site = site
        yield server


def integrity(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA integrity_check").fetchone()[0]


@pytest.mark.parametrize("command", [ONE, UVICORN, (*SERVE, "--threads", "1")])
def test_connections_are_kept_and_use_a_write_ahead_log(files, command):
    with files.serve(*command) as server:
        pages = {server.request("/mode/").text for _ in range(20)}
        assert server.request("/unfinished/").status == 200
        assert server.request("/entries/", "POST", "saved").status == 200
        assert server.request("/entries/").text == '["saved"]'
    assert len(pages) < 5  # a request may begin before the connection of the last one is back
    assert all(page.startswith("wal ") for page in pages)


def test_a_child_process_uses_no_connection_of_its_parent(files):
    files.shell("""
        import os
        from django.db import connection

        def take():
            connection.ensure_connection()
            taken = connection.connection
            connection.close()
            return taken

        blog.app.wsgi
        assert take() is (first := take())
        if not (child := os.fork()):
            os._exit(take() is first)
        assert os.waitpid(child, 0)[1] == 0
        assert take() is first
    """)


PRAGMAS = """
    from django.db import connection
    blog.app.wsgi
    names = ["journal_mode", "synchronous", "mmap_size", "journal_size_limit"]
    with connection.cursor() as cursor:
        print(*[cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names])
"""


def test_a_write_is_on_the_disk_before_the_answer(files):
    assert files.shell(PRAGMAS) == "wal 2 134217728 16777216"


def test_an_option_of_the_database_wins(files):
    url = "sqlite:///blog.sqlite3?init_command=PRAGMA+synchronous=NORMAL;PRAGMA+mmap_size=0"
    assert files.shell(PRAGMAS, DATABASE_URL=url) == "wal 1 0 16777216"


def test_the_log_of_a_long_read_does_not_stay_on_the_disk(files):
    done = files.shell("""
        import os, sqlite3
        blog.app.wsgi
        blog.Entry.objects.create(text="first")
        reader = sqlite3.connect("blog.sqlite3")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM blog_entry").fetchone()
        for number in range(40):
            blog.Entry.objects.create(text=f"{number}" + "x" * 1_000_000)
        during = os.path.getsize("blog.sqlite3-wal")
        reader.rollback()
        for number in range(3):
            blog.Entry.objects.create(text=f"after {number}")
        print(during > 40_000_000, os.path.getsize("blog.sqlite3-wal") <= 2**24)
    """)
    assert done == "True True"


def test_a_test_that_calls_the_site_keeps_its_transaction(files):
    files.put(
        "tests.py",
        """
        from wsgiref.util import setup_testing_defaults
        from django.test import TestCase
        import blog

        class Tests(TestCase):
            def test_row(self):
                blog.Entry.objects.create(text="of the test")
                environ = {"PATH_INFO": "/entries/", "HTTP_HOST": "localhost"}
                setup_testing_defaults(environ)
                page = b"".join(blog.app(environ, lambda status, headers: None))
                self.assertEqual(page, b'["of the test"]')
        """,
    )
    done = files.run("test")
    assert "Ran 1 test" in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_users_own_databases_stay_as_they_are(files):
    own = '{"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3"}}'
    files.edit("Djng()", f"Djng(DATABASES={own})")
    mode = files.shell("""
        from wsgiref.util import setup_testing_defaults
        environ = {"PATH_INFO": "/mode/", "HTTP_HOST": "localhost"}
        setup_testing_defaults(environ)
        print(b"".join(blog.app(environ, lambda status, headers: None)).decode())
    """)
    assert mode.startswith("delete ")


def test_sixteen_writers_on_four_workers_lose_nothing(busy):
    with ThreadPoolExecutor(16) as clients:
        pages = [*clients.map(lambda _: busy.request("/count/", "POST"), range(200))]
    assert {page.status for page in pages} == {200}
    assert sorted(int(page.text) for page in pages) == [*range(1, 201)]
    assert integrity(busy.site.folder / "blog.sqlite3") == "ok"


@pytest.mark.parametrize("command", [UVICORN, (*SERVE, "--asgi", "--workers", "2")])
def test_writers_under_asgi_wait_for_each_other_and_for_no_reader(files, command):
    path = files.folder / "blog.sqlite3"
    with files.serve(*command) as server, contextlib.closing(sqlite3.connect(path)) as reader:
        assert server.request("/count/", "POST").text == "1"
        reader.execute("BEGIN")
        assert reader.execute("SELECT number FROM blog_counter").fetchone() == (1,)
        with ThreadPoolExecutor(16) as clients:
            pages = [*clients.map(lambda _: server.request("/count/", "POST"), range(100))]
        assert reader.execute("SELECT number FROM blog_counter").fetchone() == (1,)
    assert {page.status for page in pages} == {200}
    assert sorted(int(page.text) for page in pages) == [*range(2, 102)]


class Writers:
    """Write rows without a pause while the block runs. `rows` are those that the site has saved."""

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
        """A worker that has just saved a row."""
        self.workers.clear()
        while not self.workers:
            assert not any(each.done() for each in self.writing)  # one has got another answer
            time.sleep(0.02)
        return next(iter(self.workers))


def test_a_backup_is_complete_while_the_site_writes(busy):
    with Writers(busy, "xy") as writers:
        writers.worker()
        before = {*writers.rows}
        assert busy.site.succeed("backup", "copy.sqlite3") == "Wrote copy.sqlite3.\n"
    copy = busy.site.folder / "copy.sqlite3"
    with contextlib.closing(sqlite3.connect(copy)) as database:
        kept = {text for (text,) in database.execute("SELECT text FROM blog_entry")}
    assert before <= kept
    assert integrity(copy) == "ok"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_killed_workers_lose_no_saved_row(busy):
    killed = set()
    with Writers(busy, "abcd") as writers:
        while len(killed) < 12:
            if (worker := writers.worker()) not in killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
    kept = set(json.loads(busy.request("/entries/").text))
    assert len(writers.rows) >= len(killed)
    assert writers.rows <= kept
    assert integrity(busy.site.folder / "blog.sqlite3") == "ok"


def test_a_full_disk_is_an_error_and_loses_nothing(files):
    """For this server the folder `data` is a disk of 600 KB."""
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
    """Runs a command that can neither write to the database nor create a file beside it."""
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv here to drop root's privileges")
    files.put("blog.secret", "kept").put("server.log", "")
    (files.folder / "blog.sqlite3").chmod(0o444)
    files.folder.chmod(0o555)
    yield ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
    files.folder.chmod(0o755)


def test_a_read_only_database_can_be_read_and_a_write_says_what_to_do(files, read_only):
    with files.serve(*ONE, under=read_only) as server:
        assert server.request("/entries/").text == "[]"
        assert server.request("/entries/", "POST", "text").status == 500
    assert "OperationalError: attempt to write a readonly database" in server.log()
    assert "Let the server write to blog.sqlite3 and to its folder." in server.log()


@pytest.fixture
def without_key(files, read_only):
    """Runs Python in a folder that can be read only and has no secret key."""
    os.unlink(files.folder / "blog.secret")
    yield lambda *arguments: subprocess.run(
        [*read_only, sys.executable, *arguments],
        cwd=files.folder,
        env=environment(PYTHONDONTWRITEBYTECODE="1", DJANGO_SETTINGS_MODULE="blog.settings"),
        capture_output=True,
        text=True,
        timeout=60,
    )


KEYLESS = "blog.py:3: the secret key cannot be read or saved: [Errno 13] Permission denied: "


@pytest.mark.parametrize(
    "command", ["-m gunicorn -b 127.0.0.1:0 blog:app", "blog.py serve", "blog.py"]
)
def test_a_server_that_cannot_save_the_secret_key_does_not_start(without_key, command):
    done = without_key(*command.split())
    assert done.returncode != 0
    assert KEYLESS in done.stderr
    assert "Set DJANGO_SECRET_KEY, or let the site write and read blog.secret." in done.stderr


@pytest.mark.parametrize(
    ("command", "says"), [("check", False), ("-m django check", False), ("showmigrations", True)]
)
def test_a_command_does_without_a_secret_key(without_key, command, says):
    words = command.split()
    done = without_key(*(words if words[0] == "-m" else ["blog.py", *words]))
    assert (done.returncode, done.stderr.startswith(KEYLESS)) == (0, says)


def test_a_command_that_signs_says_what_to_set(files, without_key):
    files.folder.chmod(0o755)
    sign = "@app.command\ndef work():\n    from django.core import signing\n    signing.dumps(1)\n"
    files.edit('@app.get("/mode/")', f'{sign}\n\n@app.get("/mode/")')
    files.folder.chmod(0o555)
    done = without_key("blog.py", "work")
    assert done.stderr.startswith(KEYLESS)
    assert "The SECRET_KEY setting must not be empty." in done.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("blog.sqlite3", "blog.sqlite3 is there already. Choose another name."),
        ("blog.py", "blog.py is there already. Choose another name."),
        ("link", "link is there already. Choose another name."),
        ("missing/copy.sqlite3", "missing/copy.sqlite3 is not written: No such file or directory."),
        ("long" * 99, f"{'long' * 99} is not written: File name too long."),
        ("", ". is a folder. Name a new file: python blog.py backup monday.sqlite3"),
        (".", ". is a folder. Name a new file: python blog.py backup monday.sqlite3"),
        ("a b", "a b is a folder. Name a new file: python blog.py backup 'a b/monday.sqlite3'"),
    ],
)
def test_backup_overwrites_no_file(files, name, says):
    (files.folder / "a b").mkdir()
    (files.folder / "link").symlink_to(files.folder / "elsewhere")
    before = {path: path.read_bytes() for path in files.folder.glob("blog.*")}
    done = files.run("backup", name)
    assert done.returncode == 1
    assert done.stderr == f"CommandError: {says}\n"
    assert {path: path.read_bytes() for path in files.folder.glob("blog.*")} == before
    assert not [path for path in files.files() if path.startswith((".", "elsewhere"))]


def test_backup_needs_no_hard_links(files):
    files.edit("import os\n", "import os\nos.link = None\n").succeed("backup", "copy.sqlite3")
    assert integrity(files.folder / "copy.sqlite3") == "ok"


def test_a_backup_that_is_told_to_end_leaves_nothing(files):
    """Nobody else can read the draft, either."""
    with contextlib.closing(sqlite3.connect(files.folder / "blog.sqlite3")) as database:
        database.execute("CREATE TABLE big AS SELECT zeroblob(60000000)")
        database.commit()
    before, ended = files.files(), None
    while ended != 1:  # a quick backup is complete before it is told
        command = [sys.executable, "blog.py", "backup", "copy.sqlite3"]
        process = subprocess.Popen(command, cwd=files.folder, env=environment())
        while process.poll() is None and not (drafts := [*files.folder.glob(".*")]):
            pass
        with contextlib.suppress(FileNotFoundError):
            modes = {path.stat().st_mode & 0o777 for path in drafts}
        process.terminate()
        ended = process.wait(timeout=60)
        (files.folder / "copy.sqlite3").unlink(missing_ok=True)
    assert modes == {0o600}
    assert files.files() == before


def test_backup_refuses_an_empty_site(site):
    done = site.write("").run("backup", "copy.sqlite3")
    assert done.stderr == "CommandError: There is nothing in blog.sqlite3 yet.\n"
    assert site.files() == ["blog.py"]


@pytest.mark.parametrize("suffix", ["wal", "shm", "journal"])
def test_backup_takes_no_name_that_sqlite_would_delete(files, suffix):
    done = files.run("backup", f"blog.sqlite3-{suffix}")
    assert "is a name that SQLite itself uses" in done.stderr
