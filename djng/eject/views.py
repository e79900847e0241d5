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
from djng.exceptions import SetupError, is_library_file
from djng.routing import Route, walk
from djng.rules import METHODS

# The methods of a class-based view that may return the response.
ANSWERING = {*map(str.lower, METHODS), "dispatch", "form_valid", "form_invalid"}
ANSWERING |= {"handle_no_permission", "http_method_not_allowed", "render_to_response"}


class ViewRewriter:
    """Rewrites each view and hook once, and knows how other modules name it."""

    def __init__(self, plan: Plan, taken: set[str]) -> None:
        self.taken = taken  # names that other files of the user's use
        self.plan, self.source, self.wiring = plan, plan.source, plan.wiring
        self.routes = [each for _, each in walk(plan.site) if isinstance(each, Route)]
        self.raw: set[str] = set()  # functions around which other modules put `responds`
        self.restricted: set[Route] = set()  # routes whose methods a decorator of the view checks
        self.others: dict[str, ViewRewriter] = {}  # those of other modules, by their names
        for statement in [each for group in plan.groups for each in group.statements]:
            view = plan.namespace.get(statement.name)
            if targets := [*dict.fromkeys(self.targets(view))]:
                self.rewrite(statement, view, targets)

    def join(self, name: str, other: "ViewRewriter") -> None:
        """Take in the views of another module, which are named by its name."""
        self.others[name] = other
        self.raw |= {f"{name}.{each}" for each in other.raw}
        self.restricted |= other.restricted
        self.wiring.join(name, other.wiring)

    def targets(self, view: Any) -> Iterator[Target]:
        """The ways in which a view answers: by its routes, as an error view, as a hook."""
        yield from (Target(route.template) for route in self.routes if route.view is view)
        for router in self.wiring.names:
            hooks = [*router.before_functions, *router.after_functions]
            yield from (Target() for hook in hooks if hook is view)
            for kind, (error_view, template) in router.error_views.items():
                if error_view is view:
                    yield Target(template, status_of(kind))

    def rewrite(self, statement: Statement, view: Any, targets: list[Target]) -> None:
        """Rewrite what the view returns, or note that it needs `responds`."""
        name, node = statement.name, statement.node
        twins = [each for each in self.plan.owner[name].statements if each.name == name]
        if twins[1:]:
            message = f"{name} is defined twice."
            raise SetupError(message, hint="Give one another name.", where=twins[-1].where)
        target, *others = targets
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, FUNCTIONS)]
            methods = [each for each in methods if each.name in ANSWERING]
            is_shared = inherits_answers(view) or (methods and self.is_called(statement))
            rewriters = [ReturnRewriter(self.plan, each, target) for each in methods]
            if others or is_shared or not all(each.rewrite() for each in rewriters):
                self.raw.add(name)
        elif isinstance(node, FUNCTIONS) and not (others or self.is_called(statement)):
            self.decorate(statement, view, target)
        elif not is_response_view(view):
            self.raw.add(name)

    def decorate(self, statement: Statement, view: Any, target: Target) -> None:
        """Rewrite a function, and write the decorators that it needs above those it has."""
        left = [d for d in statement.decorators if self.source.lines_of(d) not in self.source.edits]
        is_plain = all(self.is_of_django(each) for each in left)
        is_done = is_plain and ReturnRewriter(self.plan, statement.node, target).rewrite()
        lines = [self.methods_decorator(view), "" if is_done else responds(target)]
        span = self.source.lines_of(left[0]) if left else self.source.span(statement.node)
        self.source.replace((span[0], span[0]), "".join(f"@{each}\n" for each in lines if each))

    def is_of_django(self, decorator: ast.expr) -> bool:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        return str(getattr(resolve(self.plan, node), "__module__", "")).startswith("django.")

    def is_called(self, statement: Statement) -> bool:
        """Whether other code uses the function, and so gets what it returns."""
        others = [each for group in self.plan.groups for each in group.statements]
        is_taken = statement.name in self.taken
        return is_taken or any(statement.name in o.names.used for o in others if o != statement)

    def methods_decorator(self, view: Any) -> str:
        """The decorator of Django that lets only the routes' methods pass."""
        routes = {route for route in self.routes if route.view is view}
        methods = {route.methods for route in routes}
        if len(methods) != 1 or methods == {(None,)} or not all(map(self.is_alone, routes)):
            return ""
        self.restricted |= routes
        return require(methods.pop())

    def is_alone(self, route: Route) -> bool:
        """Whether the route's URL has no other function."""
        return any([route] in router.entries for router in self.wiring.names)

    def name_of(self, thing: Any) -> str:
        """The name by which the file knows something."""
        for module, other in self.others.items():
            for name in other.plan.owner:
                if other.plan.namespace.get(name) is thing:
                    return f"{module}.{name}"
        for name, value in self.plan.namespace.items():
            if value is thing:
                return name
        message = f"{thing!r} has no name in the file."
        raise SetupError(message, hint="Give it one.", where=self.plan.site.where)

    def named(self, view: Any, target: Target) -> str:
        """How another module names a view, with `responds` around it if it needs that."""
        name = self.name_of(view)
        text = f"views.{name}" if self.plan.module_of(name) == "views" else name
        text += ".as_view()" if inspect.isclass(view) else ""
        is_imported = not (self.plan.module_of(name) or name.rpartition(".")[0] in self.others)
        is_raw = name in self.raw or (is_imported and not is_response_view(view))
        return f"{responds(target)}({text})" if is_raw else text

    def expression(self, route: Route) -> str:
        """What stands for the route's view in the URLconf."""
        target = Target(route.template)
        use = self.wiring.use_at(route.where, *VERBS, what=str(route))
        if use.applied_to and not isinstance(use.applied_to, ast.Name):
            text = use.statement.source.text_of(use.applied_to)
            text = text if is_response_view(route.view) else f"{responds(target)}({text})"
        else:
            text = self.named(route.view, target)
        if route in self.restricted or route.methods == (None,) or not self.is_alone(route):
            return text
        return f"{require(route.methods)}({text})"


def inherits_answers(view: type) -> bool:
    """Whether a class of the user's, which may return anything, answers for a view."""
    bases = [each for each in view.__mro__[1:] if ANSWERING & vars(each).keys()]
    return not all(is_library_file(inspect.getfile(each)) for each in bases)


def is_response_view(view: Any) -> bool:
    """Whether Django's own code calls it, as for a View or a Feed: then it returns a response."""
    owner = view if inspect.isclass(view) else type(view).__call__
    is_of_django = str(getattr(owner, "__module__", "")).startswith("django.")
    return is_of_django or hasattr(view, "view_class")


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


def status_of(kind: Any) -> int | None:
    """The status of the response of an error view, unless the view says another.

    It is None for classes such as Exception, whose subclasses have several.
    """
    if isinstance(kind, int):
        return kind
    found = {status for each, status in STATUSES.items() if issubclass(each, kind)}
    found |= {next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)}
    return found.pop() if len(found) == 1 else None
