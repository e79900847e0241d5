"""Runs ``routes``: lists the URLs of the site in the order in which they are tried."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.urls import URLResolver, get_resolver

from djng.errors import is_installed, locate, original

Row = dict[str, str]


class Command(BaseCommand):
    help = "Lists the URLs of the site: method, URL, name, view, and where the view is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print them all, as JSON")
        parser.add_argument("--all", action="store_true", help="those of the admin too")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [*listing(get_resolver(), is_whole=options["all"] or options["json"])]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        table = [("METHOD", "URL", "NAME", "VIEW", "WHERE"), *(row.values() for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            padded = map(str.ljust, cells, widths)
            self.stdout.write("  ".join(padded).rstrip())


def listing(
    resolver: URLResolver, prefix: str = "/", space: str = "", is_whole: bool = True
) -> Iterator[Row]:
    """A row of each URL below the resolver; of the admin a single one, unless all are wanted."""
    for entry in resolver.url_patterns:
        url = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            if entry.app_name == "admin" and not is_whole:
                yield row("any", url, f"{inner}index", "", "django.contrib.admin")
            else:
                yield from listing(entry, url, inner, is_whole)
        elif routes := getattr(entry.callback, "routes", None):
            for route in [each for each in routes if each.name == entry.name]:
                methods = ", ".join(filter(None, route.methods)) or "any"
                yield row(methods, url, f"{space}{route.name}", route.view, str(route.where))
        else:
            yield row("any", url, f"{space}{entry.name or ''}", entry.callback)


def row(method: str, url: str, name: str, view: Any, where: str | None = None) -> Row:
    view = view and original(view)
    called = getattr(view, "__qualname__", type(view).__name__) if view else ""
    where = where or place_of(view)
    return {"method": method, "url": url, "name": name, "view": called, "where": where}


def place_of(view: Any) -> str:
    """The user's line where the view is, or the module of a package."""
    place = locate(view)
    return str(place if place and not is_installed(place.file) else view.__module__)
