"""List the URLs of the site. Runs as ``python blog.py routes``."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver

from djng.exceptions import is_library_file, locate, unwrap


class Row(NamedTuple):
    method: str
    url: str
    name: str
    view: str
    where: str


class Command(BaseCommand):
    help = "Lists the URLs of the site: method, URL, name, view, and where the view is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print all URLs as JSON")
        parser.add_argument("--all", action="store_true", help="include the URLs of the admin")

    def handle(self, *args: Any, **options: Any) -> None:
        include_admin = options["all"] or options["json"]
        rows = [*list_urls(get_resolver(), include_admin=include_admin)]
        if options["json"]:
            self.stdout.write(json.dumps([row._asdict() for row in rows], indent=2))
            return
        table = [tuple(map(str.upper, Row._fields)), *rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            self.stdout.write("  ".join(map(str.ljust, cells, widths)).rstrip())


def list_urls(
    resolver: URLResolver, prefix: str = "/", namespace: str = "", *, include_admin: bool
) -> Iterator[Row]:
    """Yield the URLs below a resolver as Django tries them. The admin is one, unless included."""
    for entry in resolver.url_patterns:
        url = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield from pattern_rows(entry, url, namespace)
            continue
        inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
        if entry.app_name == "admin" and not include_admin:
            yield Row("any", url, f"{inner}index", "", "django.contrib.admin")
        else:
            yield from list_urls(entry, url, inner, include_admin=include_admin)


def pattern_rows(pattern: URLPattern, url: str, namespace: str) -> Iterator[Row]:
    """Yield a row for each route of the URL, or one if it is not a route's."""
    view: Any = pattern.callback
    routes = getattr(view, "_djng_routes", None)
    if not routes:
        name = f"{namespace}{pattern.name or ''}"
        yield Row("any", url, name, qualified_name(view), locate_view(view))
    for route in [each for each in routes or () if each.name == pattern.name]:
        methods = ", ".join(method or "any" for method in route.methods)
        name = f"{namespace}{route.name}"
        yield Row(methods, url, name, qualified_name(route.view), str(route.where))


def qualified_name(view: Any) -> str:
    view = unwrap(view)
    return str(getattr(view, "__qualname__", type(view).__name__))


def locate_view(view: Any) -> str:
    """The line of a view in the user's files, or the module of a view in a package."""
    view = unwrap(view)
    location = locate(view)
    is_users = location and not is_library_file(location.file)
    return str(location if is_users else view.__module__)
