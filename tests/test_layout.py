"""The package's structure: the layer's imports form a ladder, and folders stand beside it."""

import ast
import re
import statistics
import subprocess

from conftest import ROOT

PACKAGE = ROOT / "djng"
FOLDERS = {"dev", "accounts", "new", "management", "serving", "freeze", "eject"}
LAYER = {path.stem: path for path in PACKAGE.glob("*.py")}
ALL = [*PACKAGE.rglob("*.py")]
# A module imports only modules of earlier rows.
LADDER = [
    {"shadowing", "exceptions"},
    {"main_module", "environ", "admin", "templates", "database", "responses"},
    {"rules", "apps", "data_folder", "wsgi", "log", "unconfigured", "media"},
    {"routing", "asgi", "conf"},
    {"views", "error_views"},
    {"middleware"},
    {"checks", "patterns"},
    {"app"},
    {"urlconf"},
]
# They have names that users write, and lead into a folder.
ENTRANCES = {"__main__": "new", "signup": "accounts"}


def parse(path):
    return ast.parse(path.read_text())


def imported(path, nodes=ast.walk):
    """The modules of djng that the file imports, by their path in the package."""
    for node in nodes(parse(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "djng":
            inside = node.module.removeprefix("djng").lstrip(".")
            yield from [inside] if inside else [alias.name for alias in node.names]


def test_every_module_has_a_place_on_the_ladder():
    placed = set().union(*LADDER)
    assert placed | ENTRANCES.keys() | {"__init__"} == LAYER.keys()


def test_imports_form_a_ladder():
    def place(name):
        return next(number for number, names in enumerate(LADDER) if name in names)

    for name in set().union(*LADDER):
        at_import = [*imported(LAYER[name], nodes=lambda tree: tree.body)]
        for other in at_import:
            assert place(other) < place(name), f"{name} imports {other}"


def test_the_layer_imports_no_folder():
    for name, path in LAYER.items():
        at_import = {module.split(".")[0] for module in imported(path, lambda tree: tree.body)}
        assert at_import & FOLDERS <= {ENTRANCES.get(name)}, name


def test_a_served_site_imports_nothing_of_dev(site):
    site.write("""
        import sys

        @app.get("/")
        def index(request):
            return [name for name in sys.modules if name.startswith("djng.dev")]
    """)
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/nowhere/").status == 404
        assert server.request("/", "POST").status == 403
        assert server.request("/").text == "[]"


def test_every_module_says_what_it_is_for():
    for path in ALL:
        assert re.search(r"[.:]", ast.get_docstring(parse(path)).split("\n")[0]), path.name


def test_django_is_patched_nowhere():
    for path in ALL:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    assert not ast.unparse(target).startswith("django."), path.name


def test_functions_are_short():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for path in ALL for node in ast.walk(parse(path))]
    lengths = sorted(n.end_lineno - n.lineno + 1 for n in nodes if isinstance(n, functions))
    assert statistics.median(lengths) <= 7
    assert lengths[len(lengths) * 9 // 10] <= 16
    assert lengths[-1] <= 40


def test_the_page_on_how_it_works_lists_every_module():
    page = (ROOT / "docs/how-it-works.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([\w/]+)`", row)}
    folders = {name.split("/")[0] for name in listed if "/" in name}
    assert {name for name in listed if "/" not in name} == LAYER.keys()
    assert folders == {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()
    } | {"management"}


def test_the_page_on_how_it_works_is_short():
    assert len((ROOT / "docs/how-it-works.md").read_text().splitlines()) <= 90


def test_the_top_level_holds_no_more_than_it_must():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    expected = {"pyproject.toml", "djng", "examples", "docs", "tests", "README.md"}
    expected |= {".ci", ".gitignore", "LICENSE", "CHANGELOG.md"}
    assert {name.split("/")[0] for name in done.stdout.splitlines()} == expected
