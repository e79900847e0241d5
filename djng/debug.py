"""How an error is shown while developing. Runs when one has happened.

`explain` finds the user's line and the way out. The terminal gets the text of an `Explanation`, the
browser a page of it, with Django's own page folded away below. With DEBUG off none of it is used.
"""

import linecache
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from traceback import TracebackException, walk_tb
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError, SystemCheckError
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views import csrf
from django.views.debug import ExceptionReporter

from djng.errors import NOT_THE_USERS, DjngError, Location, locate, name_of, user_lines
from djng.hints import hint_of
from djng.templates import sources

PAGE = Path(__file__).with_name("debug.html")


class Explanation(NamedTuple):
    """What happened, the user's line, the way out, and the lines that led there."""

    what: str
    where: Location | None = None
    hint: str = ""
    callers: tuple[Location, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.where and (source := linecache.getline(*self.where).strip()):
            lines.append(f"    {source}")
        lines += [f"    called by {each}" for each in self.callers[:3]]
        return "\n".join(lines + [f"  {line}" for line in self.hint.splitlines()])

    def page(self, details: str = "", error: str = "") -> SafeString:
        """The page of it, over Django's; one that knows the number of its error reloads itself."""
        where = self.where or Location("", 0)
        lines = enumerate(linecache.getlines(where.file), start=1)
        near = [(str(n), text, n == where.line) for n, text in lines if abs(n - where.line) < 5]
        # Text, as numbers would be written in the user's language, which settings tell.
        values = {"source": near, "where": str(self.where or ""), "error": error}
        values |= {"details": details, "callers": [str(each) for each in self.callers]}
        template = Engine().from_string(PAGE.read_text(encoding="utf-8"))
        return template.render(Context(self._asdict() | values))


def explain(error: BaseException, request: HttpRequest | None = None) -> Explanation:
    """What happened, in the user's terms; the request knows the view, where no line of it ran."""
    linecache.checkcache()
    if isinstance(error, DjngError):
        return Explanation(error.message, error.where, error.hint)
    summary = TracebackException.from_exception(error)
    summary.__notes__ = []
    *_, what = summary.format_exception_only()
    what = str(error) if isinstance(error, CommandError) else what.strip()
    what, _, more = re.sub(r"^[\w.]+\.(?=\w+(:|$))|\x1b\[[\d;]*m", "", what).partition("\n")
    lines = [*dict.fromkeys(user_lines(error.__traceback__))]
    if isinstance(error, SyntaxError):
        lines = [Location(error.filename or sys.argv[0], error.lineno or 1)]
    elif template := template_line(error):
        lines.insert(0, template)
    elif isinstance(error, SystemCheckError):
        lines = [*model_lines(f"{error}")]
    where = lines[0] if lines else view_line(request)
    return Explanation(what, where, hint_of(error) or more.strip(), tuple(lines[1:]))


def model_lines(text: str) -> Iterator[Location]:
    """Where the models are that system checks complain of, which they name with their app."""
    for name in re.findall(r"^(\w+\.\w+)\b", text, re.MULTILINE):
        with suppress(LookupError):
            if line := locate(apps.get_model(name)):
                yield line


def template_line(error: BaseException) -> Location | None:
    """The line of the template that was rendered; of one in the user's file, the line there."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    info = getattr(error, "template_debug", None)
    if not (info and files and files[-1].startswith(NOT_THE_USERS)):
        return None  # there is none, or it has called the user's function
    file, line = info["name"], info["line"]
    if source := sources.get(file):
        module = getattr(sys.modules.get(settings.SETTINGS_MODULE), "__file__", None) or ""
        before, found, _ = "".join(linecache.getlines(module)).partition(source)
        return Location(module, before.count("\n") + line) if found else Location(file, line)
    return Location(file, line)


def view_line(request: HttpRequest | None) -> Location | None:
    """The line of the route by which the request came in, or that of the view."""
    match = getattr(request, "resolver_match", None)
    if not (request and match):
        return None
    routes = getattr(match.func, "routes", ())
    lines = [each.where for each in routes if {request.method, None} & {*each.methods}]
    return lines[0] if lines else locate(match.func)


def answer(request: HttpRequest, status: int, explanation: Explanation) -> HttpResponse:
    """The response that explains why a request is refused, as a page or as text."""
    kind = request.get_preferred_type(["text/html", "text/plain"]) or "text/plain"
    text = explanation.page() if kind == "text/html" else f"{explanation}\n"
    return HttpResponse(text, status=status, content_type=f"{kind}; charset=utf-8")


class Reporter(ExceptionReporter):
    """DEFAULT_EXCEPTION_REPORTER: the page of an exception, while DEBUG is on."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(hide_passwords(self.explain().page(super().get_traceback_html())))

    def get_traceback_text(self) -> SafeString:
        return SafeString(hide_passwords(f"{self.explain()}\n"))

    def explain(self) -> Explanation:
        return explain(self.exc_value or Exception(), self.request)


def hide_passwords(text: str) -> str:
    """The text without the passwords of databases and of URLs, which variables of frames hold."""
    urls = [*os.environ.values(), *(each.get("LOCATION") for each in settings.CACHES.values())]
    found = re.findall(r"://[^/\s]*?:([^/\s]+)@", " ".join(map(str, urls)))
    kept = [each.get("PASSWORD") for each in settings.DATABASES.values()]
    for password in filter(None, {*kept, *found, *map(unquote, found)}):
        text = text.replace(escape(password), "********************")
    return text


class Formatter(logging.Formatter):
    """Says of a failed request in a few lines what a traceback says in sixty."""

    def format(self, record: logging.LogRecord) -> str:
        error, request = record.exc_info and record.exc_info[1], getattr(record, "request", None)
        explanation = explain(error, request) if error and request else None
        if not (explanation and (explanation.where or explanation.hint)):
            return super().format(record)
        message = record.getMessage()
        first = str(error).partition("\n")[0] or "?"
        return f"{explanation}" if message.startswith(first) else f"{message}\n{explanation}"


def refuse(request: HttpRequest, status: int, explanation: Explanation) -> HttpResponse:
    """Explain a refusal to the client and in the terminal."""
    logging.getLogger("django.request").warning("%s", explanation)
    return answer(request, status, explanation)


def not_allowed(request: HttpRequest, route: Any, allowed: list[str]) -> HttpResponse:
    """The 405 for a method that no function below the route's rule answers."""
    method = str(request.method)
    methods = ", ".join(f'"{each}"' for each in [*filter(None, route.methods), method])
    hint = f"Write @app.route({route}, methods=[{methods}]) above {name_of(route.view)}()"
    if method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        hint += f",\nor @app.{method.lower()}({route}) above another function"
    what = f"{method} is not among the methods of {route}: {', '.join(allowed)}."
    response = refuse(request, 405, Explanation(what, route.where, f"{hint}."))
    response.headers["Allow"] = ", ".join(allowed)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: Django's, but while DEBUG is on the line to add."""
    if not settings.DEBUG:
        return csrf.csrf_failure(request, reason)
    hint = (
        'A form needs a line: <form method="post">{% csrf_token %}\n'
        "A script needs a header: X-CSRFToken, the value of the cookie csrftoken\n"
        "Other programs need a view that is @csrf_exempt, below its route"
    )
    what = f"{request.method} refused: {reason}"
    return refuse(request, 403, Explanation(what, view_line(request), hint))
