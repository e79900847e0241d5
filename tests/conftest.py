"""The example blog is the site of this process; every other site runs in a process of its own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent


def environment(**variables):
    """The environment without what would change a site, and with the variables."""
    foreign = ("DJANGO_", "DATABASE_URL", "CACHE_URL", "REDIS_URL", "PORT")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


# A key of the tests' own, so that they leave no file in the examples.
own = environment(DJANGO_SECRET_KEY="tests" * 10)
os.environ.clear()
os.environ.update(own)

import blog  # noqa: E402  # it configures Django, which pytest-django waits for


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """A folder with a file in it that is a site."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, source, name="blog.py"):
        """Write a site; the lines that every site has are added where the source lacks them."""
        source = textwrap.dedent(source)
        if "import Djng" not in source:
            source = f"from djng import Djng\n\napp = Djng()\n\n{source}"
        return self.put(name, f'{source}\n\nif __name__ == "__main__":\n    app.run()\n')

    def put(self, name, text):
        """Write any file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return self

    def python(self, *args, cwd=None, stdin=None, **variables):
        """Run Python in the folder, warnings being errors, and return the finished process."""
        return subprocess.run(
            [sys.executable, "-W", "error", *args],
            cwd=cwd or self.folder,
            env=environment(**variables),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def run(self, *args, **options):
        """Run ``python blog.py`` with the arguments."""
        return self.python("blog.py", *args, **options)

    def succeed(self, *args, **options):
        """Run ``python blog.py`` with the arguments and return what it prints."""
        done = self.run(*args, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code, **options):
        """Run the code after ``import blog``, as another file would, and return what it prints."""
        done = self.python("-c", f"import blog\n{textwrap.dedent(code)}", **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def files(self):
        """What is on the disk, without what Python itself leaves there."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return sorted(str(path) for path in found if "__pycache__" not in path.parts)

    def serve(self, *command, **variables):
        """Serve the site while the block runs, by default with ``python blog.py runserver``."""
        port = free_port()
        command = command or ("blog.py", "runserver", "--noreload", "PORT")
        arguments = [part.replace("PORT", str(port)) for part in command]
        variables = {name: value.replace("PORT", str(port)) for name, value in variables.items()}
        return serving([sys.executable, *arguments], self.folder, port, variables)


@contextlib.contextmanager
def serving(command, folder, port, variables, patience=20):
    """A process that serves on the port, from when it answers until the block ends."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**variables),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_for(port, process, log, patience)
            yield SimpleNamespace(
                port=port, log=log.read_text, request=lambda *a, **k: request(port, *a, **k)
            )
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def wait_for(port, process, log, patience):
    for _ in range(patience * 20):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def request(port, path, method="GET", body=None, **headers):
    """One request to a real server; returns status, headers and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return SimpleNamespace(status=response.status, headers=response.headers, text=text)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def app():
    return blog.app
