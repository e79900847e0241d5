"""The templates, tags and context of the user's file. Runs when a template is rendered."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template import Library
from django.template.loaders import locmem

from djng.errors import ReturnTypeError, locate, name_of

# A module with a `register` is what Django's template engine takes as a library of tags.
register = Library()

sources: dict[str, str] = {}

processors: list[Callable[[HttpRequest], dict[str, Any]]] = []


class Loader(locmem.Loader):
    def __init__(self, engine: Any) -> None:
        super().__init__(engine, sources)


def processed(request: HttpRequest) -> dict[str, Any]:
    """The context processor that runs those of the file; raises ReturnTypeError."""
    context: dict[str, Any] = {}
    for processor in processors:
        returned = processor(request)
        if not isinstance(returned, dict):
            message = f"{name_of(processor)}() returned a value of type {type(returned).__name__}."
            hint = "A context processor returns a dict."
            raise ReturnTypeError(message, hint=hint, where=locate(processor))
        context |= returned
    return context
