"""The front page: its example, its pictures, and its commands for a checkout."""

import re
import shutil
import subprocess

import pytest
from conftest import ROOT, environment, free_port, serving
from test_docs import BLOCK, PATH, Reader, is_shown, steps

README = (ROOT / "README.md").read_text()
BLOCKS = BLOCK.findall(README)
(EXAMPLE,) = [text for language, text in BLOCKS if language == "python"]
CONSOLE = [text for language, text in BLOCKS if language == "console"]
COMMANDS = [command for text in CONSOLE for command, _ in steps(text)]


def block(start):
    """The only console block whose first command begins with that text."""
    (found,) = [text for text in CONSOLE if text.startswith(f"$ {start}")]
    return found


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


def test_the_page_and_its_example_are_short():
    assert len(README.splitlines()) <= 200
    assert len(EXAMPLE.splitlines()) <= 25


def test_the_first_command_prints_what_is_shown(site):
    reader = Reader(site.put("notes.py", EXAMPLE).folder)
    with reader.stack:
        reader.do("console", block("python notes.py\n"))
        assert "<p>There are none yet.</p>" in reader.server.request("/").text
        run("python notes.py shell -c \"Note.objects.create(text='<b>')\"", site.folder)
        assert "<p>&lt;b&gt;</p>" in reader.server.request("/").text
        assert reader.server.request("/admin/").status == 302


def test_the_command_for_a_new_file_prints_what_is_shown(site):
    ((command, shown),) = steps(block("djng new"))
    assert is_shown(run(command, site.folder), shown)


def test_the_pictures_are_small():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert len(pictures) == 2
    assert all((ROOT / each).stat().st_size < 50_000 for each in pictures)


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
    assert [language for language, _ in BLOCKS if language == "text"] == ["text"]  # Windows
    assert {language for language, _ in BLOCKS} == {"python", "console", "text"}
    assert (len(CONSOLE), len(COMMANDS)) == (5, 6)
