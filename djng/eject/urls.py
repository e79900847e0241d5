"""Write the URLconf: the routes as `path(...)`, the routers as lists to `include(...)`."""

import ast
import re
from typing import Any

from django.apps import apps
from django.db.models import FileField
from django.urls.converters import get_converters

from djng import responses
from djng.eject import accounts
from djng.eject.layout import call
from djng.eject.plan import Plan
from djng.eject.returns import quoted
from djng.eject.views import ViewRewriter
from djng.eject.wiring import Use
from djng.routing import BaseRouter, Include, Route
from djng.rules import METHODS


class UrlWriter:
    """Writes the patterns of the app and of each router."""

    def __init__(self, plan: Plan, views: ViewRewriter) -> None:
        self.plan, self.views, self.source = plan, views, plan.source
        self.site = plan.site
        self.lists: dict[BaseRouter, str] = {}  # each router's patterns, inner ones first
        self.converters: dict[str, str] = {}

    def texts(self) -> list[str]:
        """The converters and the lists of patterns, ending with `urlpatterns`."""
        patterns = [f'path("{self.site.admin_path}", admin.site.urls)'] * (
            self.site.admin_path is not None
        )
        patterns += self.patterns(self.site)
        parts = [
            *self.converters.values(),
            *self.lists.values(),
            written_list("urlpatterns", patterns),
        ]
        if self.site.serves_media:
            parts[-1] = parts[-1][:-1] + '    path("media/<path:path>", media.serve),\n]'
        elif has_files(self.site):
            parts.append(MEDIA)
        return parts

    def patterns(self, router: BaseRouter) -> list[str]:
        found: list[str] = []
        for entry in router.entries:
            found += (
                [self.included(router, entry)] if isinstance(entry, Include) else self.routed(entry)
            )
        return found

    def routed(self, routes: list[Route]) -> list[str]:
        rule = quoted(self.rule(routes[0].rule))
        view = self.by_method(routes) if routes[1:] else self.views.expression(routes[0])
        names = dict.fromkeys(route.name for route in routes)
        return [call("path", [rule, view, f"name={quoted(name)}"], 4, " ") for name in names]

    def by_method(self, routes: list[Route]) -> str:
        views = [(m, self.views.expression(route)) for route in routes for m in route.methods]
        other = [view for method, view in views if method is None]
        views = sorted(views, key=lambda each: METHODS.index(str(each[0]))) if not other else views
        is_async = any(responses.is_async(route.view) for route in routes)
        name = "by_method_async" if is_async else "by_method"
        return call(name, [*other, *(f"{m}={view}" for m, view in views if m)], 8)

    def rule(self, rule: str) -> str:
        """The rule, with Flask's converters registered under names that Django allows too."""
        if "<float:" in rule and not self.is_own("float"):
            self.converters["float"] = FLOAT
        for kind, choices in re.findall(r"<(any\(([^()]*)\)):", rule):
            names = [each.strip() for each in choices.split(",")]
            name = re.sub(r"\W", "_", "_or_".join(names))
            title = "".join(each.title() for each in name.split("_"))
            pattern = quoted("|".join(map(re.escape, names)))
            self.converters[name] = CHOICE.format(title=title, pattern=pattern, name=name)
            rule = rule.replace(kind, name)
        return rule if self.is_own("string") else rule.replace("<string:", "<str:")

    def is_own(self, kind: str) -> bool:
        """Whether the file registers a converter of that name itself."""
        return bool(type(get_converters().get(kind)).__module__ == self.site.label)

    def included(self, router: BaseRouter, entry: Include) -> str:
        use = self.use_of(router, entry)
        if isinstance(entry.urls, BaseRouter):
            urls = self.nested(entry, entry.urls)
        else:
            urls = self.foreign(entry, use)
        pattern = call("path", [quoted(entry.prefix), urls], 4, " ")
        decorators = [
            *self.decorators_of_router(entry.urls),
            *self.texts_in(use.call, "decorators"),
        ]
        return call("decorated", [pattern, *decorators], 4, " ") if decorators else pattern

    def nested(self, entry: Include, router: BaseRouter) -> str:
        name = f"{self.name_of(router)}_patterns"
        if router not in self.lists:
            self.lists[router] = ""  # keeps its place if it includes others
            self.lists[router] = written_list(name, self.patterns(router))
            self.lists[router] = self.lists.pop(router)
        app_name = router.app_name or entry.namespace
        namespace = entry.namespace or app_name
        if not app_name:
            return f"include({name})"
        own = f", namespace={quoted(str(namespace))}" if namespace != app_name else ""
        return f"include(({name}, {quoted(app_name)}){own})"

    def foreign(self, entry: Include, use: Use) -> str:
        """What `path` takes for URLs that are not a router's."""
        urls, namespace = entry.urls, entry.namespace
        text = self.source.text_of(use.call.args[1]) if use.call else ""
        if isinstance(urls, str):
            text = quoted(accounts.new_name(urls, self.site.label))
        if isinstance(urls, tuple) and len(urls) == 3:
            return f"include({text}[:2], namespace={quoted(namespace)})" if namespace else text
        if namespace and isinstance(urls, tuple):
            return f"include({text}, namespace={quoted(namespace)})"
        return f"include(({text}, {quoted(namespace)}))" if namespace else f"include({text})"

    def use_of(self, router: BaseRouter, entry: Include) -> Use:
        for use in self.plan.wiring.uses:
            if use.attribute == "include" and use.statement.contains(entry.where.line):
                return use
        raise LookupError(entry.where)

    def name_of(self, router: BaseRouter) -> str:
        return next(n for n, v in self.plan.wiring.routers.items() if v is router)

    def decorators_of_router(self, router: Any) -> list[str]:
        statement = self.plan.wiring.made.get(router) if isinstance(router, BaseRouter) else None
        value = getattr(statement.node, "value", None) if statement else None
        return self.texts_in(value, "decorators")

    def texts_in(self, node: Any, keyword: str) -> list[str]:
        """The texts of the items of a list that is given as a keyword."""
        for each in getattr(node, "keywords", []):
            if each.arg == keyword and isinstance(each.value, ast.List | ast.Tuple):
                return [self.source.text_of(item) for item in each.value.elts]
            if each.arg == keyword:
                return [f"*{self.source.text_of(each.value)}"]
        return []


MEDIA = """\
# Uploaded files, while DEBUG is on.
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)"""


def has_files(site: Any) -> bool:
    """Whether the site has uploaded files, or models for some."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    return any(isinstance(each, FileField) for each in fields) or (site.data / "media").is_dir()


FLOAT = """\
class FloatConverter:
    regex = r"\\d+(?:\\.\\d+)?"
    to_python = float
    to_url = str


register_converter(FloatConverter, "float")
"""
CHOICE = """\
class {title}Converter(StringConverter):
    regex = {pattern}


register_converter({title}Converter, "{name}")
"""


def written_list(name: str, items: list[str]) -> str:
    inner = "".join(f"    {item},\n" for item in items)
    return f"{name} = [\n{inner}]" if items else f"{name} = []"
