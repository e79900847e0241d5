"""Say what to do about an error of Django's. Runs when an error is explained while developing.

Django's own message stays as it is. A hint adds what only the site knows: its names and commands.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from traceback import walk_tb
from typing import Any

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import (
    DisallowedHost,
    ImproperlyConfigured,
    SynchronousOnlyOperation,
)
from django.db import OperationalError, ProgrammingError
from django.http import HttpRequest
from django.template import Origin, TemplateDoesNotExist, TemplateSyntaxError
from django.urls import NoReverseMatch, URLResolver, get_resolver, is_valid_path

from djng import database
from djng.app import Djng
from djng.dev import definition_order, flask, misspellings
from djng.dev.misspellings import did_you_mean
from djng.environ import Environment
from djng.exceptions import closest_match, command_line, pip_install, short_path
from djng.templates import sources

NO_PARTIALS = f"Template partials need Django 6.0, this is {django.__version__}."


def hint_for(error: BaseException) -> str:
    """What to do about an error, or an empty string if there is no hint for it."""
    with suppress(Exception):  # the cause of the error may also break the search for a hint
        return next((hint(error) for kind, hint in HINTS if isinstance(error, kind)), "")
    return ""


def suggest_module(error: Any) -> str:
    """Name a similar module of the same package, or how to install the package."""
    package, _, name = str(error.name).rpartition(".")
    if str(error.name).startswith("flask"):
        return "djng replaces Flask: its page docs/from-flask.md says what to write instead."
    if str(error.name).startswith("fastapi"):
        return "djng replaces FastAPI: its page docs/guide/json.md says how to write an API."
    spec = find_spec(package) if package else None
    if not spec:
        return f"If it is a package: {pip_install(error)}"
    modules = (module.name for module in iter_modules(spec.submodule_search_locations))
    match = closest_match(name, modules)
    return did_you_mean(match and f"{package}.{match}")


def suggest_template(error: Any) -> str:
    """Name a similar template, and where Django has searched."""
    if "#" in str(error) and django.VERSION < (6, 0):
        return NO_PARTIALS
    if any("recursion" in why for _, why in error.tried):
        return "It is being extended already: templates cannot extend each other in a circle."
    folder = settings.BASE_DIR
    if (folder / "template").is_dir() and not (folder / "templates").is_dir():
        return "The folder is called template; rename it to templates."
    roots = template_folders()
    files = [(f, root) for root in roots for f in root.rglob("*") if f.is_file()]
    names = {str(f): str(f.relative_to(root)) for f, root in files} | {s: s for s in sources}
    names.pop(getattr(error, "template_debug", {}).get("name", ""), None)  # it asks for the other
    inside = str(error).rpartition("templates/")[2]
    others = {*names.values()} - {str(error)}  # it may have been saved since
    suggestion = did_you_mean(closest_match(inside, others))
    ours = [f"{root.relative_to(folder)}/" for root in roots if root.is_relative_to(folder)]
    searched = ", ".join(["app.templates", *ours, "the templates of the apps"])
    return f"{suggestion}Searched: {searched}."


def template_folders() -> list[Path]:
    from django.template import engines  # this import reads the settings

    return [Path(root) for each in engines.all() for root in getattr(each, "template_dirs", ())]


def suggest_tag(error: Any) -> str:
    is_partial = re.search(r"'(end)?partial(def)?'", str(error))
    if is_partial and django.VERSION < (6, 0):
        return NO_PARTIALS
    return flask.suggest_in_template(error) or misspellings.suggest_in_template(error)


def suggest_url(error: Any) -> str:
    """Name a similar URL or namespace, or the arguments that the URL takes."""
    name = (re.findall("'(.*?)'", str(error)) or [""])[0]
    names = [*url_names(get_resolver())]
    if "namespace" in str(error):
        return did_you_mean(closest_match(name, {each.rpartition(":")[0] for each in names}))
    if "tried" in str(error):
        return url_arguments(name, str(error))
    tag = unescape(getattr(error, "template_debug", {}).get("during", ""))
    if (bare := re.search(r"\burl (\w+)\b(?!['\".|])", tag)) and bare[1] in names:
        return f"Write the name in quotes: {{% url '{bare[1]}' ... %}}"
    suggestion = did_you_mean(closest_match(name, names, cutoff=0.5))
    return f"{suggestion}All names: {command_line('routes')}"


def url_arguments(name: str, patterns: str) -> str:
    """The arguments of a URL, from the patterns that Django says it has tried."""
    empty = "An argument is empty: is it misspelled? " if re.search(r"\(''|: ''", patterns) else ""
    arguments = dict.fromkeys(re.findall(r"\(\?P<(\w+)>", patterns))
    given = "".join(f" {argument}=..." for argument in arguments)
    return f"{empty}It takes {', '.join(arguments) or 'no arguments'}: {{% url '{name}'{given} %}}"


def url_names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            namespace = f"{entry.namespace}:" if entry.namespace else ""
            yield from url_names(entry, prefix + namespace)
        elif entry.name:
            yield f"{prefix}{entry.name}"


def is_static(path: str) -> bool:
    return bool(settings.STATIC_URL) and path.startswith(settings.STATIC_URL)


def suggest_static_file(path: str) -> str:
    """Name a static file that is like the one that the path asks for, and where it would be."""
    finders, names = [*get_finders()], list[str]()
    with suppress(Exception):  # a folder may be unreadable
        names += [name for finder in finders for name, _ in finder.list([])]
    match = closest_match(path.removeprefix(settings.STATIC_URL), names)
    folders = [f"{short_path(str(at))}/" for f in finders for _, at in getattr(f, "locations", ())]
    searched = ", ".join([*(folders or ["static/"]), "the static folders of the apps"])
    return f"{did_you_mean(match and settings.STATIC_URL + match)}Searched: {searched}."


def suggest_path(request: HttpRequest) -> str:
    """Name a URL that is like the path of the request."""
    if is_static(request.path):
        return suggest_static_file(request.path)
    urlconf, bare = getattr(request, "urlconf", None), request.path_info.rstrip("/")
    paths = {*url_paths(get_resolver(urlconf))}
    match = bare if is_valid_path(bare, urlconf) else closest_match(request.path_info, paths)
    return f"{did_you_mean(match)}All URLs: {command_line('routes')}"


def url_paths(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from url_paths(entry, path)
        else:
            yield path


def suggest_host(error: Any) -> str:
    """The list of hosts to write or to set: those that are allowed already, and the refused one."""
    found = re.search(r"'(\[.*?\]|[^':]+)", str(error))
    host = found[1] if found else "example.com"
    if (site := Djng.current) and "ALLOWED_HOSTS" in site.overrides:
        hosts = ", ".join(f'"{each}"' for each in [*settings.ALLOWED_HOSTS, host])
        return f"To allow it, write Djng(ALLOWED_HOSTS=[{hosts}])"
    allowed = Environment(os.environ).get("DJANGO_ALLOWED_HOSTS") or ".localhost,127.0.0.1"
    return f"To allow it, set DJANGO_ALLOWED_HOSTS={allowed},{host}"


def suggest_migration(error: Any) -> str:
    """What to do about a database error. If a table or column is missing, the terminal says it."""
    hint = database.hint_for(error)
    if "makemigrations" not in hint:
        return hint
    from djng.dev import automigrate  # slow to import, and few errors need it

    *_, label, _ = settings.SETTINGS_MODULE.split(".")
    with suppress(Exception):  # a transaction that has failed answers no query
        return automigrate.explain_missing_table(label) or hint
    return hint


def suggest_app_label(error: Any) -> str:
    """Say what to write in a model that stands in another file than the site's."""
    if "explicit app_label" not in str(error):
        return ""
    *_, label, _ = settings.SETTINGS_MODULE.split(".")
    return f'Write in the model: class Meta: app_label = "{label}"'


def suggest_user_model(error: Any) -> str:
    found = re.search(r"AUTH_USER_MODEL refers to model '.*?(\w+)' that has not", str(error))
    return f"If the file defines {found[1]}, move this line below it." if found else ""


def suggest_attribute(error: Any) -> str:
    """Say what a view must return if a decorator modifies it, or what Django's request has."""
    returned, wanted = "str|dict|list|tuple", "has_header|headers|streaming|status_code|set_cookie"
    is_missing = re.search(f"'({returned})' object has no attribute '({wanted})'", str(error))
    if is_missing:
        return "A decorator modifies the response: return an HttpResponse."
    return suggest_name(error)


def suggest_name(error: Any) -> str:
    return (
        definition_order.suggest(error) or flask.suggest(error) or misspellings.suggest_name(error)
    )


def suggest_argument(error: Any) -> str:
    return flask.suggest(error) or misspellings.suggest_argument(error)


def suggest_encoding(error: Any) -> str:
    """Name the file that is not UTF-8. The function that reads a template knows its origin."""
    if isinstance(error, UnicodeDecodeError):
        origins = (frame.f_locals.get("origin") for frame, _ in walk_tb(error.__traceback__))
        file = next((str(each) for each in origins if isinstance(each, Origin)), "")
        return f"Save {short_path(file)} as UTF-8." if file else ""
    is_other = re.search(r"'utf-8' codec|UTF-8|null bytes", str(error))
    return "Save the file as UTF-8." if is_other else ""


def suggest_await(error: Any) -> str:
    return (
        "Write `def` instead of `async def`, or await the ORM: `await Post.objects.aget(...)`, "
        "`async for post in Post.objects.all()`, `await sync_to_async(function)()`."
    )


HINTS: tuple[tuple[type[Exception], Callable[[Any], str]], ...] = (
    (ModuleNotFoundError, suggest_module),
    (TemplateDoesNotExist, suggest_template),
    (TemplateSyntaxError, suggest_tag),
    (NoReverseMatch, suggest_url),
    (OperationalError, suggest_migration),
    (ProgrammingError, suggest_migration),
    (DisallowedHost, suggest_host),
    (SynchronousOnlyOperation, suggest_await),
    (RuntimeError, suggest_app_label),
    (ImproperlyConfigured, suggest_user_model),
    (AttributeError, suggest_attribute),
    (NameError, suggest_name),
    (ImportError, suggest_name),
    (TypeError, suggest_argument),
    (SyntaxError, suggest_encoding),
    (UnicodeDecodeError, suggest_encoding),
)
