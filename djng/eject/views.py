"""Make the file's views ordinary Django views, and say how the URLconf names each."""

import ast
import inspect
from pathlib import Path
from typing import Any

from djng.eject.plan import Plan
from djng.eject.returns import FUNCTIONS, ReturnRewriter, Target, quoted
from djng.eject.source import Statement
from djng.eject.wiring import VERBS, Use
from djng.error_views import STATUSES
from djng.exceptions import SetupError
from djng.routing import Route, walk

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


class ViewRewriter:
    """Rewrites each view once, and knows how the URLconf names a route's view."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.source, self.wiring = plan, plan.source, plan.wiring
        self.routes = [each for _, each in walk(plan.site) if isinstance(each, Route)]
        self.routes = list(dict.fromkeys(self.routes))
        self.uses = {route: self.use_of(route) for route in self.routes}
        self.raw: set[Statement] = set()  # views around which the URLconf puts `responds`
        self.restricted: set[Route] = set()  # routes whose methods a decorator of the view checks
        self.plain_hooks: set[str] = set()  # those that return a response or None
        for statement in plan.statements_of("views"):
            self.rewrite(statement)
        for use in self.wiring.uses:
            if use.attribute in ("before_request", "after_request"):
                self.rewrite_hook(use.target)

    def use_of(self, route: Route) -> Use:
        """The decorator or the call that made a route."""
        is_here = Path(route.where.file).resolve() == self.source.path
        uses = [each for each in self.wiring.uses if each.attribute in VERBS] if is_here else []
        for use in uses:
            is_call = isinstance(use.statement.node, ast.Expr)
            if use.statement.contains(route.where.line) and (
                is_call or route.where.line in lines_of(use)
            ):
                return use
        hint = "Write the route as a decorator, or as app.route(...)(view), in the site's file."
        raise SetupError(f"{route} cannot be moved.", hint=hint, where=route.where)

    def routes_of(self, statement: Statement) -> list[Route]:
        return [r for r in self.routes if self.uses[r].target == statement.name]

    def rewrite(self, statement: Statement) -> None:
        group = self.plan.owner.get(statement.name)
        twins = [each for each in group.statements if each.name == statement.name] if group else []
        if len(twins) > 1 and self.wiring.of(statement, *VERBS, "error"):
            message = f"{statement.name} is defined twice."
            raise SetupError(message, hint="Give one another name.", where=twins[-1].where)
        targets = self.targets_of(statement)
        if not targets:
            return
        target, *others = targets
        if isinstance(statement.node, ast.ClassDef):
            is_plain = not others and self.rewrite_class(statement.node, target)
            self.raw |= set() if is_plain else {statement}
        elif isinstance(statement.node, FUNCTIONS):
            self.rewrite_function(statement, target, has_others=bool(others))

    def targets_of(self, statement: Statement) -> list[Target]:
        """The different ways in which a view answers: by its routes, and as an error view."""
        found = [Target(route.template) for route in self.routes_of(statement)]
        for router in self.wiring.routers.values():
            for kind, (view, template) in router.error_views.items():
                if view is self.plan.namespace.get(statement.name):
                    found.append(Target(template, status_of(kind)))
        return list(dict.fromkeys(found))

    def rewrite_function(self, statement: Statement, target: Target, *, has_others: bool) -> None:
        if has_others or self.is_called(statement):
            self.raw.add(statement)
            return
        decorators = [self.methods_decorator(statement)]
        rewriter = ReturnRewriter(self.plan, statement.node, target)
        if not (self.has_plain_decorators(statement) and rewriter.rewrite()):
            decorators.append(responds(target))
        rest = [d for d in statement.decorators if self.source.lines_of(d) not in self.source.edits]
        first = self.source.lines_of(rest[0])[0] if rest else self.source.span(statement.node)[0]
        self.source.replace((first, first), "".join(f"@{each}\n" for each in decorators if each))

    def rewrite_hook(self, name: str) -> None:
        statement = self.plan.owner[name].statements[-1]
        is_plain = self.has_plain_decorators(statement) and not self.is_called(statement)
        if isinstance(statement.node, FUNCTIONS) and is_plain:
            rewriter = ReturnRewriter(self.plan, statement.node, Target())
            self.plain_hooks |= {name} if rewriter.rewrite() else set()

    def rewrite_class(self, node: ast.ClassDef, target: Target) -> bool:
        handlers = [n for n in node.body if isinstance(n, FUNCTIONS) and n.name in METHODS]
        rewriters = [ReturnRewriter(self.plan, n, target, is_method=True) for n in handlers]
        return all(rewriter.rewrite() for rewriter in rewriters)

    def has_plain_decorators(self, statement: Statement) -> bool:
        """Whether what the function returns passes only through Django's decorators."""
        left = [d for d in statement.decorators if self.source.lines_of(d) not in self.source.edits]
        found = [self.resolve(each) for each in left]
        return all(getattr(each, "__module__", "").startswith("django.") for each in found)

    def resolve(self, decorator: ast.expr) -> Any:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        rewriter = ReturnRewriter(self.plan, ast.parse("def f(): pass").body[0], Target())
        return rewriter.resolve(node)

    def is_called(self, statement: Statement) -> bool:
        """Whether other code uses the view, and so gets what it returns."""
        return any(
            statement.name in each.names.used
            for group in self.plan.groups
            for each in group.statements
            if each is not statement
        )

    def methods_decorator(self, statement: Statement) -> str:
        """The decorator of Django that lets only the route's methods pass."""
        routes = self.routes_of(statement)
        methods = {route.methods for route in routes}
        if len(methods) != 1 or methods == {(None,)} or not all(map(self.is_alone, routes)):
            return ""
        self.restricted |= {*routes}
        return require(methods.pop())

    def is_alone(self, route: Route) -> bool:
        """Whether the route's URL has no other function."""
        routers = [each for _, each in walk(self.plan.site) if not isinstance(each, Route)]
        entries = [each for router in routers for each in router.entries if isinstance(each, list)]
        return all(each == [route] for each in entries if route in each)

    def expression(self, route: Route) -> str:
        """What stands for the route's view in the URLconf."""
        use = self.uses[route]
        group = self.plan.owner.get(use.target)
        statement = group.statements[-1] if group else use.statement
        if use.applied_to is not None and not isinstance(use.applied_to, ast.Name):
            text = self.source.text_of(use.applied_to)
            is_view = inspect.isroutine(route.view) and hasattr(route.view, "view_class")
            is_library = type(route.view).__module__ not in (
                "builtins",
                "functools",
                self.plan.site.label,
            )
            text = text if is_view or is_library else f"{responds(Target(route.template))}({text})"
        else:
            text = f"views.{use.target}" if group and group.module == "views" else use.target
            text += ".as_view()" if inspect.isclass(route.view) else ""
        if statement in self.raw:
            text = f"{responds(Target(route.template))}({text})"
        is_restricted = route in self.restricted or route.methods == (None,)
        if is_restricted or not self.is_alone(route):
            return text
        return f"{require(route.methods)}({text})"


def lines_of(use: Use) -> range:
    return range(use.node.lineno, (use.node.end_lineno or use.node.lineno) + 1)


def require(methods: tuple[str | None, ...]) -> str:
    """Django's decorator for the methods; GET implies HEAD, as with djng."""
    if methods == ("GET",):
        return "require_safe"
    if methods == ("POST",):
        return "require_POST"
    with_head = [m for each in methods for m in ([each, "HEAD"] if each == "GET" else [each])]
    names = ", ".join(quoted(str(each)) for each in dict.fromkeys(with_head))
    return f"require_http_methods([{names}])"


def responds(target: Target) -> str:
    """The decorator of shortcuts.py for a view whose returned types only its runs show."""
    arguments = [quoted(target.template)] if target.template else []
    arguments += [f"status={target.status}"] if target.status else []
    return f"responds({', '.join(arguments)})"


def status_of(kind: Any) -> int:
    """The status of the response of an error view, unless the view says another."""
    return (
        kind if isinstance(kind, int) else next(STATUSES[c] for c in kind.__mro__ if c in STATUSES)
    )
