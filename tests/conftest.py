"""The example blog is the site of this process; every other site runs in a process of its own."""

import compileall
import contextlib
import copy
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from visitor import Visitor

ROOT = Path(__file__).parent.parent


def environment(**variables):
    """The environment without what would change a site, and with the variables."""
    foreign = ("DJANGO_", "DATABASE_URL", "CACHE_URL", "REDIS_URL", "PORT")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


# Who runs the tests may ignore these, as nohup does. Then the processes of the tests would, too.
for number, handler in {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
}.items():
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

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

    def edit(self, old, new, name="blog.py"):
        """Replace what stands in a file, as an editor does."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return self

    def develop(self, *arguments, **variables):
        """Run the site as its developer does, ``python blog.py``, while the block runs."""
        return self.serve("blog.py", *arguments, **{"PORT": "PORT", **variables})

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

    def fork(self, *args, cwd=None, **variables):
        """Like `python`, but in a fork of a process that has imported Django: that is quicker."""
        return ForkServer.run([*map(str, args)], str(cwd or self.folder), environment(**variables))

    def run(self, *args, **options):
        """Run ``python blog.py`` with the arguments."""
        return self.fork("blog.py", *args, **options)

    def succeed(self, *args, **options):
        """Run ``python blog.py`` with the arguments and return what it prints."""
        done = self.run(*args, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code, **options):
        """Run the code after ``import blog``, as another file would, and return what it prints."""
        done = self.fork("-c", f"import blog\n{textwrap.dedent(code)}", **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def files(self):
        """What is on the disk, without what Python itself leaves there."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return sorted(str(path) for path in found if "__pycache__" not in path.parts)

    def serve(self, *command, under=(), **variables):
        """Serve the site while the block runs, by default with ``python blog.py runserver``.

        `under` is a command that runs that one.
        """
        port = free_port()
        command = command or ("blog.py", "runserver", "--noreload", "PORT")
        arguments = [part.replace("PORT", str(port)) for part in command]
        variables = {name: value.replace("PORT", str(port)) for name, value in variables.items()}
        return serving([*under, sys.executable, *arguments], self.folder, port, variables)


class ForkServer:
    """The process of this worker that has imported Django; it ends with its standard input."""

    process = None

    @classmethod
    def start(cls):
        command = [sys.executable, "-W", "error", ROOT / "tests/forkserver.py"]
        pipe = subprocess.PIPE
        cls.process = subprocess.Popen(
            command, env=environment(), stdin=pipe, stdout=pipe, text=True
        )
        assert cls.process.stdout.readline() == "ready\n"

    @classmethod
    def run(cls, args, cwd, env):
        if cls.process is None:
            cls.start()
        with tempfile.TemporaryDirectory() as folder:
            files = [os.devnull, f"{folder}/stdout", f"{folder}/stderr"]
            request = {"args": args, "cwd": cwd, "env": env, "files": files}
            cls.process.stdin.write(f"{json.dumps(request)}\n")
            cls.process.stdin.flush()
            code = int(cls.process.stdout.readline())
            output = [Path(name).read_text() for name in files[1:]]
        return subprocess.CompletedProcess(args, code, *output)

    @classmethod
    def stop(cls):
        if cls.process:
            cls.process.stdin.close()
            cls.process.stdout.close()
            cls.process.wait(timeout=20)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # once, and not in each worker
        compileall.compile_dir(ROOT / "djng", quiet=1)


def pytest_sessionfinish():
    ForkServer.stop()


@contextlib.contextmanager
def serving(command, folder, port, variables, patience=20, host="127.0.0.1"):
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
            wait_for(host, port, process, log, patience)
            yield Server(port, log, process.pid)
        finally:
            end(process)


def end(process, patience=20):
    """End a process and those that it has started, and fail if they don't end by themselves."""
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


class Server:
    def __init__(self, port, log, pid):
        self.port, self.log, self.pid = port, log.read_text, pid

    def request(self, *args, **options):
        return request(self.port, *args, **options)

    @contextlib.contextmanager
    def open(self, path, wait=True):
        """A GET whose answer is read while the block runs, or is not waited for."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            yield connection.getresponse() if wait else time.sleep(0.5)

    def until(self, condition, path="/", patience=12, **options):
        """Ask until the answer is such that the condition holds, and return it."""
        end, answer = time.monotonic() + patience, None
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.request(path, **options)
                if condition(answer):
                    return answer
            time.sleep(0.05)
        raise AssertionError(f"{answer and answer.text[:500]}\n{self.log()[-2000:]}")

    def shows(self, text, path="/", **options):
        """Wait until the page has that text."""
        return self.until(lambda answer: text in answer.text, path, **options)

    def says(self, text, patience=12):
        """Wait until the terminal has that text, and return all that it has."""
        end = time.monotonic() + patience
        while text not in self.log() and time.monotonic() < end:
            time.sleep(0.05)
        assert text in self.log(), self.log()[-2000:]
        return self.log()


def wait_for(host, port, process, log, patience):
    for _ in range(patience * 20):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection((host, port)):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def request(port, path, method="GET", body=None, **headers):
    """One request to a real server; returns status, headers and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
    return SimpleNamespace(status=response.status, headers=response.headers, text=text)


class Page:
    """A page in a real browser, which is driven through the pipe that it has for that."""

    def __init__(self, process, commands, answers):
        self.process, self.commands, self.answers = process, commands, answers
        self.number = 0

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != self.number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def read(self):
        text = bytearray()
        while (byte := os.read(self.answers, 1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        return json.loads(text)

    def open(self, url, new_window=False):
        target = self.call("Target.createTarget", url=url, newWindow=new_window)["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = copy.copy(self)
        page.target, page.session = target, attached["sessionId"]
        return page

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", self.session, expression=script, awaitPromise=True)
        return answer["result"].get("value")

    def shows(self, text, patience=12):
        """Whether the page comes to have the text that a reader would see."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # it is between two pages
                if text in (self.evaluate("document.body.innerText") or ""):
                    return True
            time.sleep(0.05)
        return False

    def until(self, script, value, patience=12):
        """Wait until the script has the value."""
        end, seen = time.monotonic() + patience, None
        while seen != value and time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # it is between two pages
                seen = self.evaluate(script)
            time.sleep(0.05)
        assert seen == value
        return True


@contextlib.contextmanager
def chromium(folder):
    """A chromium of its own, which ends with the block. Yields the function that opens a page."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("there is no chromium here")
    options = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"]
    options += ["disable-background-networking", "disable-component-update", "disable-sync"]
    options += ["remote-debugging-pipe", f"user-data-dir={folder / 'chromium'}"]
    (read, commands), (answers, write) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash", program]
        + [f"--{option}" for option in options],
        pass_fds=(read, write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read)
    os.close(write)
    page = Page(process, commands, answers)
    try:
        yield page.open
    finally:
        with contextlib.suppress(AssertionError):
            page.call("Browser.close")
        process.wait(timeout=20)
        os.close(commands)
        os.close(answers)


@pytest.fixture
def browser(tmp_path):
    """Opens a page in a chromium that ends with the test."""
    with chromium(tmp_path) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def module_browser(tmp_path_factory):
    """Opens a page in a chromium that the tests of a module share."""
    with chromium(tmp_path_factory.mktemp("browser")) as open_page:
        yield open_page


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def visitor(server):
    return Visitor(server)


@pytest.fixture
def another(server):
    return Visitor(server)


@pytest.fixture
def app():
    return blog.app
