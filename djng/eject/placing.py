"""Adapt statements to the module that they are placed in."""

import ast
from collections.abc import Iterator

from djng.eject.plan import Plan, rank
from djng.eject.source import Statement
from djng.exceptions import SetupError

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def adapt(plan: Plan) -> None:
    """Import in functions what a module cannot import at its top, and count folders anew."""
    for module in plan.modules:
        for statement in plan.statements_of(module):
            add_local_imports(plan, module, statement)
            add_parents(plan, module, statement)
            alone = len(plan.group_of(statement).statements) == 1
            if alone and is_code(statement) and module not in ("urls", "admin"):
                add_comment(statement)


def add_local_imports(plan: Plan, module: str, statement: Statement) -> None:
    """Where a module of an earlier place uses a later one, import that inside the functions."""
    lines: dict[ast.AST, list[str]] = {}
    for name in sorted(statement.names.used):
        owner = plan.module_of(name)
        if owner is None or owner == module or rank(owner) < rank(module):
            continue
        functions = [*functions_with(statement.node, name)]
        if name in statement.names.now or not functions:
            hint = f"Use {name} inside a function only, or move it."
            message = f"{module} needs {name} of {owner}, which needs {module} itself."
            raise SetupError(message, hint=hint, where=statement.where)
        for function in functions:
            prefix = f"{plan.site.label}." if "/" in module else "."
            text = f"from {prefix}{owner.replace('/', '.')} import {name}"
            lines.setdefault(function, []).append(text)
    for function, texts in lines.items():
        body = function.body  # type: ignore[attr-defined]
        first = body[1] if ast.get_docstring(function) and len(body) > 1 else body[0]  # type: ignore[arg-type]
        start = statement.source.start_of(first)
        indent = "\n" + " " * first.col_offset
        statement.source.replace((start, start), indent.join(texts) + "\n" + indent)


def functions_with(node: ast.AST, name: str) -> Iterator[ast.AST]:
    """The outermost functions that use a name."""
    if isinstance(node, FUNCTIONS):
        if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node)):
            yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from functions_with(child, name)


def add_parents(plan: Plan, module: str, statement: Statement) -> None:
    """`Path(__file__).parent` is deeper now: it gets as many `.parent` as there are folders."""
    for node in ast.walk(statement.node):
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            inner = ast.unparse(node.value)
            if "__file__" in inner and ".parent" not in inner:
                end = statement.source.span(node)[1]
                statement.source.replace((end, end), ".parent" * (1 + module.count("/")))
                plan.counted.add(node.lineno)


def is_code(statement: Statement) -> bool:
    """Whether the statement only does something when it is imported."""
    return not statement.names.binds


def add_comment(statement: Statement) -> None:
    text = "# This runs when Django imports the module.\n"
    statement.source.replace((statement.start, statement.start), text)
