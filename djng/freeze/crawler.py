"""Ask a site for its pages, follow their links, and write them as files."""

import mimetypes
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

from django.core.management.base import CommandError
from django.test import Client
from django.utils.html import format_html

from djng.freeze.links import Replace, replace_links

LIMIT = 20_000  # pages; a calendar or a filter may link to others without end
LIST = ".frozen"  # the files of the last time, which the next time may replace
NOT_FOUND = "/404.html"  # static hosts show this file for a missing page
REDIRECT = '<!doctype html><meta http-equiv="refresh" content="0; url={0}"><a href="{0}">{0}</a>\n'


class Page(NamedTuple):
    file: str  # its path in the folder
    kind: str  # the content type, or empty if another page is written to this file
    charset: str
    body: bytes


class Crawler:
    """Takes the address of the frozen site, and the beginnings of the paths that need a server."""

    def __init__(self, base_url: str, *, is_relative: bool, excluded: tuple[str, ...]) -> None:
        self.base, self.is_relative, self.excluded = urlsplit(base_url), is_relative, excluded
        self.origin = f"{self.base.scheme}://{self.base.netloc}"
        self.client = Client(raise_request_exception=False, HTTP_HOST=self.base.netloc)
        self.pages: dict[str, Page] = {}  # by URL
        self.failures: dict[str, str] = {}
        self.linked_on: dict[str, list[str]] = {NOT_FOUND: []}
        self.left_out: set[str] = set()  # what is no file

    def crawl(self, routes: Iterable[str], urls: list[str], show: Callable[[int], None]) -> None:
        """Ask for the routes, for other URLs, and for all to which they lead. Show their number."""
        self.linked_on |= {self.resolve(each, "/") or "": [] for each in routes}
        self.linked_on |= {self.resolve(each, "/") or "": ["--url"] for each in urls}
        queue = [*filter(None, self.linked_on)]
        for url in queue:
            for link in self.visit(url):
                if link not in self.linked_on:
                    queue.append(link)  # the loop comes to it
                self.linked_on.setdefault(link, []).append(url)
            show(len(self.pages))
            if len(queue) > LIMIT:
                raise CommandError(f"There are more than {LIMIT} pages, such as {queue[-1]}")

    def visit(self, url: str) -> list[str]:
        """Ask for a page, and return the URLs of this site to which it leads."""
        response: Any = self.client.get(url, secure=self.base.scheme == "https")
        self.client.cookies.clear()
        if response.status_code >= 400 and (url, response.status_code) != (NOT_FOUND, 404):
            self.failures[url] = f"{response.status_code} {response.reason_phrase}"
            return []
        kind, body = response.get("Content-Type", "").partition(";")[0], b"".join(response)
        if target := response.headers.get("Location"):
            kind, body = "text/html", format_html(REDIRECT, target).encode(response.charset)
        page = Page(file_of(url, kind), kind, response.charset, body)
        links: dict[str, str] = {}
        self.rewrite(page, lambda link, _: links.setdefault(link, link))
        found = [*filter(None, dict.fromkeys(self.resolve(link, url) for link in links))]
        leads_to_itself = target and page.file in [file_of(each, kind) for each in found]
        self.pages[url] = page._replace(kind="") if leads_to_itself else page  # "/a" leads to "/a/"
        return found

    def resolve(self, link: str, url: str) -> str | None:
        """The URL to which a link on a page leads, or None if that is no page to freeze."""
        with suppress(ValueError):  # it is no address
            parts = urlsplit(urljoin(f"{self.origin}{url}", link))
            path, query = quote(unquote(parts.path)) or "/", urlencode(parse_qsl(parts.query, True))
            if parts.netloc == self.base.netloc and link[:1] not in ("", "#"):
                if not path.startswith(self.excluded):
                    return f"{path}?{query}" if query else path
                self.left_out.add(path)
        return None

    def rewrite(self, page: Page, replace: Replace) -> bytes:
        """The content of the page with other links."""
        if page.kind not in ("text/html", "text/css", "text/plain") and page.kind[-3:] != "xml":
            return page.body
        text = page.body.decode(page.charset, "surrogateescape")
        text = replace_links(text, page.kind, self.origin, replace)
        return text.encode(page.charset, "surrogateescape")

    def href(self, url: str, link: str, is_absolute: bool) -> str:
        """A link on the page of that URL, as it must be in the page's file."""
        if not (target := self.pages.get(self.resolve(link, url) or "")):
            return link
        path = self.base.path + quote(re.sub(r"(^|/)index\.html$", r"\1", target.file))
        if self.is_relative and url != NOT_FOUND and not is_absolute:
            path = quote(posixpath.relpath(target.file, posixpath.dirname(self.pages[url].file)))
        return "".join([self.origin if is_absolute else "", path, *link.partition("#")[1:]])

    def errors(self, files: dict[str, str]) -> Iterator[str]:
        """Yield why the files cannot be written. That a route without links fails is only noted."""
        for url, status in self.failures.items():
            if status[:3] != "405" and (self.linked_on[url] or status[0] == "5"):
                pages = ", ".join(self.linked_on[url][:3]) or "no page"
                yield f"{url} answers {status}, linked on {pages}"
            else:
                self.left_out.add(f"{url} ({status})")
        for url, page in self.pages.items():
            if page.kind and page.body != self.pages[files[page.file]].body:
                yield f"{url} and {files[page.file]} differ, but would be one file, {page.file}"
            if page.kind == "text/html" and re.search(rb"(?i)<base\s[^>]*href", page.body):
                yield f"{url} has a <base href>, and freeze does not know where its links lead"

    def write(self, folder: Path) -> list[str]:
        """Write all files, and return their names. Raises CommandError before it writes any."""
        files = {page.file: url for url, page in self.pages.items() if page.kind}
        last = folder / LIST
        old = {*last.read_text("utf-8").splitlines()} if last.exists() else set()
        taken = [folder / file for file in files.keys() - old if (folder / file).exists()]
        taken += [parent for file in files for parent in Path(file).parents if str(parent) in files]
        if errors := [*self.errors(files), *(f"The file {file} is in the way" for file in taken)]:
            raise CommandError("\n  ".join(["Nothing is written.", *errors]))
        for file, url in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(self.rewrite(self.pages[url], partial(self.href, url)))
        for file in old - files.keys():
            (folder / file).unlink(missing_ok=True)
        last.write_text("".join(f"{file}\n" for file in sorted(files)), "utf-8")
        return sorted(files)


def file_of(url: str, kind: str) -> str:
    """The file for a URL: ``/posts/?page=2`` becomes ``posts/page/2/index.html``."""
    parts = urlsplit(url)
    path, is_html = unquote(parts.path), kind == "text/html"
    if parts.query and (is_html or path.endswith("/")):
        words = [word for pair in parse_qsl(parts.query, True) for word in pair]
        names = [re.sub(r"[^\w-]", lambda found: f"%{ord(found[0]):02X}", word) for word in words]
        path = posixpath.join(path.removesuffix(".html"), *names)
    if path.endswith("/") or (is_html and not path.endswith((".html", ".htm"))):
        suffix = mimetypes.guess_extension(kind) or (".xml" if kind.endswith("xml") else "")
        path = posixpath.join(path, f"index{suffix}")
    return posixpath.normpath(f"/{path}").lstrip("/")
