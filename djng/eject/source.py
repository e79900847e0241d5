"""Read the user's file: its statements with their text, and the names that each binds and uses."""

import ast
import re
import symtable
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from djng.exceptions import Location

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
RUNS_AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr", "__annotate__", "__annotations__"}
SCRIPT = re.compile(r"^# /// script\n(.*?)^# ///\n", re.MULTILINE | re.DOTALL)
Span = tuple[int, int]


class Names:
    """The global names in a text: which it binds, uses at once, uses in functions, and rebinds."""

    def __init__(self, text: str) -> None:
        table = symtable.symtable(text, "", "exec")
        self.binds = {each.get_name() for each in table.get_symbols() if each.is_assigned()}
        self.now = {each.get_name() for each in table.get_symbols() if each.is_referenced()}
        self.later: set[str] = set()
        self.rebinds: set[str] = set()  # with ``global``
        for child in table.get_children():
            self._add(child, is_later=False)
        for annotation in quoted_annotations(ast.parse(text)):
            self.later |= names_in(annotation)
        self.used = self.now | self.later | self.rebinds

    def _add(self, table: symtable.SymbolTable, *, is_later: bool) -> None:
        is_later |= table.get_type() == "function" and table.get_name() not in RUNS_AT_ONCE
        for symbol in table.get_symbols():
            # Python takes a function called `top` for the module, where all names are global.
            is_global = symbol.is_global() and not symbol.is_local()
            if is_global and symbol.is_referenced():
                (self.later if is_later else self.now).add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                self.rebinds.add(symbol.get_name())
        for child in table.get_children():
            self._add(child, is_later=is_later)


class Statement:
    """A statement of the file's top level, with the comments above it."""

    def __init__(self, source: "Source", node: ast.stmt, start: int, end: int, blank: int) -> None:
        self.source, self.node, self.start, self.end = source, node, start, end
        self.blank = blank  # the number of blank lines above
        self.decorators: list[ast.expr] = list(getattr(node, "decorator_list", []))

    @property
    def text(self) -> str:
        """The text, with the edits that were made."""
        return self.source.edited(self.start, self.end).strip("\n")

    @cached_property
    def names(self) -> Names:
        """The names in the text, once the decorators of djng are removed."""
        return Names(self.text)

    @property
    def name(self) -> str:
        """The name of a function or class, or one that is assigned."""
        return str(getattr(self.node, "name", "") or min(self.names.binds, default=""))

    @property
    def where(self) -> Location:
        return self.source.where(self.node)

    @property
    def is_definition(self) -> bool:
        return isinstance(self.node, (*FUNCTIONS, ast.ClassDef))


class Source:
    """The file's text and statements. Edits are collected, and applied when a text is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
        self.tree = ast.parse(self.data)
        self.edits: dict[Span, str] = {}
        self._lines = [0, *(found.end() for found in re.finditer(rb"\n", self.data + b"\n"))]

    @cached_property
    def header(self) -> str:
        """The comments and the docstring at the top."""
        first = self.tree.body[0]
        end = self.end_of(first) if ast.get_docstring(self.tree) else self.start_of(first)
        text = SCRIPT.sub("", self.text(0, end))
        return re.sub(r"\A(#(!|.*coding[:=]).*\n)+", "", text).strip("\n")

    @cached_property
    def statements(self) -> list[Statement]:
        """All statements below the docstring."""
        found, end = [], 0
        for node in self.tree.body:
            start = self.start_of(node)
            above = self.text(end, start)
            comment = above.find("#") if end else -1
            begin = start - len(above[comment:].encode()) if comment >= 0 else start
            blank = self.text(end, begin).count("\n")
            end = self.end_of(node)
            if not (node is self.tree.body[0] and ast.get_docstring(self.tree)):
                found.append(Statement(self, node, begin, end, blank))
        return found

    def where(self, node: ast.AST) -> Location:
        return Location(str(self.path), getattr(node, "lineno", 1))

    def line_of(self, position: int) -> int:
        return self.data.count(b"\n", 0, position) + 1

    def start_of(self, node: ast.AST) -> int:
        """The offset of a node, which for a definition is that of its first decorator."""
        decorators = getattr(node, "decorator_list", [])
        return self._lines[decorators[0].lineno - 1] if decorators else self.span(node)[0]

    def end_of(self, node: ast.AST) -> int:
        """The end of a statement's last line, and of indented comments below it."""
        end = self.span(node)[1]
        rest = re.compile(rb"[ \t]*(#.*)?(\n|\Z)((\s*\n)*[ \t]+#.*\n)*").match(self.data, end)
        return rest.end() if rest else end

    def span(self, node: ast.AST) -> Span:
        """The offsets of a node's first byte and of the one after its last."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        start = self._lines[first - 1] + getattr(node, "col_offset", 0)
        return start, self._lines[last - 1] + getattr(node, "end_col_offset", 0)

    def indent_of(self, node: ast.AST) -> int:
        """The number of spaces at the beginning of the line in which a node begins."""
        line = self.text(self._lines[getattr(node, "lineno", 1) - 1], self.span(node)[0])
        return len(line) - len(line.lstrip())

    def text(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def text_of(self, node: ast.AST) -> str:
        return self.edited(*self.span(node))

    def edited(self, start: int, end: int) -> str:
        """A part of the text, with the edits in it."""
        parts, position = [], start
        for (begin, stop), text in sorted(self.edits.items()):
            if position <= begin < end and stop <= end:
                parts += [self.text(position, begin), text]
                position = stop
        return "".join([*parts, self.text(position, end)])

    def replace(self, place: ast.AST | Span, text: str) -> None:
        self.edits[self.span(place) if isinstance(place, ast.AST) else place] = text

    def lines_of(self, node: ast.AST) -> Span:
        """The offsets of the whole lines in which a node, such as a decorator, stands."""
        start, end = self._lines[getattr(node, "lineno", 1) - 1], self.span(node)[1]
        return start, self.data.find(b"\n", end) + 1


def quoted_annotations(node: ast.AST) -> Iterator[ast.expr]:
    """Annotations that are written as strings: they also use names."""
    for each in ast.walk(node):
        annotation = getattr(each, "annotation", None) or getattr(each, "returns", None)
        for part in types_in(annotation) if isinstance(annotation, ast.AST) else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                with suppress(SyntaxError):
                    yield ast.parse(part.value.strip(), mode="eval").body


def types_in(annotation: ast.AST) -> Iterator[ast.AST]:
    """The nodes of an annotation, without the values in `Literal[...]` and `Annotated[...]`."""
    is_generic = isinstance(annotation, ast.Subscript)
    if is_generic and re.match(r"([\w.]+\.)?(Literal|Annotated)\[", ast.unparse(annotation)):
        return
    yield annotation
    for child in ast.iter_child_nodes(annotation):
        yield from types_in(child)


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def chain_of(node: ast.AST) -> list[str]:
    """The name and the attributes of a chain of calls: ``["app", "get"]`` for ``app.get("/")``."""
    names: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
        inner = getattr(node, "func", None) or getattr(node, "value", None)
        if not isinstance(inner, ast.AST):
            return []
        node = inner
    return [node.id, *names]
