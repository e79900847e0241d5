"""The package's structure: imports form a ladder, and each module says when it runs."""

import ast
import re
from pathlib import Path

import djng

PACKAGE = Path(djng.__file__).parent
RUNGS = [
    {"errors", "hiding", "wsgi"},
    {"templates"},
    {"hints"},
    {"debug"},
    {"settings", "apps", "urls", "views", "admin", "commands", "unconfigured", "scopes"}
    | {"middleware", "reloader", "automigrate", "signin", "asgi", "database", "media"},
    {"mounts"},
    {"routers"},
    {"app"},
    {"urlconf", "__main__", "runserver", "makemigrations", "routes", "shell", "serve", "backup"}
    | {"test", "signup"},
]
MODULES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]


def imported(path):
    """The modules of djng that the file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("djng"):
            inside = node.module.removeprefix("djng").lstrip(".")
            yield from [inside] if inside else [alias.name for alias in node.names]


def rung(name):
    return next(number for number, names in enumerate(RUNGS) if name in names)


def test_imports_form_a_ladder():
    for path in MODULES:
        for name in imported(path):
            assert rung(name) < rung(path.stem), f"{path.stem} imports {name}"


def test_every_module_says_when_it_runs():
    for path in MODULES:
        first_line = ast.get_docstring(ast.parse(path.read_text())).split("\n")[0]
        assert re.search(r"\b[Rr]uns?\b", first_line), path.name


def test_django_is_patched_nowhere():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    assert not ast.unparse(target).startswith("django."), path.name
