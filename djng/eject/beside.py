"""The files beside the site's file: which come along, and where they find its names now."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from djng.eject.plan import Plan
from djng.exceptions import SetupError, is_library_file

# Folders and files that are not part of the site's code.
DATA = re.compile(r"\.|__pycache__|media$|staticfiles$|.*\.(sqlite3.*|secret|pyc)$")


class Beside:
    """The user's other files, by their path in the project."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.site, self.label = plan, plan.site, plan.site.label
        self.folder: Path = self.site.path.parent
        self.files: dict[str, Path] = {}
        own, package = self.site.file.folder, self.label
        self.add(package, own)
        for name in ("templates", "static"):
            self.add(f"{package}/{name}", self.folder / name)
        for name in ("public", "locale", "tests"):
            self.add(name, self.folder / name)
        for module in [*self.imported(), *self.tests()]:
            self.add(module.name, module)

    def add(self, place: str, path: Path) -> None:
        """Add a file, or those in a folder. What is added later wins, as in Django."""
        if path.is_dir():
            for each in sorted(path.iterdir()):
                if not DATA.match(each.name):
                    self.add(f"{place}/{each.name}", each)
        elif path.is_file():
            self.files[place] = path

    def imported(self) -> Iterator[Path]:
        """The modules and packages beside the file that the site has imported."""
        for name, module in [*sys.modules.items()]:
            file = Path(getattr(module, "__file__", None) or "/")
            is_top = "." not in name and file != self.site.path
            if is_top and file.is_relative_to(self.folder) and not is_library_file(str(file)):
                yield file.parent if file.name == "__init__.py" else file

    def tests(self) -> Iterator[Path]:
        for pattern in ("test_*.py", "*_test.py", "conftest.py", "pytest.ini"):
            yield from self.folder.glob(pattern)

    def left(self) -> list[str]:
        """What stands beside the file and does not come along."""
        used = {*self.files.values()}
        return sorted(
            each.name
            for each in self.folder.iterdir()
            if each not in (self.site.path, self.site.file.folder, self.site.data)
            and not DATA.match(each.name)
            and not (each.is_dir() and not any(each.iterdir()))
            and not any(path.is_relative_to(each) for path in used)
        )

    def text(self, place: str) -> str | None:
        """A Python file that names the site's file, with the new places of its names."""
        path = self.files[place]
        if path.suffix != ".py" or not re.search(rf"\b({self.label}|djng)\b", path.read_text()):
            return None
        return References(path, self.plan).text()


class References:
    """Rewrites what another file imports from the site's file."""

    def __init__(self, path: Path, plan: Plan) -> None:
        from djng.eject.source import Source

        self.plan, self.label, self.path = plan, plan.site.label, path
        self.source = Source(path)
        self.aliases: set[str] = set()
        self.modules: dict[ast.Import, set[str]] = {}
        nodes = [*ast.walk(self.source.tree)]
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and not node.level:
                self.change_from(node)
            elif isinstance(node, ast.Import) and self.label in [n.name for n in node.names]:
                self.aliases |= {n.asname or n.name for n in node.names if n.name == self.label}
                self.modules[node] = set()
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                self.change_attribute(node, node.value)
        for node, modules in self.modules.items():
            self.change_import(node, modules)

    def text(self) -> str:
        text = self.source.edited(0, len(self.source.data))
        own = rf"^((?:import {self.label}\..*\n)+)((?:(?:import|from) .*\n)+)"
        return re.sub(own, r"\2\n\1", text, flags=re.MULTILINE)  # as isort has it

    def module_of(self, name: str, node: ast.AST) -> str:
        if (Path(self.plan.site.file.folder) / f"{name}.py").exists() or name == "settings":
            return ""
        if module := self.plan.module_of(name):
            return module.replace("/", ".")
        message = f"the project has no {self.label}.{name}."
        raise SetupError(message, hint="Remove it here.", where=self.source.where(node))

    def change_from(self, node: ast.ImportFrom) -> None:
        if node.module == "djng" or str(node.module).startswith("djng."):
            message = "a second file uses djng."
            hint = f"Move what it has of djng to {self.plan.site.path.name} first."
            raise SetupError(message, hint=hint, where=self.source.where(node))
        if node.module not in (self.label, f"{self.label}.models"):
            return
        places: dict[str, list[str]] = {}
        for each in node.names:
            own = self.label if not (m := self.module_of(each.name, node)) else f"{self.label}.{m}"
            places.setdefault(own, []).append(ast.unparse(each))
        indent = " " * node.col_offset
        lines = [f"from {place} import {', '.join(names)}" for place, names in places.items()]
        self.source.replace(node, f"\n{indent}".join(lines))

    def change_attribute(self, node: ast.Attribute, owner: ast.Name) -> None:
        if owner.id in self.aliases and (module := self.module_of(node.attr, node)):
            self.source.replace(node, f"{self.label}.{module}.{node.attr}")
            for modules in self.modules.values():
                modules.add(module)

    def change_import(self, node: ast.Import, modules: set[str]) -> None:
        indent = " " * node.col_offset
        others = [ast.unparse(each) for each in node.names if each.name != self.label]
        names = [f"{self.label}.{each}" for each in sorted(modules)] + others
        self.source.replace(
            node, f"\n{indent}".join(f"import {each}" for each in names or [self.label])
        )


def is_test(place: str) -> bool:
    return bool(re.match(r"(test_.*|.*_test|conftest)\.py$|tests/", place))
