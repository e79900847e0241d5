"""Make a response of what a view returned. Runs once per request.

`to_response` has a line for each kind of value; Flask's tuples add a status and headers to any of
them. Other values are a ReturnTypeError that names the view, its line and what to write instead.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from types import NoneType
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from djng.exceptions import ReturnTypeError, locate, name_of

View = Callable[..., Any]

WITHOUT_BODY = {204, 304}


def to_response(
    returned: Any, request: HttpRequest, view: View, template: str | None = None
) -> HttpResponseBase:
    """The response for what the view returned; raises ReturnTypeError."""
    is_response = isinstance(returned, HttpResponseBase)
    response = returned if is_response else convert(returned, request, view, template)
    if response.status_code in WITHOUT_BODY:
        response.headers.pop("Content-Type", None)
    return response


async def to_response_async(
    returned: Any, request: HttpRequest, view: View, template: str | None = None
) -> HttpResponseBase:
    body = returned[0] if isinstance(returned, tuple) and returned else returned
    if isinstance(body, QuerySet):  # it is about to ask the database
        return await sync_to_async(to_response)(returned, request, view, template)
    return to_response(returned, request, view, template)


def convert(
    returned: Any, request: HttpRequest, view: View, template: str | None
) -> HttpResponseBase:
    if isinstance(returned, (str, bytes)):
        return HttpResponse(returned)
    if isinstance(returned, tuple):
        return from_tuple(returned, request, view, template)
    if template and isinstance(returned, dict):
        return TemplateResponse(request, template, returned)
    if template and isinstance(returned, (list, QuerySet)):
        raise wrong_return(view, "a list", f"The template {template} takes a dict.")
    # Only this attribute tells a QuerySet of values() from a QuerySet of models.
    if isinstance(returned, QuerySet) and not issubclass(returned._iterable_class, ModelIterable):
        returned = list(returned)
    if isinstance(returned, (dict, list)):
        return to_json(returned, view)
    if isinstance(returned, (Iterator, AsyncIterator)):
        return StreamingHttpResponse(returned)
    if inspect.iscoroutine(returned):
        returned.close()
    what = "None" if returned is None else f"a value of type {type(returned).__name__}"
    raise wrong_return(view, what, next(h for types, h in INSTEAD if isinstance(returned, types)))


def to_json(returned: Any, view: View) -> JsonResponse:
    try:
        return JsonResponse(returned, safe=False)
    except (TypeError, ValueError) as error:
        hint = "Put plain values in it: strings, numbers, dates, lists and dicts of them."
        if isinstance(returned, dict):
            hint += ' Is it for a page? Add template="..." to the route.'
        hint = next((h for what, h in NOT_JSON if f"{what} is not JSON" in str(error)), hint)
        raise wrong_return(view, f"something that is not JSON: {error}", hint) from error


def from_tuple(
    returned: tuple[Any, ...], request: HttpRequest, view: View, template: str | None
) -> HttpResponseBase:
    body, status, headers = unpack(returned, view)
    if status in WITHOUT_BODY and body not in (None, "", b""):
        what = f"a body with status {status}"
        raise wrong_return(view, what, "That status has no body: return None with it.")
    response = to_response("" if status in WITHOUT_BODY else body, request, view, template)
    response.status_code = status or response.status_code
    for name, value in headers.items():
        response.headers[name] = value
    return response


def unpack(returned: tuple[Any, ...], view: View) -> tuple[Any, int | None, dict[str, str]]:
    """The body, status and headers of a tuple."""
    body, *rest = returned or (None,)
    status = rest.pop(0) if rest and isinstance(rest[0], int) else None
    with suppress(TypeError, ValueError):
        given: Any = rest.pop(0) or () if rest else ()
        pairs = [*(given.items() if isinstance(given, Mapping) else given)]
        headers: dict[str, str] = dict(pairs)
        is_complete = len(returned) > 1 and not rest and len(headers) == len(pairs)
        if is_complete and (status is None or 200 <= status <= 599):
            return body, status, headers
    # The values may be private, so the message shows only numbers and types.
    shape = ", ".join(str(v) if isinstance(v, int) else type(v).__name__ for v in returned)
    hint = "Return (body, status), (body, headers) or (body, status, headers): the status is a "
    hint += "number from 200 to 599, the headers are a dict."
    raise wrong_return(view, f"the tuple ({shape})", hint)


def wrong_return(view: View, what: str, hint: str) -> ReturnTypeError:
    message = f"{name_of(view)}() returned {what}."
    return ReturnTypeError(message, hint=hint, where=locate(view))


# By the end of the type's name in the error of the json module.
NOT_JSON = (
    ("Request", "The first parameter of a view is the request."),  # as in other frameworks
    ("coroutine", "`await` it in an `async def`."),
    (
        "QuerySet",
        'Write list(...) of it. Name the fields that visitors may see: .values("id", ...).',
    ),
)
INSTEAD: tuple[tuple[Any, str], ...] = (
    (NoneType, "Did you forget `return`?"),
    (Model, 'Return a dict of the fields that visitors may see: {"id": ..., ...}.'),
    (QuerySet, 'Name the fields that visitors may see: .values("id", ...).'),
    ((int, float), "Return str(...) of it, or (body, status) if it is a status."),
    (
        (set, frozenset),
        "JSON has no sets. Return sorted(...) of it, or write a dict: {name: value}.",
    ),
    (type, "Return an instance, not the class."),
    (Exception, "Write `raise` instead of `return`."),
    (Awaitable, "`await` it in an `async def`: in the view, or in a decorator of the view."),
    (object, "Return a str, a dict, a list or a Django response."),
)


def rendered(response: Any) -> Any:
    """The response with its template rendered, which Django does only for views."""
    return response.render() if hasattr(response, "render") else response


def is_async(view: View) -> bool:
    """Whether the view is a coroutine function, or an instance with an async ``__call__``."""
    return iscoroutinefunction(view) or iscoroutinefunction(type(view).__call__)


def adapt(function: View, to_async: bool) -> View:
    """The function as a coroutine function, or as a plain function."""
    if is_async(function) == to_async:
        return function
    return sync_to_async(function) if to_async else async_to_sync(function)
