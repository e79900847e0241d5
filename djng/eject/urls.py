"""Write the URLconf: the routes as `path(...)`, the routers as lists to `include(...)`."""

import ast
import re
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import FileField
from django.urls.converters import get_converters
from django.urls.resolvers import LocalePrefixPattern

from djng import responses
from djng.eject import accounts
from djng.eject.layout import call, enclosed, quoted
from djng.eject.source import Source
from djng.eject.views import ViewRewriter
from djng.eject.wiring import Use
from djng.routing import BaseRouter, Include, Route
from djng.rules import METHODS

MEDIA = """\
# Uploaded files, while DEBUG is on.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)"""


class UrlWriter:
    """Writes the patterns of the app and of each router."""

    def __init__(self, views: ViewRewriter) -> None:
        self.views, self.wiring, self.source = views, views.wiring, views.source
        self.site = views.plan.site
        self.lists: dict[BaseRouter, str] = {}  # each router's patterns, inner ones first
        self.converters: dict[str, str] = {}

    def texts(self) -> list[str]:
        """The converters and the lists of patterns, ending with `urlpatterns`."""
        patterns = self.patterns(self.site)
        if self.site.admin_path is not None:
            patterns.insert(0, f'path("{self.site.admin_path}", admin.site.urls)')
        if self.site.serves_media:
            prefix = settings.MEDIA_URL.removeprefix(settings.FORCE_SCRIPT_NAME or "").lstrip("/")
            patterns.append(f'path("{prefix}<path:path>", media.serve)')
        elif has_files(self.site):
            patterns.append(MEDIA)
        lists = [*self.lists.values(), "urlpatterns = " + enclosed("[]", patterns)]
        converters = [f'register_converter({v}, "{k}")' for k, v in self.converters.items()]
        return ["\n".join(converters), *lists] if converters else lists

    def patterns(self, router: BaseRouter) -> list[str]:
        found: list[str] = []
        for entry in router.entries:
            found += [self.included(entry)] if isinstance(entry, Include) else self.routed(entry)
        return found

    def routed(self, routes: list[Route]) -> list[str]:
        rule, view = quoted(self.rule(routes[0].rule)), self.views.expression(routes[0])
        view = self.by_method(routes) if routes[1:] else view
        names = dict.fromkeys(route.name for route in routes)
        return [call("path", [rule, view, f"name={quoted(name)}"], 4) for name in names]

    def by_method(self, routes: list[Route]) -> str:
        views = [(m, self.views.expression(route)) for route in routes for m in route.methods]
        views.sort(key=lambda each: METHODS.index(each[0]) if each[0] else -1)
        is_async = any(responses.is_async(route.view) for route in routes)
        arguments = [f"{method}={view}" if method else view for method, view in views]
        return f"{'by_method_async' if is_async else 'by_method'}({', '.join(arguments)})"

    def rule(self, rule: str) -> str:
        """The rule, with Flask's converters registered under names that Django allows too."""
        if "<float:" in rule and not self.is_own("float"):
            self.converters["float"] = "FloatConverter"
        for kind, choices in re.findall(r"<(any\(([^()]*)\)):", rule):
            words = [each.strip() for each in choices.split(",")]
            name = re.sub(r"\W", "_", "_or_".join(words))
            self.converters[name] = call("one_of", map(quoted, words))
            rule = rule.replace(kind, name)
        return rule if self.is_own("string") else rule.replace("<string:", "<str:")

    def is_own(self, kind: str) -> bool:
        """Whether the file registers a converter of that name itself."""
        return bool(type(get_converters().get(kind)).__module__ == self.site.label)

    def included(self, entry: Include) -> str:
        use = self.wiring.use_at(entry.where, "include", what=f'"/{entry.prefix}"')
        is_router = isinstance(entry.urls, BaseRouter)
        if is_translated(entry.urls) and use.call:  # Django refuses to include these
            return f"*{use.statement.source.text_of(use.call.args[1])}"
        urls = self.nested(entry, entry.urls) if is_router else self.foreign(entry, use)
        pattern = f"path({quoted(entry.prefix)}, {urls})"
        decorators = self.decorators(use.statement.source, use.call)
        if is_router:
            made = self.wiring.made[entry.urls]
            decorators[:0] = self.decorators(made.source, getattr(made.node, "value", None))
        return call("decorated", [pattern, *decorators], 4) if decorators else pattern

    def nested(self, entry: Include, router: BaseRouter) -> str:
        name = f"{self.wiring.names[router]}_patterns".replace(".", "_")
        if router not in self.lists:
            text = f"{name} = " + enclosed("[]", self.patterns(router))
            self.lists[router] = text  # now that those are there that it includes
        app_name = router.app_name or entry.namespace
        namespace = entry.namespace or app_name
        if not app_name:
            return f"include({name})"
        own = f", namespace={quoted(str(namespace))}" if namespace != app_name else ""
        return f"include(({name}, {quoted(app_name)}){own})"

    def foreign(self, entry: Include, use: Use) -> str:
        """What `path` takes for URLs that are not a router's."""
        urls, namespace = entry.urls, entry.namespace
        text = use.statement.source.text_of(use.call.args[1]) if use.call else ""
        if isinstance(urls, str):
            text = quoted(accounts.new_name(urls, self.site.label))
        is_triple = isinstance(urls, tuple) and len(urls) == 3
        if not namespace:
            return text if is_triple else f"include({text})"
        if isinstance(urls, tuple):
            text = f"{text}[:2]" if is_triple else text
            return f"include({text}, namespace={quoted(namespace)})"
        return f"include(({text}, {quoted(namespace)}))"

    def decorators(self, source: Source, node: Any) -> list[str]:
        """The texts of the items of a call's `decorators`."""
        for each in getattr(node, "keywords", []):
            if each.arg == "decorators" and isinstance(each.value, ast.List | ast.Tuple):
                return [source.text_of(item) for item in each.value.elts]
            if each.arg == "decorators":
                return [f"*{source.text_of(each.value)}"]
        return []


def is_translated(urls: Any) -> bool:
    """Whether these are the URLs of `i18n_patterns`."""
    patterns = [each.pattern for each in urls] if isinstance(urls, list) else []
    return any(isinstance(each, LocalePrefixPattern) for each in patterns)


def has_files(site: Any) -> bool:
    """Whether the site has uploaded files, or models for some."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    return any(isinstance(each, FileField) for each in fields) or (site.data / "media").is_dir()
