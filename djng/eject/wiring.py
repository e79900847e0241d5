"""Find what the file does with djng, and take it out of the text."""

import ast
from pathlib import Path
from typing import Any, NamedTuple

from djng.eject.source import Source, Statement, chain_of
from djng.exceptions import Location, SetupError
from djng.routing import BaseRouter, walk

VERBS = ("route", "get", "post", "put", "patch", "delete")
# What Django has a like of.
RENAMED = {"library": "register", "task": "task", "data": "settings.DATA_DIR"}


class Use(NamedTuple):
    """A decorator or a call of the app or of a router."""

    statement: Statement
    router: Any
    attribute: str
    node: ast.expr
    call: ast.Call | None  # the inner one in ``app.route("/")(view)``
    applied_to: ast.expr | None  # here, `view`

    @property
    def target(self) -> str:
        """The name of what it is applied to."""
        if self.node in self.statement.decorators:
            return self.statement.name
        given = [self.applied_to, *(self.call.args if self.call else ())]
        return next((each.id for each in given if isinstance(each, ast.Name)), "")


class Wiring:
    """All uses of the app and the routers in the file, in its order."""

    def __init__(self, source: Source, namespace: dict[str, Any]) -> None:
        self.source, self.namespace = source, namespace
        self.routers = {n: v for n, v in namespace.items() if isinstance(v, BaseRouter)}
        self.names = {router: name for name, router in self.routers.items()}
        self.uses: list[Use] = []
        self.made: dict[Any, Statement] = {}  # where each router is made
        for statement in source.statements:
            self._read(statement)

    def join(self, name: str, other: "Wiring") -> None:
        """Take in what another module does, which is named by its name."""
        self.uses += other.uses
        self.made |= other.made
        names = {router: f"{name}.{each}" for router, each in other.names.items()}
        self.names = {**names, **self.names}

    def check_routers(self, site: Any) -> None:
        """Refuse a router of which no module says where it is made."""
        for _, scope in walk(site):
            if isinstance(scope, BaseRouter) and scope not in self.made:
                message = "eject does not see where this router is made."
                hint = "Write name = Router(...), as a statement of its own."
                raise SetupError(message, hint=hint, where=scope.where)

    def _read(self, statement: Statement) -> None:
        node = statement.node
        wired = [*statement.decorators, *([node.value] if isinstance(node, ast.Expr) else [])]
        tags = {n for e in wired if chain_of(e)[1:2] == ["library"] for n in ast.walk(e)}
        for each in ast.walk(node):
            chain = chain_of(each) if isinstance(each, ast.Attribute) else []
            is_known = len(chain) == 2 and chain[0] in self.routers and chain[1] in RENAMED
            if is_known and (chain[1] != "library" or each in tags):
                self.source.replace(each, RENAMED[chain[1]])
        for each in wired:
            root, *attributes = chain_of(each) or [""]
            router = self.routers.get(root)
            if router is None and attributes:  # perhaps `shop.router`, of another module
                router = getattr(self.namespace.get(root), attributes.pop(0), None)
            if isinstance(router, BaseRouter) and attributes and attributes[0] != "data":
                self._add(statement, router, attributes[0], each)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id in self.routers:
                    self.made[self.routers[target.id]] = statement

    def _add(self, statement: Statement, router: Any, attribute: str, node: ast.expr) -> None:
        call, applied_to = node if isinstance(node, ast.Call) else None, None
        if call and isinstance(call.func, ast.Call):
            call, applied_to = call.func, next(iter(call.args), None)
        self.uses.append(Use(statement, router, attribute, node, call, applied_to))
        if node in statement.decorators and attribute not in RENAMED:
            self.source.replace(self.source.lines_of(node), "")

    def of(self, statement: Statement, attribute: str) -> list[Use]:
        return [u for u in self.uses if u.statement is statement and u.attribute == attribute]

    def use_at(self, where: Location, *attributes: str, what: str) -> Use:
        """The decorator or the call that is on a line."""
        file = Path(where.file).resolve()
        for use in [each for each in self.uses if each.statement.source.path == file]:
            node = use.statement.node if isinstance(use.statement.node, ast.Expr) else use.node
            is_there = node.lineno <= where.line <= (node.end_lineno or node.lineno)
            if use.attribute in attributes and is_there:
                return use
        hint = "Write it as a decorator, or as a statement of its own, in the site's file."
        raise SetupError(f"{what} cannot be moved.", hint=hint, where=where)

    def is_only_wiring(self, statement: Statement) -> bool:
        """Whether nothing of the statement is left: other modules say the same in Django's way."""
        node = statement.node
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        chains = [chain_of(each)[:2] for each in targets if each]
        is_template = bool(chains) and all(
            each[1:] == ["templates"] and each[0] in self.routers for each in chains
        )
        uses = [each for each in self.uses if each.statement is statement]
        is_call = isinstance(node, ast.Expr) and any(each.attribute != "library" for each in uses)
        return is_call or is_template or statement in self.made.values()


def is_main(node: ast.stmt) -> bool:
    """Whether this is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
