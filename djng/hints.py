"""The way out of what Django raises. Runs when an exception is explained, while developing.

Django's words stay as they are: a hint adds what only the site knows, its names and its commands.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from traceback import walk_tb
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import DisallowedHost, SynchronousOnlyOperation
from django.db import OperationalError, ProgrammingError, connection
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.urls import NoReverseMatch, URLResolver, get_resolver

from djng.errors import command, install, nearest, short
from djng.templates import sources

PARTIALS = f"Template partials need Django 6.0, this is {django.__version__}."


def hint_of(error: BaseException) -> str:
    """The way out of an exception, empty where nothing is known of it."""
    with suppress(Exception):  # what went wrong may keep the hint from being found too
        return next((hint(error) for kind, hint in HINTS if isinstance(error, kind)), "")
    return ""


def no_module(error: Any) -> str:
    """The nearest module of a package that is there, or how to install one that is not."""
    package, _, name = str(error.name).rpartition(".")
    spec = find_spec(package) if package else None
    if not spec:
        return f"If it is a package: {install(error)}"
    like = nearest(name, (each.name for each in iter_modules(spec.submodule_search_locations)))
    return did_you_mean(like and f"{package}.{like}")


def no_template(error: Any) -> str:
    """What there is of nearly that name, and where it was looked for."""
    if "#" in str(error) and django.VERSION < (6, 0):
        return PARTIALS
    folder = settings.BASE_DIR
    if (folder / "template").is_dir() and not (folder / "templates").is_dir():
        return "The folder is called template; rename it to templates."
    from django.template import engines  # it reads the settings

    roots = [Path(root) for each in engines.all() for root in getattr(each, "template_dirs", ())]
    found = {str(f.relative_to(root)) for root in roots for f in root.rglob("*") if f.is_file()}
    like = nearest(str(error), found | sources.keys())
    ours = [f"{root.relative_to(folder)}/" for root in roots if root.is_relative_to(folder)]
    searched = ", ".join(["app.templates", *ours, "the templates of the apps"])
    return did_you_mean(like) + f"Searched: {searched}."


def no_tag(error: Any) -> str:
    is_partial = re.search(r"'(end)?partial(def)?'", str(error))
    return PARTIALS if is_partial and django.VERSION < (6, 0) else ""


def no_url(error: Any) -> str:
    """The nearest name of a URL, or the arguments that the one of that name takes."""
    name = (re.findall("'(.*?)'", str(error)) or [""])[0]
    names = [*url_names(get_resolver())]
    if "namespace" in str(error):
        return did_you_mean(nearest(name, {each.rpartition(":")[0] for each in names}))
    if "tried" not in str(error):
        return did_you_mean(nearest(name, names, cutoff=0.5)) + f"All names: {command('routes')}"
    takes = dict.fromkeys(re.findall(r"\(\?P<(\w+)>", str(error)))
    given = "".join(f" {argument}=..." for argument in takes)
    return f"It takes {', '.join(takes) or 'no arguments'}: {{% url '{name}'{given} %}}"


def did_you_mean(name: str | None) -> str:
    return f"Did you mean {name}? " if name else ""


def url_names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from url_names(
                entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            )
        elif entry.name:
            yield f"{prefix}{entry.name}"


def no_table(error: Any) -> str:
    if not re.search(
        r"no such (table|column)|has no column|n[o']t exist|unknown col", f"{error}".lower()
    ):
        return no_access(f"{error}")
    if any(frame.f_code.co_name == "<module>" for frame, _ in walk_tb(error.__traceback__)):
        return "The file is being read: ask the database in a function, which runs later."
    return f"The models are ahead of the database: {command('makemigrations', 'migrate')}"


def no_access(message: str) -> str:
    """What to do about a disk or a server that refuses; empty where that is not what is wrong."""
    values = connection.settings_dict
    if "readonly" in message or "unable to open" in message:
        return f"Let the server write to {short(str(values['NAME']))} and to its folder."
    if "is full" in message or "disk I/O" in message:
        return "Make room on the disk. What was written before is kept."
    if "connection" in message:
        return f"Is there a database at {values['HOST'] or 'localhost'}:{values['PORT'] or 5432}?"
    return ""


def no_host(error: Any) -> str:
    host = re.search("'([^':]+)", str(error))
    return f"To answer it, set DJANGO_ALLOWED_HOSTS={host[1] if host else 'example.com'}"


def no_app(error: Any) -> str:
    """What to write in a model of another file than the site's, which is in no app."""
    label = getattr(settings, "SETTINGS_MODULE", "")
    is_it = "explicit app_label" in str(error)
    return f'Write in it: class Meta: app_label = "{label}"' if is_it else ""


def no_response(error: Any) -> str:
    """What to return from a view with a decorator that works on a response."""
    asked = "has_header|headers|streaming|status_code|set_cookie"
    is_it = re.search(rf"'(str|dict|list|tuple)' object has no attribute '({asked})'", str(error))
    return "A decorator changes the response: return an HttpResponse." if is_it else ""


def not_async(error: Any) -> str:
    return (
        "Write `def` for `async def`, or await the ORM: `await Post.objects.aget(...)`, "
        "`async for post in Post.objects.all()`, `await sync_to_async(function)()`."
    )


HINTS: tuple[tuple[type[Exception], Callable[[Any], str]], ...] = (
    (ModuleNotFoundError, no_module),
    (TemplateDoesNotExist, no_template),
    (TemplateSyntaxError, no_tag),
    (NoReverseMatch, no_url),
    (OperationalError, no_table),
    (ProgrammingError, no_table),
    (DisallowedHost, no_host),
    (SynchronousOnlyOperation, not_async),
    (RuntimeError, no_app),
    (AttributeError, no_response),
)
