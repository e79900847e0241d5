"""Write what holds for the site or for a part of it: middleware, hooks and error views."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls.resolvers import RoutePattern

from djng.eject.layout import call, shifted
from djng.eject.plan import Plan
from djng.eject.returns import Target, quoted
from djng.eject.views import ViewRewriter, responds, status_of
from djng.exceptions import SetupError
from djng.responses import is_async
from djng.routing import BaseRouter, Route, walk

DEFAULT_HANDLERS = {400: "bad_request", 403: "permission_denied", 404: "page_not_found"}


class ScopeWriter:
    """Writes middleware.py and the handlers. `names` are the middleware, in the order of Django."""

    def __init__(self, plan: Plan, views: ViewRewriter) -> None:
        self.views = views
        self.plan, self.site, self.label = plan, plan.site, plan.site.label
        self.scopes = list(dict.fromkeys(scope for _, scope in walk(self.site)))
        self.parts: list[str] = []
        self.names: list[str] = []
        for scope in self.scopes:
            self.add(scope)

    def add(self, scope: Any) -> None:
        layers = scope.middleware if isinstance(scope, Route) else scope.middleware_classes
        for layer in layers:
            self.add_layer(scope, layer)
        for function in getattr(scope, "after_functions", ()):
            text = f"{self.called(function)}(request, get_response(request))"
            is_plain = self.name_of(function) in self.views.plain_hooks
            text = text if is_plain else f"to_response(request, {text})"
            self.add_hook(scope, function, f"return {text}")
        for function in getattr(scope, "before_functions", ()):
            text = f"return {self.called(function)}(request) or get_response(request)"
            if self.name_of(function) not in self.views.plain_hooks:
                text = f"returned = {self.called(function)}(request)\nif returned is not None:\n"
                text += "    return to_response(request, returned)\nreturn get_response(request)"
            self.add_hook(scope, function, text)

    def add_layer(self, scope: Any, layer: Any) -> None:
        """One middleware: the site's as it is, a router's only for the router's URLs."""
        package, _, name = layer.rpartition(".") if isinstance(layer, str) else ("", "", "")
        is_foreign = package not in ("", self.label)
        name = name or self.name_of(layer)
        if scope is self.site:
            self.names.append(layer if is_foreign else f"{self.label}.middleware.{name}")
            return
        factory = f"import_string({quoted(layer)})" if is_foreign else name
        own = f"{self.scope_name(scope)}_{snake_case(name)}"
        self.parts.append(f"{own} = " + call("only_for", [self.pattern(scope), factory]))
        self.names.append(f"{self.label}.middleware.{own}")

    def add_hook(self, scope: Any, function: Any, text: str) -> None:
        name = f"{self.name_of(function)}_middleware"
        body = shifted(text, 8)
        if scope is not self.site:
            test = f"        if not {self.condition(scope)}:"
            body = f"{test}\n            return get_response(request)\n{body}"
        head = f"def {name}(get_response):\n    def middleware(request):"
        self.parts.append(f"{head}\n{body}\n\n    return middleware")
        self.names.append(f"{self.label}.middleware.{name}")

    def called(self, function: Any) -> str:
        name = self.name_of(function)
        return f"async_to_sync({name})" if is_async(function) else name

    def name_of(self, thing: Any) -> str:
        """The name by which the file knows something."""
        for name, value in self.plan.namespace.items():
            if value is thing:
                return name
        message = f"{thing!r} has no name in the file."
        raise SetupError(message, hint="Give it one.", where=self.site.where)

    def scope_name(self, scope: Any) -> str:
        return scope.name if isinstance(scope, Route) else self.name_of(scope)

    def prefixes(self, scope: Any) -> list[str]:
        return [rule for rule, each in walk(self.site) if each is scope]

    def inside(self, scope: Any) -> list[tuple[str, Route]]:
        """The routes below a router, with their rules from the root."""
        found = [*walk(self.site)]
        if isinstance(scope, Route):
            return [(rule, each) for rule, each in found if each is scope]
        routes = {each for _, each in walk(scope) if isinstance(each, Route)}
        return [(rule, each) for rule, each in found if each in routes]

    def is_prefix_enough(self, scope: Any) -> bool:
        """Whether the router has all URLs below its prefixes, and no URL is elsewhere."""
        if isinstance(scope, Route):
            return False
        prefixes, own = self.prefixes(scope), [route for _, route in self.inside(scope)]
        others = [
            rule for rule, each in walk(self.site) if isinstance(each, Route) and each not in own
        ]
        return all(prefixes) and not any(o.startswith(p) for o in others for p in prefixes)

    def pattern(self, scope: Any) -> str:
        """A regular expression for the paths of a scope."""
        if self.is_prefix_enough(scope):
            parts = [regex(each, is_endpoint=False) for each in self.prefixes(scope)]
        else:
            parts = [regex(rule, is_endpoint=True) for rule, _ in self.inside(scope)]
        return f'r"/{parts[0]}"' if len(parts) == 1 else f'r"/({"|".join(parts)})"'

    def condition(self, scope: Any) -> str:
        prefixes = self.prefixes(scope)
        if self.is_prefix_enough(scope) and not any("<" in each for each in prefixes):
            texts = [quoted(f"/{each}") for each in prefixes]
            given = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
            return f"request.path_info.startswith({given})"
        return f"re.match({self.pattern(scope)}, request.path_info)"

    def error_views(self, *, is_class: bool) -> Iterator[tuple[Any, Any, str]]:
        """The error views: innermost routers first, then the nearest classes first."""
        for scope in reversed([each for each in self.scopes if isinstance(each, BaseRouter)]):
            keys = [key for key in scope.error_views if isinstance(key, type) == is_class]
            for key in sorted(keys, key=lambda k: -len(getattr(k, "__mro__", ()))):
                view, template = scope.error_views[key]
                name = f"views.{self.name_of(view)}"
                if self.plan.owner[self.name_of(view)].statements[-1] in self.views.raw:
                    name = f"{responds(Target(template, status_of(key)))}({name})"
                yield scope, key, f"async_to_sync({name})" if is_async(view) else name

    def error_middleware(self) -> str:
        """The middleware for the error views of exception classes; empty if there are none."""
        found = [*self.error_views(is_class=True)]
        if not found:
            return ""
        tests = []
        for scope, key, view in found:
            where = "" if scope is self.site else f"{self.condition(scope)} and "
            tests.append(
                f"        if {where}isinstance(exception, {self.name_of(key)}):\n"
                f"            return {view}(request, exception)"
            )
        self.names.insert(0, f"{self.label}.middleware.ErrorMiddleware")
        is_failure = any(status_of(key) == 500 for _, key, _ in found)
        head = ERROR_MIDDLEWARE + (LOGGED if is_failure else ANSWER.format("process_exception"))
        return head + "\n".join([*tests, "        return None"])

    def handlers(self) -> list[str]:
        """`handler404` and its like for the URLconf."""
        found: dict[int, list[tuple[Any, str]]] = {}
        for scope, status, view in self.error_views(is_class=False):
            found.setdefault(status, []).append((scope, view))
        return [self.handler(status, views) for status, views in sorted(found.items())]

    def handler(self, status: int, views: list[tuple[Any, str]]) -> str:
        (scope, view), *others = views
        is_plain = scope is self.site and not others and "(" not in view
        if is_plain and status != 500:
            return f'handler{status} = "{self.label}.{view}"'
        default = f"defaults.{DEFAULT_HANDLERS.get(status, 'server_error')}"
        exception = "sys.exception()" if status == 500 else "exception"
        lines = []
        for scope, view in views:
            answer = f"return {view}(request, {exception})"
            lines += (
                [f"    if {self.condition(scope)}:\n        {answer}"]
                if scope is not self.site
                else []
            )
            default = view if scope is self.site else default
        last = "" if status == 500 and default.startswith("defaults.") else f", {exception}"
        arguments = "request" if status == 500 else "request, exception"
        return "\n".join(
            [f"def handler{status}({arguments}):", *lines, f"    return {default}(request{last})"]
        )


ERROR_MIDDLEWARE = '''\
class ErrorMiddleware:
    """Answers exceptions that views raise."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

'''
ANSWER = "    def {}(self, request, exception):\n"
LOGGED = """\
    def process_exception(self, request, exception):
        response = self.answer(request, exception)
        if response is not None and response.status_code >= 500:
            got_request_exception.send(sender=None, request=request)
            log_response(
                "%s: %s",
                response.reason_phrase,
                request.path,
                response=response,
                request=request,
                exception=exception,
            )
        return response

""" + ANSWER.format("answer")


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def regex(rule: str, *, is_endpoint: bool) -> str:
    """The regular expression of a rule, without names and without its beginning."""
    pattern = RoutePattern(rule, is_endpoint=is_endpoint).regex.pattern
    return re.sub(r"\?P<\w+>", "?:", pattern).removeprefix("^")
