"""Write what holds for the site or for a part of it: middleware, hooks and error views."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls.resolvers import RoutePattern

from djng.eject.layout import call, enclosed, quoted
from djng.eject.returns import Target, resolve
from djng.eject.views import ViewRewriter, status_of
from djng.error_views import STATUSES
from djng.responses import is_async
from djng.routing import BaseRouter, Route, walk
from djng.rules import accepts

DEFAULTS = {
    400: "defaults.bad_request",
    403: "defaults.permission_denied",
    404: "defaults.page_not_found",
    500: "lambda request, exception: defaults.server_error(request)",
}


class MiddlewareWriter:
    """The lines for middleware.py, and `names` of what stands in MIDDLEWARE for djng's."""

    def __init__(self, views: ViewRewriter, *, reads_keys: bool) -> None:
        self.views, self.site, self.label = views, views.plan.site, views.plan.site.label
        self.scopes = list(dict.fromkeys(scope for _, scope in walk(self.site)))
        self.lines: list[str] = []
        self.own: list[str] = []  # the middleware of the file, in the order of Django
        self.by_position = set[str]()  # error views with no parameter called `exception`
        self.errors = [*self.error_views()]
        errors = [e for e in self.errors if isinstance(e[1], type)]
        for scope in self.scopes:
            self.add_middleware(scope)
            for kind, function in hooks_of(scope):
                name = f"{views.name_of(function)}_middleware".replace(".", "_")
                hook = self.sync(function, Target())
                if errors:
                    hook = f"handling_errors({hook})"
                self.add(scope, name, f"{kind}({hook})")
        if errors:
            items = [*self.items()]
            self.lines.append("ERROR_VIEWS: list[Any] = " + enclosed("[]", items))
        place = f"{self.label}.middleware"
        missing_key = [f"{place}.MissingKeyMiddleware"] if reads_keys else []
        self.own += [] if errors else missing_key
        error = [*missing_key, f"{place}.ErrorMiddleware"]
        self.names = {
            "djng.middleware.ErrorMiddleware": error if errors else [],
            "djng.middleware.CommonMiddleware": [f"{place}.SlashRedirectMiddleware"],
            "djng.middleware.ScopeMiddleware": self.own,
        }

    def add_middleware(self, scope: Any) -> None:
        for layer in scope.middleware if isinstance(scope, Route) else scope.middleware_classes:
            package, _, name = layer.rpartition(".") if isinstance(layer, str) else ("", "", "")
            is_foreign = package not in ("", self.label)
            name = name or self.views.name_of(layer)
            if scope is self.site:
                self.own.append(layer if is_foreign else f"{self.label}.middleware.{name}")
            else:
                own = scope.name if isinstance(scope, Route) else self.views.wiring.names[scope]
                factory = f"import_string({quoted(layer)})" if is_foreign else name
                self.add(scope, f"{own}_{snake_case(name)}".replace(".", "_"), factory)

    def add(self, scope: Any, name: str, middleware: str) -> None:
        """Add a middleware under a name, for the scope's URLs only."""
        line = f"{name} = {middleware}"
        if scope is not self.site:
            line = call(f"{name} = only_for", [self.pattern(scope), middleware])
        self.lines.append(line)
        self.own.append(f"{self.label}.middleware.{name}")

    def pattern(self, scope: Any) -> str:
        """A regular expression for the paths of a scope: its prefixes, or else its routes."""
        if scope is self.site:
            return '""'
        inside = {each for _, each in walk(scope)} if isinstance(scope, BaseRouter) else {scope}
        rules: dict[bool, list[str]] = {True: [], False: []}  # inside, and elsewhere
        for rule, each in walk(self.site):
            if isinstance(each, Route):
                rules[each in inside].append(rule)
        found = [rule for rule, each in walk(self.site) if each is scope]
        is_shared = not all(found) or any(rule.startswith(tuple(found)) for rule in rules[False])
        if is_shared or isinstance(scope, Route):
            parts = [regex(rule, is_endpoint=True) for rule in rules[True]]
        else:
            parts = [regex(prefix, is_endpoint=False) for prefix in found]
        return f'r"/{parts[0]}"' if len(parts) == 1 else f'r"/({"|".join(parts)})"'

    def sync(self, function: Any, target: Target) -> str:
        name = self.views.named(function, target)
        return f"async_to_sync({name})" if is_async(function) else name

    def error_views(self) -> Iterator[tuple[str, Any, str]]:
        """The error views: innermost routers first, then the nearest classes and statuses."""
        for scope in reversed([each for each in self.scopes if isinstance(each, BaseRouter)]):
            for key in sorted(scope.error_views, key=distance):
                view, template = scope.error_views[key]
                target = Target(template, status_of(key))
                text = self.sync(view, target)
                if not accepts(view, None, exception=None):
                    self.by_position.add(text)
                yield self.pattern(scope), key, text

    def items(self) -> Iterator[str]:
        """The lines of ERROR_VIEWS: the classes, and the statuses that come before such a class."""
        for number, (pattern, key, view) in enumerate(self.errors):
            later = [each for _, each, _ in self.errors[number:] if isinstance(each, type)]
            if isinstance(key, type):
                yield f"({pattern}, {self.written(key)}, {view})"
            elif any(may_answer(kind, key) for kind in later):
                yield f"({pattern}, {key}, None)"

    def written(self, kind: type[Exception]) -> str:
        """How the file writes a class of exceptions in `@app.error(...)`."""
        for views in (self.views, *self.views.others.values()):
            for use in [each for each in views.wiring.uses if each.attribute == "error"]:
                node = use.call.args[0] if use.call and use.call.args else None
                if node and resolve(views.plan, node) is kind:
                    return use.statement.source.text_of(node)
        return self.views.name_of(kind)

    def handlers(self) -> list[str]:
        """`handler404` and its like for the URLconf, which also get what no view has raised."""
        found = [self.handled(status) for status in DEFAULTS]
        pairs = zip(DEFAULTS, found, strict=True)
        return [self.handler(status, views) for status, views in pairs if views]

    def handled(self, status: int) -> list[tuple[str, str]]:
        """The error views for a status, and where those for classes are to be asked first."""
        views: dict[tuple[str, str], None] = {}
        for pattern, key, view in self.errors:
            if key == status:
                views[pattern, view] = None
            elif status != 500 and isinstance(key, type) and may_answer(key, status):
                views[pattern, "answer_error"] = None
        return [*views]

    def handler(self, status: int, views: list[tuple[str, str]]) -> str:
        pattern, view = views[0]
        is_plain = "(" not in view and view not in ("answer_error", *self.by_position)
        if pattern == '""' and is_plain and status != 500:  # whose handler gets no exception
            return f'handler{status} = "{self.label}.{view}"'
        if views[-1][0] != '""' or views[-1][1] == "answer_error":
            views = [*views, ('""', DEFAULTS[status])]
        return call(f"handler{status} = error_view", [f"({p}, {v})" for p, v in views])


def distance(key: Any) -> float:
    """The place of an error view among those of its scope; a status follows its own classes."""
    if isinstance(key, int):
        return -1.5 if key == 500 else -3.5  # around the lengths for Exception and BaseException
    return -len(key.__mro__)


def may_answer(kind: type, status: int) -> bool:
    """Whether an exception with this status may be of the class."""
    found = [each for each, number in STATUSES.items() if number == status]
    return any(issubclass(each, kind) or issubclass(kind, each) for each in found)


def hooks_of(scope: Any) -> Iterator[tuple[str, Any]]:
    """The functions for responses are further out, as in djng."""
    yield from (("call_after", each) for each in getattr(scope, "after_functions", ()))
    yield from (("call_before", each) for each in getattr(scope, "before_functions", ()))


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def regex(rule: str, *, is_endpoint: bool) -> str:
    """The regular expression of a rule, without names and without its beginning."""
    pattern = RoutePattern(rule, is_endpoint=is_endpoint).regex.pattern
    return re.sub(r"\?P<\w+>", "?:", pattern).removeprefix("^")
