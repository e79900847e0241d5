"""Every code block of the README runs and prints what the README shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, environment, free_port, serving

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CONSOLE = [text for language, text in BLOCKS if language == "console"]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
CELERY = """
celery = Celery("notes")
celery.config_from_object("django.conf:settings", namespace="CELERY")
"""


def block(start):
    """The only console block whose first command begins with that text."""
    (found,) = [text for text in CONSOLE if text.startswith(f"$ {start}")]
    return found


def steps(text):
    """Yield each command of a console block, with the output that is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


COMMANDS = [command for text in CONSOLE for command, _ in steps(text)]
SERVERS = [command for command, _ in steps(block("gunicorn"))]


def assert_prints(output, shown):
    """Compare with what the README shows, where three dots stand for any text."""
    pattern = ".*".join(re.escape(each.strip()) for each in shown.split("..."))
    assert re.fullmatch(pattern, output.strip(), re.DOTALL), output


def run(command, folder):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment(PATH=PATH),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def notes(site):
    return site.put("notes.py", PYTHON[0])


@pytest.fixture
def hello(site):
    return site.put("hello.py", PYTHON[1])


def test_the_first_example_is_short():
    assert len(PYTHON[0].splitlines()) <= 25


def test_the_first_command_prints_what_is_shown(notes):
    ((command, shown),) = steps(block("python notes.py\n"))
    port = free_port()
    variables = {"PATH": PATH, "PORT": str(port)}
    with serving(["bash", "-c", f"exec {command}"], notes.folder, port, variables) as server:
        assert server.request("/").text == "<h1>0 notes</h1>"
        assert server.request("/api/notes/").text == "[]"
        assert server.request("/admin/").status == 302
        shown = shown.replace("8000", str(port)).partition("CONTROL-C.")[0]
        assert_prints(server.says("CONTROL-C.").partition("CONTROL-C.")[0], shown)


@pytest.mark.parametrize("start", ["python -m djng new", "python notes.py routes"])
def test_commands_print_what_is_shown(notes, start):
    ((command, shown),) = steps(block(start))
    assert_prints(run(command, notes.folder), shown)


def test_the_example_of_views_works(hello):
    with hello.serve("hello.py", "runserver", "--noreload", "PORT", DJANGO_DEBUG="0") as server:
        assert server.request("/hello/Ada/").text == "<h1>Hello ADA!</h1>"
        assert server.request("/about/").text == '<a href="/hello/Ada/">Hello</a>'
        assert server.request("/nowhere/").text == "There is no /nowhere/."


HOSTILE = """
import hello
from django.test import Client

response = Client().post("/hello/<b>/")
print(response.status_code, response.content.decode())
"""


def test_the_examples_escape_user_input(hello):
    hello.put("ask.py", HOSTILE)
    assert run("python ask.py", hello.folder) == "409 &lt;b&gt; is here already.\n"


def test_the_own_command_prints_what_is_shown(hello):
    ((command, shown),) = steps(block("python hello.py greet"))
    assert_prints(run(command, hello.folder), shown)


def test_the_example_of_a_router_works(site):
    site.put("shop.py", PYTHON[2])
    with site.serve("shop.py", "runserver", "--noreload", "PORT") as server:
        assert server.request("/").text == "The shop: /api/items/1/"
        answers = [server.request("/api/items/1/", "POST", Key="sesame") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 409]
        assert answers[-1].text == '{"error": "Come back tomorrow."}'
        assert server.request("/api/items/1/", "POST").status == 401
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "shop:app") as server:
        assert "There is no such URL" in server.request("/api/", Key="sesame").text


def test_a_decorated_router_is_refused_with_the_line_to_write(site):
    line = 'app.include("/api/", api, decorators=[csrf_exempt])'
    done = site.put("shop.py", PYTHON[2].replace(line, 'app.include("/api/", csrf_exempt(api))'))
    assert f"Write {line}." in done.python("shop.py", "check").stderr


@pytest.mark.parametrize(
    "command",
    [
        "DJANGO_SETTINGS_MODULE=notes.settings python -m django check",
        "python -m pytest --ds=notes.settings",
    ],
)
def test_djangos_tools_know_the_settings(notes, command):
    assert f"`{command}`" in README
    notes.put("test_notes.py", "def test_it(client, db):\n    assert client.get('/').content")
    run(command, notes.folder)


def test_models_are_a_module(notes):
    line = "from notes.models import Note"
    assert f"`{line}`" in README
    run(f"python -c 'import notes; {line}'", notes.folder)


def test_celery_finds_its_app(notes):
    pytest.importorskip("celery")
    for line in [*CELERY.strip().splitlines(), "celery -A notes.celery worker"]:
        assert f"`{line}`" in README
    notes.edit("app = Djng()\n", f"from celery import Celery\n\napp = Djng()\n{CELERY}", "notes.py")
    assert "djng.urlconf" in run("celery -A notes.celery report", notes.folder)
    done = notes.python("-m", "celery", "-A", "notes", "report")
    assert "Name the Celery object: celery -A blog.celery worker" in done.stderr


def test_the_deployment_check_prints_what_is_shown(notes):
    (variables, _), (command, shown) = steps(block("export DJANGO"))
    assert_prints(run(f"{variables}\n{command} 2>&1", notes.folder), shown)


@pytest.mark.parametrize("command", SERVERS)
def test_servers_serve_the_file(notes, command):
    run("python notes.py makemigrations; python notes.py migrate", notes.folder)
    port = free_port()
    # The servers also read their options from the environment.
    variables = {"PATH": PATH, "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}"}
    variables |= {"UVICORN_PORT": str(port), "PORT": str(port)}
    with serving(["bash", "-c", f"exec {command}"], notes.folder, port, variables) as server:
        assert server.request("/").text == "<h1>0 notes</h1>"
        if "serve" in command:  # granian never stops a worker that is still starting
            server.says("Started worker-1")
            server.says("Started worker-2")


def test_the_backup_prints_what_is_shown(notes):
    ((command, shown),) = steps(block("python notes.py backup"))
    run("python notes.py makemigrations; python notes.py migrate", notes.folder)
    assert_prints(run(command, notes.folder), shown)


@pytest.fixture
def clone(tmp_path):
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "djng"], check=True)
    return tmp_path / "djng"


@pytest.mark.clone
@pytest.mark.parametrize("start", ["python3 -m venv", "uv run"])
def test_one_line_runs_the_example_in_a_clean_clone(clone, start):
    if not shutil.which(start.split()[0]):
        pytest.skip(f"{start.split()[0]} is not installed")
    (line,) = [each for each in COMMANDS if each.startswith(start) and "runserver" in each]
    port = free_port()
    variables = {"PORT": str(port)}
    with serving(["bash", "-c", line], clone, port, variables, patience=240) as server:
        assert "Reading the tide tables" in server.request("/").text


@pytest.mark.clone
def test_a_clean_clone_can_be_installed(clone):
    assert "`pip install .`" in README
    environment = "python3 -m venv .venv && . .venv/bin/activate"
    run(f"{environment} && pip install -q . && cd .. && python -m djng new shop", clone)


def test_ci_runs_the_command_that_the_readme_shows_for_tests():
    (line,) = [each for each in COMMANDS if each.startswith("python3") and "pytest" in each]
    script = (ROOT / ".ci/run").read_text()
    pattern = re.search(r"sed -n 's/\^\\\$ \\\((.*)\\\)\$/", script)[1]
    assert re.fullmatch(pattern, line)
    assert "uv run pytest" in COMMANDS


def test_every_block_has_a_test():
    assert {language for language, _ in BLOCKS} == {"python", "console"}
    assert (len(PYTHON), len(CONSOLE), len(COMMANDS)) == (4, 11, 19)


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", README):
        assert (ROOT / target).exists()
