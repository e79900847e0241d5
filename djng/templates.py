"""The templates, tags and context processors of the user's file. Runs when a template is rendered.

Django's template engine takes a module with a `register` as a library of tags.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template import Library
from django.template.loaders import locmem

from djng.exceptions import ReturnTypeError, locate, name_of

register = Library()
sources: dict[str, str] = {}
context_processors: list[Callable[[HttpRequest], dict[str, Any]]] = []


class Loader(locmem.Loader):
    def __init__(self, engine: Any) -> None:
        super().__init__(engine, sources)


@contextmanager
def keep_loader() -> Iterator[None]:
    """Keep the loader if the `ready` of an app, such as django-cotton, replaces the loaders."""
    name = f"{__name__}.Loader"
    options = [e["OPTIONS"] for e in settings.TEMPLATES if name in str(e.get("OPTIONS"))]
    yield
    for each in options:
        if name not in str(each["loaders"]):
            each["loaders"] = [name, *each["loaders"]]


def run_context_processors(request: HttpRequest) -> dict[str, Any]:
    """The context of all processors in the file; raises ReturnTypeError if one has none."""
    context: dict[str, Any] = {}
    for processor in context_processors:
        returned = processor(request)
        if not isinstance(returned, dict):
            message = f"{name_of(processor)}() returned a value of type {type(returned).__name__}."
            hint = "A context processor returns a dict."
            raise ReturnTypeError(message, hint=hint, where=locate(processor))
        context |= returned
    return context
