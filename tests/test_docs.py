"""Every block of the guide is run, in the order in which a reader meets it.

A page is read as docs/CONTRIBUTING.md says:

- A block whose first line is a comment with a file's name is saved under that name.
- A Python block without a name is added to the site's file: the imports to the others, the rest
  above ``app.run()``. A function, class or variable replaces the one of the same name.
- In a console block, lines with ``$`` are commands, and what follows is what they print. Three dots
  stand for any text. A server runs until the next one starts. ``curl`` asks it.
"""

import ast
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import django
import pytest
from conftest import ROOT, environment, free_port, serving

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in ROOT.glob("docs/**/*.md")}
# Pages that other tests run, or that show no code to run.
OTHERS = {
    "docs/CONTRIBUTING.md": "",
    "docs/README.md": "",
    "docs/SECURITY.md": "",
    "docs/deploying/container.md": "test_deploying",
    "docs/deploying/platform.md": "test_deploying",
    "docs/deploying/pythonanywhere.md": "test_deploying",
    "docs/deploying/server.md": "test_deploying",
    "docs/deploying/several-machines.md": "test_postgres",
    "docs/faq.md": "",
    "docs/from-data.md": "test_new_from_csv",
    "docs/how-it-works.md": "test_layout",
    "docs/imports.md": "test_imports",
    "docs/leaving.md": "test_eject",
    "docs/promises.md": "test_promises",
    "docs/reference.md": "test_reference",
    "docs/plugins.md": "test_plugins",
    "docs/services.md": "test_services",
    "docs/static-sites.md": "test_freeze",
    "docs/teaching.md": "test_tutorial",
    "docs/tutorial.md": "test_tutorial",
    "docs/users.md": "test_users",
    "docs/websockets.md": "test_websockets",
}
# What a page needs that not every environment has.
NEEDS_DJANGO = {"docs/guide/tasks.md": (6, 0)}
NEEDS_PROGRAM = {"docs/guide/translations.md": "msgfmt"}
NEEDS_MODULE = {"docs/guide/fast-apis.md": "django_bolt"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^(?:#|<!--|/\*|//) ([\w./-]+\.\w+|\.\w+)(?: -->| \*/)?\n")
SERVER = (
    r"(\w+=\S+ )*python \w+\.py( (runserver|serve|runbolt).*)?"
    r"|(gunicorn|uvicorn|daphne|hypercorn) .*"
)
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def steps(text):
    """Yield each command of a console block, with the output that is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def is_shown(output, shown):
    """Whether the output is what a page shows, where three dots stand for any text."""
    pattern = ".*".join(re.escape(each.strip()) for each in shown.split("..."))
    return re.fullmatch(pattern, output.strip(), re.DOTALL)


def assert_prints(output, shown):
    if not is_shown(output, shown):
        raise AssertionError(f"this is printed:\n{output[:600]}")


def name_of(statement):
    """What a statement defines: two of the same name replace each other."""
    match statement:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return name
        case ast.Assign([target]):
            return ast.unparse(target)
    return ast.unparse(statement)


def find(name, source):
    return next((each for each in ast.parse(source).body if name_of(each) == name), None)


def span(statement, source):
    """Where a statement begins and ends in the source, with its decorators."""
    lines = source.splitlines(keepends=True)
    first = min(each.lineno for each in [statement, *getattr(statement, "decorator_list", [])]) - 1
    start = len("".join(lines[:first]))
    return start, start + len("".join(lines[first : statement.end_lineno]).rstrip("\n"))


class Reader:
    """Somebody who does what a page says, in an empty folder."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.file = self.server = None
        self.stack = contextlib.ExitStack()

    def do(self, language, text):
        if name := NAME.match(text):
            self.save(name[1], text)
        elif language == "python":
            self.add(text)
        elif language == "console":
            for command, shown in steps(text):
                self.run(command, shown)
        else:
            assert language in ("", "text"), f"{language}: a block that no test runs"

    def save(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if "app.run()" in text:
            self.file = path

    def add(self, text):
        """Add the code above ``app.run()``, its imports to the others, or replace what it names."""
        source = self.file.read_text()
        for statement in ast.parse(text).body:
            code = text[slice(*span(statement, text))]
            is_import = isinstance(statement, ast.Import | ast.ImportFrom)
            if old := find(name_of(statement), source):
                start, stop = span(old, source)
            else:
                above = "from djng" if is_import else "if __name__"
                start = stop = re.search(rf"^{above}", source, re.MULTILINE).start()
                code += "\n" if is_import else "\n\n\n"
            source = source[:start] + code + source[stop:]
        self.file.write_text(source)

    def run(self, command, shown):
        if command.startswith("pip install"):
            assert_known(command)
        elif re.fullmatch(SERVER, command):
            self.serve(command.replace("8000", str(self.port)))
            is_runserver = re.search(r"python \w+\.py( runserver.*)?$", command)
            shown = shown.replace("8000", str(self.port)) or ("...Stop:" * bool(is_runserver))
            assert_prints(self.wait(self.server.log, f"{shown}..."), f"{shown}...")
        elif command.startswith("curl"):
            command = command.replace("curl", "curl -s", 1).replace("8000", str(self.port))
            # A server that has not yet reloaded answers as before.
            assert_prints(self.wait(lambda: self.call(command, shown), shown), shown)
        else:
            output = self.call(command, shown)
            if shown:
                assert_prints(output, shown)

    def wait(self, read, shown, patience=15):
        """What `read` returns once it is what the page shows."""
        end = time.monotonic() + patience
        while not is_shown(output := read(), shown) and time.monotonic() < end:
            time.sleep(0.1)
        return output

    def call(self, command, shown):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=environment(PATH=PATH, NO_PROXY="*", COLUMNS="100"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert shown or done.returncode == 0, done.stdout
        return done.stdout.replace("\r", "")

    def serve(self, command):
        self.stack.close()
        variables = {"PATH": PATH, "PORT": str(self.port), "UVICORN_PORT": str(self.port)}
        variables["GUNICORN_CMD_ARGS"] = f"--bind 127.0.0.1:{self.port}"
        server = serving(["bash", "-c", f"exec env {command}"], self.folder, self.port, variables)
        self.server = self.stack.enter_context(server)
        if found := re.search(r" serve\b(?:.*--workers (\d))?", command):
            for number in range(int(found[1] or 1)):  # one that is starting does not end
                self.server.says(f"Started worker-{number + 1}")


def assert_known(command):
    """Packages that a page installs are extras of djng, or in the environment of the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = {re.split(r"[\[<>=;~ ]", each)[0] for each in project["dependency-groups"]["dev"]}
    for package in shlex.split(command)[2:]:
        name, _, extras = package.rstrip("]").partition("[")
        if name == "djng":
            assert {*extras.split(",")} <= {*project["project"]["optional-dependencies"]}, package
        else:
            assert re.split("[<>=~]", name)[0] in known | {"django"}, package


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OTHERS])
def test_a_page_works_as_it_is_written(page, tmp_path):
    for program in {"curl", NEEDS_PROGRAM.get(page, "curl")}:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if NEEDS_DJANGO.get(page, ()) > django.VERSION:
        pytest.skip("this needs a newer Django")
    if module := NEEDS_MODULE.get(page):
        pytest.importorskip(module)
    reader = Reader(tmp_path)
    with reader.stack:
        for block in BLOCK.finditer(PAGES[page]):
            line = PAGES[page][: block.start()].count("\n") + 1
            try:
                reader.do(block[1], block[2])
            except AssertionError as error:
                raise AssertionError(f"{page}:{line}\n{error}") from None


CELERY = """
celery = Celery("notes")
celery.config_from_object("django.conf:settings", namespace="CELERY")
"""


def test_celery_finds_its_app(site):
    pytest.importorskip("celery")
    page = PAGES["docs/guide/tasks.md"]
    assert CELERY in page
    assert "`celery -A notes.celery worker`" in page
    site.write(
        f"""from celery import Celery
from djng import Djng

app = Djng()
{CELERY}""",
        "notes.py",
    )
    reader = Reader(site.folder)
    assert "djng.urlconf" in reader.call("celery -A notes.celery report", "")
    hint = "Name the Celery object: celery -A blog.celery worker"
    assert hint in reader.call("celery -A notes report", "a hint")


def anchors(text):
    """The anchors that a code host makes of the headings of a page."""
    found = {}
    for title in re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = found[anchor] = found.get(anchor, -1) + 1
        yield f"{anchor}-{number}" if number else anchor


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", *PAGES])
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", (ROOT / page).read_text())
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def test_the_index_lists_every_page():
    links = re.findall(r"\]\(([\w./-]+\.md)\)", PAGES["docs/README.md"])
    assert sorted({*PAGES} - {f"docs/{link}" for link in links}) == ["docs/README.md"]


def test_pages_of_the_guide_say_what_djangos_documentation_has():
    for page in PAGES:
        if page.startswith("docs/guide/"):
            assert "**In Django's documentation:**" in PAGES[page], page


def test_other_pages_have_a_test_of_their_own():
    for test in filter(None, OTHERS.values()):
        assert (ROOT / f"tests/{test}.py").exists()
