"""Explain why a form was refused. Runs while developing, when a request has no CSRF token."""

import re
from collections.abc import Iterator
from contextlib import suppress
from inspect import isclass, isfunction
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from djng.exceptions import name_of, unwrap

HINT = """\
A form needs a line: <form method="post">{% csrf_token %}
A script needs a header: X-CSRFToken, with the value of the cookie csrftoken
For other programs, write @csrf_exempt below the route of the view"""
TEXT_HINT = """\
{name}() returns text, which is not rendered: the browser gets {{% csrf_token %}} as it is.
Put the text into a template: app.templates["{name}.html"] = "..."
Then write template="{name}.html" in the route of {name}(), and return a dict: return {{}}"""

TAG = re.compile(r"{%\s*csrf_token\s*%}|{{\s*csrf_(input|token)\s*}}")
# What a view calls to render a template itself.
RENDERERS = {"render", "render_to_string", "Template", "from_string", "get_template"}


def csrf_hint(view: Any) -> str:
    """What to do, if this view has sent the form as text, or if that is None."""
    return TEXT_HINT.format(name=name_of(view)) if view else HINT


def find_text_view(request: HttpRequest) -> Any:
    """The view that has sent the form with the tag in it as text, or None.

    It is a view of this URL, or of the page that the browser names as the one with the form.
    """
    views = [getattr(request.resolver_match, "func", None)]
    with suppress(Resolver404, ValueError):
        views.append(resolve(urlsplit(request.META.get("HTTP_REFERER", "")).path).func)
    for view in filter(None, views):
        for route in getattr(view, "_djng_routes", ()):
            if not route.template and any(map(sends_tag, functions_of(route.view))):
                return route.view
    return None


def functions_of(view: Any) -> Iterator[FunctionType]:
    """The function behind a view, or the methods of its class."""
    view = unwrap(view)
    owner = view if isclass(view) else type(view)
    yield from filter(isfunction, [view] if isfunction(view) else vars(owner).values())


def sends_tag(function: FunctionType, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether the tag is in a text of the function, or of what it uses, and nothing renders it."""
    code, names = function.__code__, function.__globals__
    if RENDERERS & {*code.co_names}:
        return False
    used = [names[name] for name in code.co_names if name in names]
    if any(TAG.search(str(each)) for each in [*code.co_consts, *used] if is_text(each)):
        return True
    seen |= {function}
    helpers = (f for f in used if isfunction(f) and f.__globals__ is names and f not in seen)
    return any(sends_tag(helper, seen) for helper in helpers)


def is_text(value: Any) -> bool:
    return isinstance(value, (str, bytes, tuple))
