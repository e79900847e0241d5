"""Write the site as files for a static host. Runs as ``python blog.py freeze FOLDER``."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from warnings import filterwarnings

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.templatetags.static import static
from django.urls import get_resolver

from djng.app import Djng
from djng.exceptions import is_library_file
from djng.freeze.crawler import Crawler
from djng.management.commands.routes import list_urls

# What a static host does not do, or only in another way: the ends of files' names, and a pattern.
NOTES: dict[str, tuple[tuple[str, ...], bytes]] = {
    "Forms need a server": ((".html",), b"<form"),
    "JSON is a file now": ((".json",), b""),
    'Needs <meta charset="utf-8">': ((".html",), rb"(?is)\A(?!.*charset=).*[^\x00-\x7f]"),
    "Needs --base-url https://...": ((".html", ".xml", ".rss", ".atom", ".txt"), b"//localhost/"),
}


class Command(BaseCommand):
    help = "Writes the site as files for a static host."
    requires_system_checks = ()  # `handle` runs them

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("folder", type=Path, help="the folder for the files")
        add("--url", action="append", default=[], help="a path to which no page links; repeatable")
        add("--base-url", default="http://localhost/", help="the address, for feeds and sitemaps")
        add("--relative", action="store_true", help="links that work below any address, or a disk")

    def handle(self, *args: Any, folder: Path, base_url: str, **options: Any) -> None:
        if not urlsplit(base_url).netloc:
            raise CommandError(f"{base_url} is not an address. Write --base-url https://{base_url}")
        site = cast(Djng, Djng.current)
        site.serves_media = True
        settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT, settings.DEBUG = ["*"], False, False
        self.check()
        excluded = (f"/{site.admin_path}",) if site.admin_path else ()
        base = f"{base_url.rstrip('/')}/"
        crawler = Crawler(base, is_relative=options["relative"], excluded=excluded)
        # It reads each response at once, also one from an async generator.
        filterwarnings("ignore", "StreamingHttpResponse must consume")
        crawler.crawl(["/", *own_urls()], options["url"], self.show)
        try:
            files = crawler.write(folder)
        except OSError as error:
            raise CommandError(f"{error.filename} is not written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {len(files)} files to {folder}.")
        for note, (suffixes, pattern) in NOTES.items():
            candidates = (file for file in files if file.endswith(suffixes))
            found = [
                each for each in candidates if re.search(pattern, (folder / each).read_bytes())
            ]
            self.list(note, found)
        self.list("Left out", sorted(crawler.left_out))

    def list(self, note: str, names: Sequence[str]) -> None:
        more = f" and {len(names) - 5} others" if len(names) > 5 else ""
        if names:
            self.stdout.write(f"  {note}: {', '.join(names[:5])}{more}")

    def show(self, pages: int) -> None:
        """Show the progress in a terminal, in one line."""
        if self.stdout.isatty():
            self.stdout.write(f"\r{pages} pages ", ending="\r")
            self.stdout.flush()


def own_urls() -> Iterator[str]:
    """The routes without arguments, the user's static files, and the files in ``public``."""
    for row in list_urls(get_resolver(), include_admin=False):
        if row.view and not {*"<^("} & {*row.url}:  # the admin has none
            yield row.url
    found = [each for finder in get_finders() for each in finder.list([])]
    yield from (static(path) for path, at in found if not is_library_file(at.path(path)))
    public = Path(settings.WHITENOISE_ROOT or "/nowhere")
    yield from (f"/{file.relative_to(public)}" for file in public.rglob("*") if file.is_file())
