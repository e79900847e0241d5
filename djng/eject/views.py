"""Make the file's views ordinary Django views, and say how the URLconf names each."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from djng.eject.layout import quoted
from djng.eject.plan import Plan
from djng.eject.returns import ReturnRewriter, Target, resolve
from djng.eject.source import FUNCTIONS, Statement
from djng.eject.wiring import VERBS
from djng.error_views import STATUSES
from djng.exceptions import SetupError
from djng.routing import Route, walk
from djng.rules import METHODS


class ViewRewriter:
    """Rewrites each view and hook once, and knows how other modules name it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.source, self.wiring = plan, plan.source, plan.wiring
        routes = [each for _, each in walk(plan.site) if isinstance(each, Route)]
        self.uses = {r: self.wiring.use_at(r.where, *VERBS, what=str(r)) for r in routes}
        self.raw: set[str] = set()  # functions around which other modules put `responds`
        self.restricted: set[Route] = set()  # routes whose methods a decorator of the view checks
        for name, group in plan.owner.items():
            for statement in group.statements:
                if statement.name == name and (targets := [*dict.fromkeys(self.targets(name))]):
                    self.rewrite(statement, targets)

    def targets(self, name: str) -> Iterator[Target]:
        """The ways in which a function answers: by its routes, as an error view, as a hook."""
        value = self.plan.namespace.get(name)
        yield from (Target(r.template) for r, use in self.uses.items() if use.target == name)
        for router in self.wiring.names:
            for kind, (view, template) in router.error_views.items():
                if view is value:
                    yield Target(template, status_of(kind))
            hooks = [*router.before_functions, *router.after_functions]
            yield from (Target() for hook in hooks if hook is value)

    def rewrite(self, statement: Statement, targets: list[Target]) -> None:
        """Rewrite what the view returns, or give it the decorator `responds`."""
        name, node = statement.name, statement.node
        twins = [each for each in self.plan.owner[name].statements if each.name == name]
        if twins[1:]:
            message = f"{name} is defined twice."
            raise SetupError(message, hint="Give one another name.", where=twins[-1].where)
        if targets[1:] or (isinstance(node, FUNCTIONS) and self.is_called(statement)):
            self.raw.add(name)
        elif isinstance(node, ast.ClassDef):
            handlers = [
                n for n in node.body if isinstance(n, FUNCTIONS) and n.name.upper() in METHODS
            ]
            done = [ReturnRewriter(self.plan, n, targets[0]).rewrite() for n in handlers]
            self.raw |= set() if all(done) else {name}
        elif isinstance(node, FUNCTIONS):
            left = [each for each in statement.decorators if not self.is_removed(each)]
            is_plain = all(self.is_of_django(each) for each in left)
            is_done = is_plain and ReturnRewriter(self.plan, node, targets[0]).rewrite()
            lines = [self.methods_decorator(name), "" if is_done else responds(targets[0])]
            first = self.source.span(node)[0]
            first = self.source.lines_of(left[0])[0] if left else first
            self.source.replace((first, first), "".join(f"@{each}\n" for each in lines if each))

    def is_of_django(self, decorator: ast.expr) -> bool:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        return str(getattr(resolve(self.plan, node), "__module__", "")).startswith("django.")

    def is_removed(self, decorator: ast.expr) -> bool:
        return self.source.lines_of(decorator) in self.source.edits

    def is_called(self, statement: Statement) -> bool:
        """Whether other code uses the function, and so gets what it returns."""
        others = [each for group in self.plan.groups for each in group.statements]
        return any(statement.name in o.names.used for o in others if o is not statement)

    def methods_decorator(self, name: str) -> str:
        """The decorator of Django that lets only the routes' methods pass."""
        routes = [route for route, use in self.uses.items() if use.target == name]
        methods = {route.methods for route in routes}
        if len(methods) != 1 or methods == {(None,)} or not all(map(self.is_alone, routes)):
            return ""
        self.restricted |= {*routes}
        return require(methods.pop())

    def is_alone(self, route: Route) -> bool:
        """Whether the route's URL has no other function."""
        entries = [each for router in self.wiring.names for each in router.entries]
        return [route] in entries

    def named(self, function: Any, target: Target) -> str:
        """How another module names a view, with `responds` around it if it needs that."""
        name = self.name_of(function)
        module = self.plan.module_of(name)
        text = f"views.{name}" if module == "views" else name
        return f"{responds(target)}({text})" if name in self.raw else text

    def name_of(self, thing: Any) -> str:
        """The name by which the file knows something."""
        for name, value in self.plan.namespace.items():
            if value is thing:
                return name
        message = f"{thing!r} has no name in the file."
        raise SetupError(message, hint="Give it one.", where=self.plan.site.where)

    def expression(self, route: Route) -> str:
        """What stands for the route's view in the URLconf."""
        use, view, target = self.uses[route], route.view, Target(route.template)
        if use.applied_to and not isinstance(use.applied_to, ast.Name):
            text = self.source.text_of(use.applied_to)
            own = ("builtins", "functools", self.plan.site.label)
            is_plain = hasattr(view, "view_class") or type(view).__module__ not in own
            text = text if is_plain else f"{responds(target)}({text})"
        else:
            module = self.plan.module_of(use.target)
            text = f"views.{use.target}" if module == "views" else use.target
            text += ".as_view()" if inspect.isclass(view) else ""
            text = f"{responds(target)}({text})" if use.target in self.raw else text
        if route in self.restricted or route.methods == (None,) or not self.is_alone(route):
            return text
        return f"{require(route.methods)}({text})"


def require(methods: tuple[str | None, ...]) -> str:
    """Django's decorator for the methods; GET implies HEAD, as with djng."""
    if methods in (("GET",), ("POST",)):
        return "require_safe" if methods == ("GET",) else "require_POST"
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
    if isinstance(kind, int):
        return kind
    return next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)
