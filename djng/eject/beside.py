"""The files beside the site's file: which come along, and where they find its names now."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from djng.eject.plan import Plan
from djng.eject.source import Source
from djng.exceptions import SetupError, is_library_file

# Folders and files that are not part of the site's code.
DATA = re.compile(r"\.|__pycache__|media$|staticfiles$|.*\.(sqlite3.*|secret|pyc)$")
COMPILED = re.compile(r"__pycache__$|.*\.pyc$")
TEST = re.compile(r"(^|/)(test_.*|.*_test|tests|conftest)\.py$|(^|/)tests/.*\.py$")


class Beside:
    """The user's other files, by their path in the project."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.site, self.label = plan, plan.site, plan.site.label
        self.folder: Path = self.site.path.parent
        self.files: dict[str, Path] = {}
        self.add(self.label, self.site.file.folder)
        for name in ("templates", "static"):
            self.add(f"{self.label}/{name}", self.folder / name)
        tests = [each for each in self.folder.glob("*.py") if TEST.search(each.name)]
        named = [self.folder / name for name in ("public", "locale", "tests", "pytest.ini")]
        for path in [*named, *self.imported(), *tests]:
            self.add(path.name, path)

    def add(self, place: str, path: Path) -> None:
        """Add a file, or those in a folder. What is added later wins, as in Django."""
        if path.is_dir():
            skipped = DATA if path == self.site.data else COMPILED
            for each in sorted(path.iterdir()):
                if not skipped.match(each.name):
                    self.add(f"{place}/{each.name}", each)
        elif path.is_file():
            self.files[place] = path

    def imported(self) -> Iterator[Path]:
        """The modules and packages beside the file that the site has imported."""
        for name, module in [*sys.modules.items()]:
            folders = [*getattr(module, "__path__", [])]  # of a package without an __init__.py
            file = Path(getattr(module, "__file__", None) or next(iter(folders), "/"))
            is_top = "." not in name and file != self.site.path
            if is_top and file.is_relative_to(self.folder) and not is_library_file(str(file)):
                yield file.parent if file.name == "__init__.py" else file

    def left(self) -> list[str]:
        """What stands beside the file and does not come along."""
        own = {self.site.path, self.site.file.folder, self.site.data}
        found = [e for e in self.folder.iterdir() if e not in own and not DATA.match(e.name)]
        found = [each for each in found if not each.is_dir() or any(each.iterdir())]
        used = {parent for path in self.files.values() for parent in (path, *path.parents)}
        return sorted(each.name for each in found if each not in used)

    def taken(self, module: str, own: Path) -> set[str]:
        """The names of a module that the user's other files import from it, or use as its own."""
        files = {path for path in (*self.files.values(), self.site.path) if path.suffix == ".py"}
        nodes = [n for path in files - {own} for n in ast.walk(ast.parse(path.read_bytes()))]
        found = set[str]()
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module == module:
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == module:
                found.add(node.attr)
        return found

    def text(self, path: Path) -> str:
        """The text of a Python file, with the new places of what it names of the site's file."""
        text = path.read_text()
        is_other = not re.search(rf"\b({self.label}|djng)\b", text)
        source = Source(path)
        return text if is_other else References(source, self.plan, [*ast.walk(source.tree)]).text()


class References:
    """Rewrites what another file imports from the site's file."""

    def __init__(self, source: Source, plan: Plan, nodes: list[ast.AST]) -> None:
        self.plan, self.label, self.source = plan, plan.site.label, source
        self.aliases: set[str] = set()
        imports = [each for each in ast.walk(source.tree) if isinstance(each, ast.Import)]
        for each in [alias for node in imports for alias in node.names]:
            self.aliases |= {each.asname or each.name} if each.name == self.label else set()
        used = {self.change_attribute(e) for e in nodes if isinstance(e, ast.Attribute)} - {""}
        self.used = sorted(used)  # the modules of the project
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and not node.level:
                self.change_from(node)
            elif isinstance(node, ast.Import) and self.label in [e.name for e in node.names]:
                others = [ast.unparse(each) for each in node.names if each.name != self.label]
                names = [f"{self.label}.{each}" for each in self.used] + others
                self.replace(node, [f"import {each}" for each in names or [self.label]])

    def text(self) -> str:
        text = self.source.edited(0, len(self.source.data))
        own = rf"^((?:import {self.label}\..*\n)+)((?:(?:import|from) .*\n)+)"
        return re.sub(own, r"\2\n\1", text, flags=re.MULTILINE)  # as isort has it

    def replace(self, node: ast.stmt, lines: list[str]) -> None:
        self.source.replace(node, f"\n{' ' * node.col_offset}".join(lines))

    def module_of(self, name: str, node: ast.AST) -> str:
        """The module in which a name of the file is now; empty for a module in its folder."""
        if (Path(self.plan.site.file.folder) / f"{name}.py").exists() or name == "settings":
            return ""
        if module := self.plan.module_of(name):
            return module.replace("/", ".")
        message = f"the project has no {self.label}.{name}."
        raise SetupError(message, hint="Remove it here.", where=self.source.where(node))

    def change_attribute(self, node: ast.Attribute) -> str:
        """Rewrite `blog.Post` as `blog.models.Post`, and return the module."""
        if not (isinstance(node.value, ast.Name) and node.value.id in self.aliases):
            return ""
        if module := self.module_of(node.attr, node):
            self.source.replace(node, f"{self.label}.{module}.{node.attr}")
        return module

    def change_from(self, node: ast.ImportFrom) -> None:
        if str(node.module).partition(".")[0] == "djng":
            message = "a second file uses djng."
            hint = f"Move what it has of djng to {self.plan.site.path.name} first."
            raise SetupError(message, hint=hint, where=self.source.where(node))
        if node.module in (self.label, f"{self.label}.models"):
            places: dict[str, list[str]] = defaultdict(list)
            for each in node.names:
                module = self.module_of(each.name, node)
                places[".".join(filter(None, [self.label, module]))].append(ast.unparse(each))
            self.replace(node, [f"from {p} import {', '.join(n)}" for p, n in places.items()])
