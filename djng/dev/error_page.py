"""Explain errors while developing. Runs when an error has happened.

`explain` finds the user's line and what to do about the error. The terminal shows the text of the
`Explanation`, the browser a page, with Django's own error page folded away at its end.
"""

import linecache
import logging
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from traceback import TracebackException, walk_tb
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.conf import settings
from django.core.management.base import CommandError, SystemCheckError
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views import csrf, debug

from djng.dev.csrf import csrf_hint, find_text_view
from djng.dev.hints import hint_for
from djng.exceptions import FRAMEWORK, DjngError, Location, locate, name_of, user_lines
from djng.log import EscapingFormatter, escape_controls
from djng.rules import METHODS
from djng.templates import sources

PAGE = Path(__file__).with_name("error_page.html")


class Explanation(NamedTuple):
    """What happened, the user's line, what to do, and the lines that led there."""

    message: str
    where: Location | None = None
    hint: str = ""
    callers: tuple[Location, ...] = ()
    caret: str = ""  # what points to the place in the line

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        source = linecache.getline(*self.where) if self.where else ""
        if source.strip():
            source = textwrap.dedent(source + self.caret).rstrip()
            lines += textwrap.indent(source, "    ").split("\n")
        lines += [f"    called by {location}" for location in self.callers[:3]]
        lines += [f"  {line.rstrip()}" for line in filter(None, self.hint.split("\n"))]
        return "\n".join(escape_controls(line, keep="\t") for line in lines)

    def to_html(self, *, details: str = "", error_id: str = "") -> SafeString:
        """Render the page. `details` is a page within it; with `error_id` it reloads itself."""
        context = {
            **self._asdict(),
            "where": str(self.where or ""),
            "source": [*source_around(self.where, self.caret)] if self.where else [],
            "callers": [str(location) for location in self.callers],
            "details": details,
            "error_id": error_id,
        }
        return Engine().from_string(PAGE.read_text(encoding="utf-8")).render(Context(context))


def source_around(where: Location, caret: str) -> Iterator[tuple[str, str, bool]]:
    """The numbers and texts of the lines around a line, and which of them it is.

    Numbers are text: how templates format them is a setting, and the settings may be broken.
    """
    for number, text in enumerate(linecache.getlines(where.file), start=1):
        if abs(number - where.line) < 5:
            yield str(number), text, number == where.line
        if number == where.line and caret:
            yield "", caret, True


def explain(error: BaseException, request: HttpRequest | None = None) -> Explanation:
    """Explain an error. The request tells which view failed if the traceback does not."""
    linecache.checkcache()
    if isinstance(error, DjngError):
        return Explanation(error.message, error.where, error.hint)
    message, details = summarize(error)
    lines = error_lines(error)
    where = lines[0] if lines else view_line(request)
    hint, caret = hint_for(error) or details, caret_for(error)
    return Explanation(message, where, hint, tuple(lines[1:]), caret)


def summarize(error: BaseException) -> tuple[str, str]:
    """The first line of the error, as in ``NameError: ...`` without its module, and the others."""
    summary = TracebackException.from_exception(error)
    summary.__notes__ = []
    *_, text = summary.format_exception_only()
    text = str(error) if isinstance(error, CommandError) else text.strip()
    terminal_colors, module = r"\x1b\[[\d;]*m", r"^[\w.]+\.(?=\w+(:|$))"
    message, _, others = re.sub(f"{module}|{terminal_colors}", "", text).partition("\n")
    return message, others.strip()


def caret_for(error: BaseException) -> str:
    """What points to the place of a SyntaxError when it stands below the line."""
    if not (isinstance(error, SyntaxError) and error.text and error.offset):
        return ""
    start = error.offset - 1
    is_one_line = error.lineno == error.end_lineno
    width = (error.end_offset or 0) - error.offset if is_one_line else 1
    return re.sub(r"\S", " ", error.text[:start]) + "^" * max(width, 1)


def error_lines(error: BaseException) -> list[Location]:
    """The user's lines that have to do with the error, the most important one first."""
    if isinstance(error, SyntaxError):
        return [Location(error.filename or sys.argv[0], error.lineno or 1)]
    if isinstance(error, SystemCheckError):
        return [*check_lines(str(error))][:1]
    lines = filter(None, [template_line(error), *user_lines(error.__traceback__)])
    return [*{str(line): line for line in lines}.values()]  # a file may have two paths


def check_lines(text: str) -> Iterator[Location]:
    """The lines that the messages of system checks begin with."""
    for file, line in re.findall(r"^(\S.*?):(\d+): ", text, re.MULTILINE):
        yield Location(str(Path(file).resolve()), int(line))


def template_line(error: BaseException) -> Location | None:
    """The template's line, if the error happened in the template and not in what it called."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    info = getattr(error, "template_debug", None)
    if not (info and files and files[-1].startswith(FRAMEWORK)):
        return None
    name, line = str(info["name"]), int(info["line"])
    return line_in_site(name, line) or Location(name, line)


def line_in_site(template: str, line: int) -> Location | None:
    """The line of the site's file that is this line of a template in ``app.templates``."""
    source = sources.get(template)
    site = sys.modules.get(settings.SETTINGS_MODULE.rpartition(".")[0])
    file = str(getattr(site, "__file__", ""))
    text = "".join(linecache.getlines(file))
    if not source or source not in text:
        return None
    return Location(file, text[: text.index(source)].count("\n") + line)


def view_line(request: HttpRequest | None) -> Location | None:
    """The line of the route that the request has taken, or else the line of the view."""
    match = getattr(request, "resolver_match", None)
    if not (request and match):
        return None
    routes = [
        r for r in getattr(match.func, "_djng_routes", ()) if {request.method, None} & {*r.methods}
    ]
    return routes[0].where if routes else locate(match.func)


class ExceptionReporter(debug.ExceptionReporter):
    """DEFAULT_EXCEPTION_REPORTER: the response to a request that has failed, while DEBUG is on."""

    def get_traceback_html(self) -> SafeString:
        if self.request:
            self.request._djng_reporter = self  # type: ignore[attr-defined]
        page = self.explain().to_html(details=super().get_traceback_html())
        self.page = SafeString(hide_passwords(page))
        return self.page

    def get_traceback_text(self) -> SafeString:
        return SafeString(hide_passwords(f"{self.explain()}\n"))

    def explain(self) -> Explanation:
        return explain(self.exc_value or Exception(), self.request)


def hide_passwords(text: str) -> str:
    """Replace the passwords of databases and URLs: Django's page shows the variables of frames."""
    urls = [*os.environ.values(), *(cache.get("LOCATION") for cache in settings.CACHES.values())]
    in_urls = re.findall(r"://[^/\s]*?:([^/\s]+)@", " ".join(map(str, urls)))
    in_settings = [database.get("PASSWORD") for database in settings.DATABASES.values()]
    for password in filter(None, {*in_settings, *in_urls, *map(unquote, in_urls)}):
        for written in (escape(password), password):
            text = text.replace(written, "********************")
    return text


class ErrorFormatter(EscapingFormatter):
    """Log the explanation of a failed request instead of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info and record.exc_info[1]
        request = getattr(record, "request", None)
        if not (error and request):
            return super().format(record)
        explanation, message = explain(error, request), record.getMessage()
        if not (explanation.where or explanation.hint):
            return super().format(record)
        is_repeated = message.startswith(str(error).partition("\n")[0] or "?")
        return f"{explanation}" if is_repeated else f"{escape_controls(message)}\n{explanation}"


def respond(request: HttpRequest, status: int, explanation: Explanation) -> HttpResponse:
    """Return the explanation as a page or as text, whichever the client prefers."""
    if prefers_html(request):
        return HttpResponse(explanation.to_html(), status=status)
    content_type = "text/plain; charset=utf-8"
    return HttpResponse(f"{explanation}\n", status=status, content_type=content_type)


def prefers_html(request: HttpRequest) -> bool:
    """Whether the client is a browser. curl accepts everything, and gets text."""
    kinds = ["text/plain", "text/html", "application/json"]  # a program may want any of the others
    return request.get_preferred_type(kinds) == "text/html"


def log_and_respond(request: HttpRequest, status: int, explanation: Explanation) -> HttpResponse:
    logging.getLogger("django.request").warning("%s", explanation)
    return respond(request, status, explanation)


def method_not_allowed(request: HttpRequest, route: Any, allowed: list[str]) -> HttpResponse:
    """Return the 405 for a method that no view of the URL answers."""
    response = log_and_respond(request, 405, explain_method(request, route, allowed))
    response.headers["Allow"] = ", ".join(allowed)
    return response


def explain_method(request: HttpRequest, route: Any, allowed: list[str]) -> Explanation:
    """Explain how to allow the method of the request for the route."""
    method = str(request.method)
    methods = ", ".join(f'"{each}"' for each in [*filter(None, route.methods), method])
    hint = f"Write @app.route({route}, methods=[{methods}]) above {name_of(route.view)}()"
    if method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        hint += f",\nor @app.{method.lower()}({route}) above another function"
    message = f"{method} is not among the methods of {route}: {', '.join(allowed)}."
    return Explanation(message, route.where, f"{hint}.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: Django's page, or while DEBUG is on, the line to add."""
    if not settings.DEBUG:
        return csrf.csrf_failure(request, reason)
    message = f"{request.method} refused: {reason}"
    view = find_text_view(request)
    where = locate(view) if view else view_line(request)
    explanation = explain_unanswered(request) or Explanation(message, where, csrf_hint(view))
    return log_and_respond(request, 403, explanation)


def explain_unanswered(request: HttpRequest) -> Explanation | None:
    """Explain that no view of the URL answers the method, which no token would change."""
    routes = getattr(getattr(request.resolver_match, "func", None), "_djng_routes", ())
    answered = {method for route in routes for method in route.methods}
    if not routes or {request.method, None} & answered:
        return None
    answered |= {"OPTIONS"} | ({"HEAD"} if "GET" in answered else set())
    return explain_method(request, routes[0], [each for each in METHODS if each in answered])
