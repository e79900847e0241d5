"""Every block of the README is run, as it stands there."""

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


def block(start):
    """The one block of commands that begins so."""
    (found,) = [text for text in CONSOLE if text.startswith(f"$ {start}")]
    return found


def steps(text):
    """The commands of a block, each with the output that is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def assert_prints(output, shown):
    """Compare with what the README shows, in which three dots stand for anything."""
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


def test_the_first_file_is_short_and_whole():
    assert len(PYTHON[0].splitlines()) <= 25
    assert len(PYTHON) == 4


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


def test_views_return_what_the_table_says(hello):
    with hello.serve("hello.py", "runserver", "--noreload", "PORT", DJANGO_DEBUG="0") as server:
        assert server.request("/hello/Ada/").text == "<h1>Hello ADA!</h1>"
        assert server.request("/about/").text == '<a href="/hello/Ada/">Hello</a>'
        assert server.request("/nowhere/").text == "There is no /nowhere/."


def test_a_part_of_a_site_does_what_is_said(site):
    site.put("shop.py", PYTHON[2])
    with site.serve("shop.py", "runserver", "--noreload", "PORT") as server:
        assert server.request("/").text == "The shop: /api/items/1/"
        answers = [server.request("/api/items/1/", "POST", Key="sesame") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 409]
        assert answers[-1].text == '{"error": "Come back tomorrow."}'
        assert server.request("/api/items/1/", "POST").status == 401
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "shop:app") as server:
        assert "There is no such URL" in server.request("/api/", Key="sesame").text


def test_the_command_prints_what_is_shown(hello):
    ((command, shown),) = steps(block("python hello.py greet"))
    assert_prints(run(command, hello.folder), shown)


def test_the_deployment_check_prints_what_is_shown(notes):
    (variables, _), (command, shown) = steps(block("export DJANGO"))
    assert_prints(run(f"{variables}\n{command} 2>&1", notes.folder), shown)


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn", "python notes.py serve --workers"])
def test_servers_take_the_file(notes, name):
    ((command, _),) = steps(block(name))
    run("python notes.py makemigrations; python notes.py migrate", notes.folder)
    port = free_port()
    # They read their options from the environment too.
    variables = {"PATH": PATH, "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}"}
    variables |= {"UVICORN_PORT": str(port), "PORT": str(port)}
    with serving(["bash", "-c", f"exec {command}"], notes.folder, port, variables) as server:
        assert server.request("/").text == "<h1>0 notes</h1>"


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
        pytest.skip(f"there is no {start.split()[0]} here")
    (text,) = [text for text in CONSOLE if text.startswith(f"$ {start}") and "runserver" in text]
    port = free_port()
    command = ["bash", "-c", text.removeprefix("$ ").strip()]
    with serving(command, clone, port, {"PORT": str(port)}, patience=240) as server:
        assert "Reading the tide tables" in server.request("/").text


def test_the_line_that_passes_the_tests_is_the_one_that_is_run_for_every_change():
    (text,) = [text for text in CONSOLE if text.startswith("$ python3") and "pytest" in text]
    script = (ROOT / ".ci/run").read_text()
    pattern = re.search(r"sed -n 's/\^\\\$ \\\((.*)\\\)\$/", script)[1]
    assert re.fullmatch(pattern, text.removeprefix("$ ").strip())
    assert block("uv run pytest") == "$ uv run pytest\n"


def test_no_block_is_left_out():
    assert {language for language, _ in BLOCKS} == {"python", "console"}
    assert len(CONSOLE) == 14
