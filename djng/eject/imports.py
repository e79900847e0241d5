"""Write the imports of a module: exactly what its text uses."""

import ast
import builtins
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from djng.eject import accounts
from djng.eject.plan import Plan
from djng.eject.source import Names, Statement

# What this package writes, and where Python, Django and the project have it.
GENERATED = {
    name: module
    for module, names in {
        "": "os re secrets sys",
        "argparse": "BooleanOptionalAction",
        "asgiref.sync": "async_to_sync iscoroutinefunction sync_to_async",
        "collections.abc": "AsyncIterator Iterator",
        "functools": "wraps",
        "inspect": "isawaitable",
        "pathlib": "Path",
        "typing": "TYPE_CHECKING",
        "urllib.parse": "parse_qsl unquote urlsplit",
        "django": "template",
        "django.apps": "AppConfig",
        "django.conf": "settings",
        "django.conf.urls.static": "static",
        "django.contrib": "admin",
        "django.core.exceptions": "BadRequest",
        "django.core.management.base": "BaseCommand",
        "django.core.signals": "got_request_exception",
        "django.http": "HttpResponse HttpResponseNotAllowed HttpResponsePermanentRedirect"
        " JsonResponse StreamingHttpResponse",
        "django.http.response": "HttpResponseBase",
        "django.middleware.common": "CommonMiddleware",
        "django.shortcuts": "render",
        "django.tasks": "task",
        "django.template.response": "TemplateResponse",
        "django.urls": "URLPattern URLResolver include path register_converter",
        "django.urls.converters": "StringConverter",
        "django.utils.datastructures": "MultiValueDictKeyError",
        "django.utils.http": "escape_leading_slashes",
        "django.utils.log": "log_response",
        "django.utils.module_loading": "import_string",
        "django.views": "defaults",
        "django.views.decorators.http": "require_POST require_http_methods require_safe",
        ".": "media views",
        ".accounts.admin": "EmailUserAdmin",
        ".accounts.models": "EmailUser",
        ".shortcuts": "responds to_response",
    }.items()
    for name in names.split()
}


class UnknownNameError(Exception):
    """A module uses a name that neither the file nor Django has, such as `app`."""


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

    def section(self, folder: Path) -> int:
        """Where isort puts it."""
        top = (self.module or self.name).partition(".")[0]
        if not top or (folder / f"{top}.py").exists() or (folder / top / "__init__.py").exists():
            return 3 if top else 4
        return 1 if top in sys.stdlib_module_names else 0 if top == "__future__" else 2

    def __str__(self) -> str:
        return f"{self.name} as {self.alias}" if self.alias else self.name


class Imports:
    """The imports of the file, and of each module of the project."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.by_name: dict[str, list[Import]] = defaultdict(list)
        self.conditional: list[Statement] = []
        self.is_future = False
        for statement in plan.imports:
            self._read(statement)

    def _read(self, statement: Statement) -> None:
        node = statement.node
        is_guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, ast.If | ast.Try) and not is_guard:
            self.conditional.append(statement)
            return
        comment = statement.text.rpartition("\n")[2].partition("#")[2].strip()
        for each in node.body if isinstance(node, ast.If) else [node]:
            for found in self._imports(each, comment if each.lineno == each.end_lineno else ""):
                self.by_name[found.binds].append(found._replace(is_guarded=is_guard))

    def _imports(self, node: ast.stmt, comment: str) -> list[Import]:
        if isinstance(node, ast.Import):
            return [Import("", each.name, each.asname or "", comment) for each in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        module = "." * node.level + (node.module or "")
        module = accounts.new_name(module, "")
        if module.partition(".")[0] == "djng":
            return []
        if module == "__future__":
            self.is_future = True
            return []
        names = [(each.name, each.asname or "") for each in node.names]
        if names == [("*", "")]:
            found = vars(sys.modules[module])
            names = [(each, "") for each in found.get("__all__", [n for n in found if n[0] != "_"])]
        return [Import(module, *each, comment) for each in names]

    def text_for(self, module: str, text: str) -> str:
        """The lines that import what a module's text uses; raises UnknownNameError."""
        names, found, folder = Names(text), set[Import](), self.plan.site.path.parent
        lines = []
        for name in sorted(names.used - names.binds - vars(builtins).keys() - MODULE_NAMES):
            if statement := self._conditional(name):
                lines += [statement.text] if statement.text not in lines else []
            else:
                found |= {*self._imports_of(name, module, text)}
        found |= {Import("typing", "TYPE_CHECKING")} if any(i.is_guarded for i in found) else set()
        head = ["from __future__ import annotations"] if self.is_future and text else []
        groups = [
            "\n".join(head),
            *sections({i for i in found if not i.is_guarded}, folder),
            *lines,
        ]
        if guarded := sections({i for i in found if i.is_guarded}, folder):
            inner = "\n".join(guarded).replace("\n", "\n    ")
            groups.append(f"if TYPE_CHECKING:\n    {inner}")
        return "\n\n".join(filter(None, groups))

    def _conditional(self, name: str) -> Statement | None:
        return next((each for each in self.conditional if name in each.names.binds), None)

    def _imports_of(self, name: str, module: str, text: str) -> list[Import]:
        if name in GENERATED and not self._is_named_by_user(name, module):
            return [Import(relative_to_package(GENERATED[name], module, self.plan), name)]
        if self.by_name.get(name):
            used = self._used(self.by_name[name], text)
            return [e._replace(is_guarded=e.is_guarded and name not in GENERATED) for e in used]
        if owner := self.plan.module_of(name):
            return [Import(relative(owner, module, self.plan.site.label), name)]
        raise UnknownNameError(name)

    def _is_named_by_user(self, name: str, module: str) -> bool:
        """Whether the user's own text in the module, or what it says in calls, has that name."""
        own = [each.names.used for each in self.plan.statements_of(module)]
        is_used = any(name in used for used in own + [n for m, n in self.plan.users if m == module])
        return is_used and bool(self.by_name.get(name) or self.plan.module_of(name))

    def _used(self, found: list[Import], text: str) -> list[Import]:
        """Of ``import a.b`` and ``import a.c``, those that the text uses; else the last import."""
        plain = [each for each in found if not each.module and not each.alias]
        dotted = [each for each in plain if f"{each.name}." in text or "." not in each.name]
        return dotted or plain or [found[-1]]


MODULE_NAMES = {"__name__", "__file__", "__doc__"}


def relative(owner: str, module: str, label: str) -> str:
    """How one module of the package imports from another."""
    dotted = owner.replace("/", ".")
    return f"{label}.{dotted}" if "/" in module else f".{dotted}"


def relative_to_package(source: str, module: str, plan: Plan) -> str:
    if not source.startswith(".") or "/" not in module:
        return source
    return f"{plan.site.label}{source}".rstrip(".")


def sections(imports: set[Import], folder: Path) -> list[str]:
    """The import lines, in the sections and the order of isort."""
    texts = []
    for number in sorted({each.section(folder) for each in imports}):
        section = [each for each in imports if each.section(folder) == number]
        plain = sorted({each for each in section if not each.module}, key=str)
        lines = [with_comment(f"import {each}", each.comment) for each in plain]
        modules = sorted({e.module for e in section if e.module}, key=lambda m: m.lower())
        for module in modules:
            lines.append(from_line(module, [each for each in section if each.module == module]))
        texts.append("\n".join(lines))
    return texts


def from_line(module: str, imports: list[Import]) -> str:
    names = sorted({str(each) for each in imports}, key=by_type)
    comments = {each.comment for each in imports if each.comment}
    line = with_comment(f"from {module} import {', '.join(names)}", "; ".join(sorted(comments)))
    if len(line) <= 88:
        return line
    return f"from {module} import (\n" + "".join(f"    {each},\n" for each in names) + ")"


def with_comment(line: str, comment: str) -> str:
    return f"{line}  # {comment}" if comment else line


def by_type(name: str) -> tuple[int, str]:
    """isort's order: constants, classes, other names."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()
