"""Write the modules: the statements with the imports that they need, exactly those."""

import ast
import builtins
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from djng.eject import accounts
from djng.eject.layout import FILES, WIDTH, Part, begins_with_definition, enclosed, joined
from djng.eject.plan import Plan, rank
from djng.eject.source import FUNCTIONS, Names, Source, Statement, names_in
from djng.exceptions import SetupError

WIRED = ("urls", "admin", "signals", "templatetags")  # whose lines run when they are imported
HELPERS = ("middleware", "urls", "shortcuts", "imports")
PARENT = re.compile(rb"\b__file__\b[^\n]*?\.parent\b")
MODULE_NAMES = {*vars(builtins), "__name__", "__file__", "__doc__"}


class Import(NamedTuple):
    """One imported name. `module` is empty for ``import x``."""

    module: str
    name: str
    alias: str = ""
    comment: str = ""
    is_guarded: bool = False  # by ``if TYPE_CHECKING:``

    @property
    def binds(self) -> str:
        return self.alias or (self.name if self.module else self.name.partition(".")[0])

    def __str__(self) -> str:
        return f"{self.name} as {self.alias}" if self.alias else self.name


class ImportReader:
    """The imports of a file, by the name that they bind."""

    def __init__(self, statements: list[Statement]) -> None:
        self.by_name: dict[str, list[Import]] = defaultdict(list)
        self.conditional: dict[str, Statement] = {}
        self.is_future = False
        for statement in statements:
            self._read(statement)

    def _read(self, statement: Statement) -> None:
        node = statement.node
        is_guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, ast.If | ast.Try) and not is_guard:
            self.conditional |= dict.fromkeys(statement.names.binds, statement)
            return
        comment = statement.text.rpartition("\n")[2].partition("#")[2].strip()
        for each in node.body if isinstance(node, ast.If) else [node]:
            for found in self._imports(each):
                given = comment if each.lineno == each.end_lineno else ""
                found = found._replace(comment=given, is_guarded=is_guard)
                self.by_name[found.binds].append(found)

    def _imports(self, node: ast.stmt) -> list[Import]:
        if isinstance(node, ast.Import):
            return [Import("", each.name, each.asname or "") for each in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        module = accounts.new_name("." * node.level + (node.module or ""), "")
        self.is_future |= module == "__future__"
        if module in ("__future__", "djng") or module.startswith("djng."):
            return []
        names = [(each.name, each.asname or "") for each in node.names]
        if names == [("*", "")]:
            found = vars(sys.modules[module])
            names = [(each, "") for each in found.get("__all__", [n for n in found if n[0] != "_"])]
        return [Import(module, *each) for each in names]


class ModuleWriter:
    """Completes each module's text, with helpers of this package and with imports."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.label = plan, plan.site.label
        self.problems: list[SetupError] = []
        sources = {name: Source(FILES / f"{name}.py-tpl") for name in HELPERS}
        written = [each for source in sources.values() for each in source.statements]
        self.helpers = {
            name: {each.name: each.text for each in source.statements if each.is_definition}
            for name, source in sources.items()
        }
        self.own = ImportReader(plan.imports)  # those of the file
        self.ours = ImportReader([e for e in written if not e.is_definition])

    def text(self, module: str, parts: list[Part], needed: str = "") -> str:
        """The module's text, below its imports, but with its docstring at the top.

        It gets the helpers of this package that its text, or the text `needed`, names.
        """
        helpers = self.helpers_for(module, joined(parts), needed)
        text, docstring = joined([*helpers, *parts]), ""
        text = text.replace(f"python {self.plan.site.path.name}", "python manage.py")
        if found := re.match(r'\A\n?("""(?s:.*?)""")\n+', text):
            docstring, text = f"{found[1]}\n\n", text[found.end() :]
        head = self.head(module, text)
        gap = "\n" * (3 if begins_with_definition(text) else 2) * bool(head)
        return f"{docstring}{head}{gap}{text.strip()}\n"

    def helpers_for(self, module: str, text: str, needed: str) -> list[Part]:
        """The functions and classes of this package that a module uses, in their order."""
        used, parts = {*Names(text).used, *re.findall(r"\w+", needed)}, list[Part]()
        for name, helper in reversed(self.helpers.get(module, {}).items()):
            if name in used and self.plan.module_of(name) == module:
                where = self.plan.owner[name].statements[0].where
                message = f"eject writes another {name} into {module}.py."
                self.problems.append(SetupError(message, hint="Rename this one.", where=where))
            elif name in used:
                parts.insert(0, helper)
                used |= Names(helper).used
        return parts

    def head(self, module: str, text: str) -> str:
        """The lines that import what a module's text uses."""
        names, found, lines = Names(text), set[Import](), dict[str, None]()
        for name in sorted(names.used - names.binds - MODULE_NAMES):
            if statement := self.own.conditional.get(name):
                lines[statement.text] = None
            else:
                found |= {*self.imports_of(name, module)}
        plain = {each for each in found if not each.is_guarded}
        plain |= {Import("typing", "TYPE_CHECKING")} if found - plain else set()
        groups = ["from __future__ import annotations"] if self.own.is_future and text else []
        groups += [*self.sections(plain), *lines]
        if guarded := "\n".join(self.sections(found - plain)):
            groups.append("if TYPE_CHECKING:\n" + textwrap.indent(guarded, "    "))
        return "\n\n".join(groups)

    def imports_of(self, name: str, module: str) -> list[Import]:
        found, owner = self.own.by_name.get(name), self.plan.module_of(name)
        theirs = [each.names.used for each in self.plan.statements_of(module)]
        theirs += [names for place, names in self.plan.users if place == module]
        is_theirs = bool(found or owner) and any(name in names for names in theirs)
        is_guarded = found is not None and found[-1].is_guarded  # written lines cannot use it
        if name in self.ours.by_name and (is_guarded or not is_theirs):
            found = self.ours.by_name[name][:1]
        elif owner:
            found = [Import(dotted(owner), name)]
        if not found:
            self.refuse(module, name)
            return []
        # ``import a.b`` and ``import a.c`` bind the same name.
        used = [each for each in found if not each.module] or found[-1:]
        return [e._replace(module=named_from(module, e.module, self.label)) for e in used]

    def refuse(self, module: str, name: str) -> None:
        """Refuse each line of a module that uses a name for which the project has nothing."""
        message = f"a Django project has no {name}, and eject cannot say what this means there."
        nodes = [n for each in self.plan.statements_of(module) for n in ast.walk(each.node)]
        found = [n for n in nodes if isinstance(n, ast.Name) and n.id == name]
        hint = f"Write it without {name}."
        if name in self.plan.wiring.routers:
            hint = f"Use {name} in decorators and in statements of their own, or not at all."
        for where in [*map(self.plan.source.where, found)] or [self.plan.site.where]:
            self.problems.append(SetupError(message, hint=hint, where=where))

    def sections(self, imports: set[Import]) -> list[str]:
        """The import lines, in the sections and the order of isort."""
        lines: dict[int, list[str]] = defaultdict(list)
        for each in sorted((each for each in imports if not each.module), key=str):
            lines[self.section_of(each)].append(with_comment(f"import {each}", each.comment))
        for module in sorted({each.module for each in imports} - {""}, key=str.lower):
            group = [each for each in imports if each.module == module]
            lines[self.section_of(group[0])] += from_lines(module, group)
        return ["\n".join(lines[section]) for section in sorted(lines)]

    def section_of(self, each: Import) -> int:
        top, folder = (each.module or each.name).partition(".")[0], self.plan.site.path.parent
        if not top or (folder / f"{top}.py").exists() or (folder / top).is_dir():
            return 3 if top else 4
        return 1 if top in sys.stdlib_module_names else 2


def dotted(module: str) -> str:
    """The name of a module for the package's other modules."""
    return f".{module.replace('/', '.')}"


def named_from(module: str, name: str, label: str) -> str:
    """The name that a module uses for another: relative, unless it is in a folder itself."""
    return f"{label}{name}".rstrip(".") if "/" in module and name.startswith(".") else name


def from_lines(module: str, imports: list[Import]) -> list[str]:
    """The lines that import from a module: what gets another name has one of its own."""
    plain = [each for each in imports if not each.alias]
    parts = [[each] for each in imports if each.alias] + ([plain] if plain else [])
    parts.sort(key=lambda part: min((by_type(each.name), each.alias) for each in part))
    return [from_line(module, part) for part in parts]


def from_line(module: str, imports: list[Import]) -> str:
    names = sorted({str(each) for each in imports}, key=by_type)
    comments = sorted({each.comment for each in imports if each.comment})
    line = with_comment(f"from {module} import {', '.join(names)}", "; ".join(comments))
    return line if len(line) <= WIDTH else f"from {module} import {enclosed('()', names)}"


def with_comment(line: str, comment: str) -> str:
    return f"{line}  # {comment}" if comment else line


def by_type(name: str) -> tuple[int, str]:
    """isort's order: constants, classes, other names."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()


def adapt(plan: Plan) -> None:
    """Adapt statements to the module that they are placed in."""
    add_parents("settings", plan.wiring.made[plan.site])
    for group in plan.groups:
        for statement in group.statements:
            module = str(group.module)
            add_local_imports(plan, module, statement)
            add_parents(module, statement)
            is_alone = len(group.statements) == 1 and module.split("/")[0] not in WIRED
            if is_alone and not statement.names.binds:
                text = "# This runs when Django imports the module.\n"
                statement.source.replace((statement.start, statement.start), text)


def add_local_imports(plan: Plan, module: str, statement: Statement) -> None:
    """Where a module of an earlier place uses a later one, import that inside the functions."""
    lines: dict[ast.AST, list[str]] = defaultdict(list)
    for name in sorted(statement.names.used):
        owner = plan.module_of(name)
        if owner is None or owner == module or rank(owner) < rank(module):
            continue
        functions = [*functions_with(statement.node, name)]
        if name in statement.names.now or not functions:
            hint = f"Use {name} inside a function only, or move it."
            message = f"{module} needs {name} of {owner}, which needs {module} itself."
            raise SetupError(message, hint=hint, where=statement.where)
        place = named_from(module, dotted(owner), plan.site.label)
        for function in functions:
            lines[function].append(f"from {place} import {name}\n")
    for function, texts in lines.items():
        body: list[ast.stmt] = function.body  # type: ignore[attr-defined]
        has_docstring = ast.get_docstring(function) is not None  # type: ignore[arg-type]
        first = body[1] if has_docstring and len(body) > 1 else body[0]
        source, start = statement.source, statement.source.start_of(first)
        above, indent = source.data[:start].rstrip(b" "), " " * first.col_offset
        if not above.endswith(b"\n"):  # it is on the line of the function
            indent = " " * (source.indent_of(function) + 4)
            source.replace((len(above), start), f"\n{indent}")
        source.replace((start, start), f"{indent.join(sorted(texts))}\n{indent}")


def functions_with(node: ast.AST, name: str) -> Iterator[ast.AST]:
    """The outermost functions that use a name."""
    if isinstance(node, FUNCTIONS):
        yield from [node] if name in names_in(node) else []
    else:
        for child in ast.iter_child_nodes(node):
            yield from functions_with(child, name)


def add_parents(module: str, statement: Statement) -> None:
    """`Path(__file__).parent` is deeper now: it gets as many `.parent` as there are folders."""
    source = statement.source
    for found in PARENT.finditer(source.data, statement.start, statement.end):
        source.replace((found.end(), found.end()), ".parent" * (1 + module.count("/")))
