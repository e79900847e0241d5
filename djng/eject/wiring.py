"""Find what the file does with djng, and take it out of the text."""

import ast
from typing import Any, NamedTuple

from djng.eject.source import Source, Statement, chain_of
from djng.routing import BaseRouter

VERBS = ("route", "get", "post", "put", "patch", "delete")


# What Django has a like of.
RENAMED = {"library": "register", "task": "task"}
DATA = {"data": "settings.DATA_DIR"}


class Use(NamedTuple):
    """A decorator or a call of the app or of a router. The target is the name it is applied to."""

    statement: Statement
    router: Any
    attribute: str
    node: ast.expr
    target: str

    @property
    def call(self) -> ast.Call | None:
        """The call with the arguments: the inner one in ``app.route("/")(view)``."""
        node = self.node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
            node = node.func
        return node if isinstance(node, ast.Call) else None

    @property
    def applied_to(self) -> ast.expr | None:
        """The argument of the outer call in ``app.route("/")(view)``."""
        is_outer = isinstance(self.node, ast.Call) and isinstance(self.node.func, ast.Call)
        return self.node.args[0] if is_outer and self.node.args else None  # type: ignore[attr-defined]


class Wiring:
    """All uses of the app and the routers in the file, in its order."""

    def __init__(self, source: Source, namespace: dict[str, Any]) -> None:
        self.source = source
        self.routers = {n: v for n, v in namespace.items() if isinstance(v, BaseRouter)}
        self.uses: list[Use] = []
        self.made: dict[Any, Statement] = {}  # where each router is made
        for statement in source.statements:
            self._read(statement)

    def _read(self, statement: Statement) -> None:
        for decorator in statement.decorators:
            if use := self._use(statement, decorator, getattr(statement.node, "name", "")):
                self.uses.append(use)
                self._remove(use)
        node = statement.node
        self._rename(node, DATA)
        if isinstance(node, ast.Expr) and (use := self._use(statement, node.value, "")):
            arguments = [use.applied_to, *(use.call.args if use.call else ())]
            names = [each.id for each in arguments if isinstance(each, ast.Name)]
            self.uses.append(use._replace(target=names[0] if names else ""))
        if isinstance(node, ast.Expr | ast.Assign):
            self._rename(node)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(targets[0], ast.Name) and targets[0].id in self.routers:
                self.made[self.routers[targets[0].id]] = statement

    def _use(self, statement: Statement, node: ast.expr, target: str) -> Use | None:
        root, *attributes = chain_of(node) or [""]
        if root not in self.routers or not attributes:
            return None
        return Use(statement, self.routers[root], attributes[0], node, target)

    def _remove(self, use: Use) -> None:
        """Remove a decorator, or give it the name that it has in Django."""
        if use.attribute in RENAMED:
            self._rename(use.node)
        else:
            self.source.replace(self.source.lines_of(use.node), "")

    def _rename(self, node: ast.AST, names: dict[str, str] = RENAMED) -> None:
        for each in ast.walk(node):
            chain = chain_of(each) if isinstance(each, ast.Attribute) else []
            if len(chain) == 2 and chain[0] in self.routers and chain[1] in names:
                self.source.replace(each, names[chain[1]])

    def of(self, statement: Statement, *attributes: str) -> list[Use]:
        return [u for u in self.uses if u.statement is statement and u.attribute in attributes]

    def is_only_wiring(self, statement: Statement) -> bool:
        """Whether nothing of the statement is left: other modules say the same in Django's way."""
        is_call = isinstance(statement.node, ast.Expr) and self.of(statement, *self.attributes)
        return bool(is_call) or statement in self.made.values() or self.is_template(statement)

    @property
    def attributes(self) -> set[str]:
        return {use.attribute for use in self.uses} - {"library"}

    def is_template(self, statement: Statement) -> bool:
        """Whether the statement is ``app.templates["index.html"] = ...`` or the like."""
        node = statement.node
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AugAssign) else []
        chains = [chain_of(each)[:2] for each in targets]
        return bool(chains) and all(
            chain[:1] and chain[0] in self.routers and chain[1:] == ["templates"]
            for chain in chains
        )


def is_main(node: ast.stmt) -> bool:
    """Whether this is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and "__name__" in {
        each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)
    }
