"""The development server goes on, whatever the file and the terminal do to its processes."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from select import select
from threading import Event

import pytest
from conftest import Server, end, environment, free_port, request

HEAD = "from djng import Djng\n\napp = Djng()\n\n"


def view(answer):
    """A site whose view answers with the expression."""
    return f"@app.get('/')\ndef index(request):\n    return {answer}\n"


PID = "import os\n" + view("str(os.getpid())")


@pytest.fixture(params=["fork", "no fork"])
def options(request):
    return ["runserver", "PORT", *["--no-fork"] * (request.param == "no fork")]


def with_head(head, rest):
    """A site with lines above ``app = Djng()``."""
    return f"{head}\n{HEAD}{rest}"


def wait_until(condition, patience=12):
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def is_running(pid):
    return os.path.exists(f"/proc/{pid}")


def test_each_change_is_served_by_another_process_of_the_same_parent(site, options):
    site.write("import os\n" + view("f'{os.getpid()} {os.getppid()} one'"))
    with site.develop(*options) as server:
        first, parent, _ = server.shows("one").text.split()
        site.edit("one", "two")
        second, same_parent, _ = server.shows("two").text.split()
        assert second != first
        assert int(parent) == int(same_parent) == server.pid
        assert not is_running(first)


def test_the_terminal_has_one_line_for_a_change(site):
    with site.write(view("'one'")).develop() as server:
        server.shows("one")
        start = len(server.log())
        site.edit("'one'", "'two'")
        server.shows("two")
        server.says(" s\n")
        lines = [line for line in server.log()[start:].splitlines() if "GET" not in line]
        assert re.fullmatch(r"blog\.py changed: \d\.\d\d s", "\n".join(lines))


def test_a_module_imported_above_the_app_is_read_again(site, options):
    site.put("helper.py", "TEXT = 'one'")
    with site.write(with_head("import helper", view("helper.TEXT"))).develop(*options) as server:
        server.shows("one")
        for number in ("two", "three"):
            site.put("helper.py", f"TEXT = '{number}'")
            server.shows(number)


def test_what_a_module_above_the_app_registers_is_registered_once(site):
    site.put(
        "signals.py",
        """
        from django.core.signals import request_started
        from django.urls import register_converter
        from django.urls.converters import IntConverter

        register_converter(IntConverter, "year")
        calls = []
        def count(**signal): calls.append(1)
        request_started.connect(count)
        """,
    )
    source = with_head("import signals", view("f'{len(signals.calls)} version 0'"))
    with site.write(source).develop() as server:
        server.until(lambda answer: answer.text.endswith("version 0"))
        for number in (1, 2):
            site.edit(f"version {number - 1}", f"version {number}")
            answer = server.until(lambda answer, n=number: answer.text.endswith(f"version {n}"))
            assert answer.text.startswith("1 ")


@pytest.mark.parametrize(
    "head",
    [
        "import threading, time\n"
        "beats = []\n"
        "def beat():\n    while True: beats.append(1); time.sleep(0.01)\n"
        "threading.Thread(target=beat, daemon=True).start()",
        "import asyncio, threading\n"
        "beats, loop = [], asyncio.new_event_loop()\n"
        "async def beat():\n    while True: beats.append(1); await asyncio.sleep(0.01)\n"
        "threading.Thread(target=loop.run_until_complete, args=(beat(),), daemon=True).start()",
    ],
    ids=["thread", "event loop"],
)
def test_a_thread_that_runs_above_the_app_runs_in_the_child(site, options, head):
    with site.write(with_head(head, view("str(len(beats)) + ' one'"))).develop(*options) as server:
        for old, new in (("one", "two"), ("two", "three")):
            first = server.shows(f" {old}").text
            server.until(lambda answer, first=first: answer.text != first)
            site.edit(f" {old}", f" {new}")
        server.shows("three")


def test_a_package_that_is_installed_meanwhile_is_found(site, options):
    packages = site.folder / "packages"
    packages.mkdir()
    site.write("import colors\n" + view("colors.NAME"))
    with site.develop(*options, PYTHONPATH=str(packages)) as server:
        server.shows("pip install colors", Accept="text/plain")
        (packages / "colors.py").write_text("NAME = 'red'")
        server.shows("red")


def test_a_package_that_is_upgraded_meanwhile_is_imported_anew(site, options):
    site.put("packages/colors/__init__.py", "NAME = 'red'")
    head = "import colors"
    with site.write(with_head(head, view("colors.NAME"))).develop(
        *options, PYTHONPATH=str(site.folder / "packages")
    ) as server:
        server.shows("red")
        site.put("packages/colors/__init__.py", "NAME = 'blue'")
        server.shows("blue")


def test_a_view_that_hangs_in_c_code_does_not_stop_a_reload(site):
    hang = "import re\n" + view("str(re.match('(a+)+$', 'a' * 40 + 'b'))")
    with site.write(hang).develop() as server, server.open("/", wait=False):
        site.write(view("'it ends'"))
        server.shows("it ends", patience=20)


@pytest.mark.parametrize(
    ("end", "seen"),
    [("os._exit(5)", "exit code 5"), ("os.kill(os.getpid(), 9)", "SIGKILL")],
)
def test_a_process_that_ends_by_itself_is_an_error_until_a_change(site, options, end, seen):
    site.write(f"import os\n@app.get('/end/')\ndef end(request):\n    {end}\n" + view("'up'"))
    with site.develop(*options) as server:
        server.shows("up")
        with contextlib.suppress(Exception):
            server.request("/end/")
        assert seen in server.shows("has ended", Accept="text/plain").text
        site.edit("'up'", "'up again'")
        server.shows("up again")


def test_an_editor_may_replace_the_file(site):
    with site.write(view("'one'")).develop() as server:
        server.shows("one")
        for text in ("two", "three"):
            new = site.folder / "blog.py~"
            new.write_text(
                (site.folder / "blog.py").read_text().replace("return '", f"return '{text} ")
            )
            new.replace(site.folder / "blog.py")
            server.shows(text)


def test_an_older_file_that_comes_back_is_a_change(site):
    with site.write(view("'one'")).develop() as server:
        server.shows("one")
        old = site.folder / "old.txt"
        old.write_text((site.folder / "blog.py").read_text().replace("one", "older"))
        os.utime(old, (1e9, 1e9))
        old.replace(site.folder / "blog.py")
        server.shows("older")


def test_git_may_switch_branches(site):
    def git(*arguments):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
            cwd=site.folder,
            check=True,
            capture_output=True,
        )

    git("init", "-b", "main")
    site.put("helper.py", "TEXT = 'main'").write("import helper\n" + view("helper.TEXT"))
    git("add", "blog.py", "helper.py")
    git("commit", "-m", "main")
    git("checkout", "-b", "other")
    site.put("helper.py", "TEXT = 'other'")
    git("commit", "-am", "other")
    with site.develop() as server:
        server.shows("other")
        git("checkout", "main")
        server.shows("main")
        git("checkout", "other")
        server.shows("other")


def test_a_save_every_tenth_of_a_second_ends_with_the_last_one(site):
    with site.write(view("'save 0'")).develop() as server:
        server.shows("save 0")
        for number in range(30):
            site.edit(f"save {number}'", f"save {number + 1}'")
            time.sleep(0.1)
        server.shows("save 30")


def test_a_folder_may_have_thousands_of_files(site):
    for number in range(5000):
        site.put(f"static/{number}.css", "")
    with site.write(view("'one'")).develop() as server:
        server.shows("one")
        site.edit("'one'", "'two'")
        server.shows("two", patience=3)


def test_a_missing_template_can_be_added(site):
    site.write("@app.get('/', template='new.html')\ndef index(request):\n    return {}")
    with site.develop() as server:
        server.shows("TemplateDoesNotExist")
        site.put("templates/new.html", "here it is")
        server.shows("here it is")


class Terminal:
    """A terminal that runs the site, as a person does."""

    def __init__(self, folder, *command):
        self.port = free_port()
        self.pid, self.file = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment(PORT=str(self.port), PYTHON_COLORS="0"))
            os.execvp(command[0], [*command])
        self.text, self.is_closed = "", False

    def write(self, text):
        os.write(self.file, text.encode())

    def says(self, text, patience=12):
        end = time.monotonic() + patience
        while text not in self.text and time.monotonic() < end:
            if select([self.file], [], [], 0.1)[0]:
                self.text += os.read(self.file, 4096).decode()
        assert text in self.text, self.text
        return self.text

    def ask(self, path="/"):
        """Send a request in a thread, whose `result` is the text of the answer."""
        return ThreadPoolExecutor(1).submit(lambda: request(self.port, path).text)

    def close(self):
        """Close the window, and wait until the site has ended."""
        if self.is_closed:
            return
        self.is_closed = True
        os.close(self.file)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG) != (0, 0):
                return
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("the server has not ended with its terminal")


@pytest.fixture
def terminal(site):
    """Opens a terminal that runs ``python blog.py`` with the options, and closes it at the end."""
    with contextlib.ExitStack() as stack:

        def open_terminal(*options):
            terminal = Terminal(site.folder, sys.executable, "blog.py", *options)
            stack.callback(terminal.close)
            terminal.says("Stop: CONTROL-C.")
            return terminal

        yield open_terminal


CHOICES = pytest.mark.parametrize("choice", [[], ["runserver", "--no-fork"]])


@CHOICES
def test_a_view_may_ask_in_the_terminal(site, terminal, choice):
    site.write(view("input('your name? ')"))
    opened = terminal(*choice)
    answer = opened.ask()
    opened.says("your name? ")
    opened.write("Ada\n")
    assert answer.result(timeout=10) == "Ada"


@CHOICES
def test_a_breakpoint_in_a_view_opens_the_debugger(site, terminal, choice):
    site.write(
        "@app.get('/')\ndef index(request):\n    name = 'Ada'\n    breakpoint()\n    return name"
    )
    opened = terminal(*choice)
    answer = opened.ask()
    opened.says("(Pdb)")
    opened.write("name = 'Eve'\n")
    opened.write("c\n")
    assert answer.result(timeout=10) == "Eve"


@CHOICES
def test_control_c_ends_all_processes(site, terminal, choice):
    site.write(PID)
    opened = terminal(*choice)
    child = int(opened.ask().result(timeout=10))
    opened.write("\x03")
    wait_until(lambda: not is_running(child))
    assert "Traceback" not in opened.text


@CHOICES
def test_a_closed_terminal_ends_all_processes(site, terminal, choice):
    site.write(PID)
    opened = terminal(*choice)
    child = int(opened.ask().result(timeout=10))
    opened.close()
    wait_until(lambda: not is_running(child))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_the_parent_ends_the_child(site, options, number):
    with site.write(PID).develop(*options) as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        os.kill(server.pid, number)
        wait_until(lambda: not is_running(child))


def test_pressing_ctrl_c_twice_shows_no_traceback(site, options):
    with site.write(PID).develop(*options) as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        with contextlib.suppress(ProcessLookupError):
            for number in [signal.SIGINT, signal.SIGTERM] * 20:
                os.killpg(server.pid, number)
                time.sleep(0.01)
        wait_until(lambda: not is_running(child))
    assert "Traceback" not in server.log()


def test_a_program_that_a_view_starts_does_not_keep_the_port(site, options):
    site.write("import os\n" + view("str(os.system('sleep 30 & echo $! > pid'))"))
    with site.develop(*options) as server:
        server.shows("0")
        child = int((site.folder / "pid").read_text())
        process = Path(f"/proc/{child}")
        wait_until(lambda: (process / "comm").read_text() == "sleep\n")  # and no longer the shell
        open_files = [os.readlink(process / "fd" / number) for number in os.listdir(process / "fd")]
        os.kill(child, signal.SIGTERM)
    assert not [name for name in open_files if name.startswith("socket:")]


def test_who_starts_the_site_may_ignore_the_ends_of_children(site, options):
    ignore = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    under = [sys.executable, "-c", f"{ignore}; os.execv(sys.argv[1], sys.argv[1:])"]
    with site.write(view("'one'")).serve("blog.py", *options, under=under) as server:
        server.shows("one")
        site.edit("'one'", "'two'")
        server.shows("two")
    assert "Traceback" not in server.log()


def test_nohup_keeps_the_site_running(site, options):
    with site.write(PID).serve("blog.py", *options, under=["nohup"]) as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        os.killpg(server.pid, signal.SIGHUP)
        time.sleep(1.5)
        assert int(server.request("/").text) == child


def test_a_module_that_is_imported_late_is_no_change(site):
    site.write("@app.get('/')\ndef index(request):\n    import wave, chunk_of\n    return 'late'")
    site.put("chunk_of.py", "")
    with site.develop() as server:
        server.shows("late")
        time.sleep(2.5)  # the server looks at all files twice
        assert "changed" not in server.log()


def test_the_output_may_be_a_pipe_that_closes(site):
    port = free_port()
    site.write(view("'one'"))
    command = f"{sys.executable} blog.py runserver {port} | head -1"
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=site.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    server = Server(port, site.folder / "blog.py", process.pid)
    try:
        server.shows("one")
        site.edit("'one'", "'two'")
        server.shows("two")
    finally:
        process.stdout.close()
        end(process)


def test_a_request_that_is_under_way_is_answered_before_a_reload(site):
    slow_view = "@app.get('/slow/')\ndef slow(request):\n    time.sleep(0.3)\n    return 'slow'\n"
    with site.write("import time\n" + slow_view + view("'one'")).develop() as server:
        server.shows("one")
        slow = ThreadPoolExecutor(1).submit(server.request, "/slow/")
        time.sleep(0.1)
        site.edit("'one'", "'two'")
        assert slow.result().text == "slow"
        server.shows("two")


def test_a_reload_loses_no_request(site):
    def ask():
        while not is_done.is_set():
            server.request("/")  # it raises an error if the connection is closed

    is_done = Event()
    with site.write(view("'zero'")).develop() as server, ThreadPoolExecutor() as pool:
        server.shows("zero")
        visitors = [pool.submit(ask) for _ in range(3)]
        for source, text in [("'one'", "one"), ("1 +", "SyntaxError"), ("'two'", "two")] * 3:
            site.write(view(source))
            server.shows(text)
        is_done.set()
        for visitor in visitors:
            visitor.result()


def test_a_default_timeout_of_the_file_does_not_end_the_server(site):
    source = with_head("import socket\n\nsocket.setdefaulttimeout(0.2)", PID)
    with site.write(source).develop() as server:
        child = server.until(lambda answer: answer.text.isdigit()).text
        time.sleep(1)
        assert server.request("/").text == child
