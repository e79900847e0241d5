"""The templates and tags of the user's file. Runs when a template is first loaded."""

from typing import Any

from django.template import Library
from django.template.loaders import locmem

# A module with a `register` is what Django's template engine takes as a library of tags.
register = Library()

sources: dict[str, str] = {}


class Loader(locmem.Loader):
    def __init__(self, engine: Any) -> None:
        super().__init__(engine, sources)
