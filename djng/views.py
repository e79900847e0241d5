"""What a view may return. `as_view` runs once for each route, before the first request; the rest once per request.

==============================================  =====================================================
returned                                        response
==============================================  =====================================================
any Django response                             itself
``str``, ``bytes``                              ``text/html``
``dict`` where the route has a ``template``     the template rendered with it, lazily
``dict``, ``list``, a QuerySet of ``values()``  JSON
``(body, status)``, ``(body, headers)``,        the body's response with that status and those headers
``(body, status, headers)``
a generator or iterator, sync or async          streamed
==============================================  =====================================================

Anything else is a ReturnTypeError that names the view, its file and line, and what to write.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from djng.errors import ReturnTypeError, locate, name_of

View = Callable[..., Any]

BODILESS = {204, 304}


def is_async(view: View) -> bool:
    """Whether calling the view gives something to await: a function, a partial or an instance."""
    return iscoroutinefunction(view) or iscoroutinefunction(getattr(view, "__call__", None))


def as_view(view: View, template: str | None = None) -> View:
    """Make a Django view of anything that maps a request to a response.

    Takes a function, a partial, an instance or a class-based view, sync or async, and the template
    that its dicts are for. Returns a view that returns a Django response, with the attributes of
    the given one (`csrf_exempt` and the like). ::

        path("", as_view(lambda request: "Hello"))
    """
    if inspect.isclass(view) and hasattr(view, "as_view"):
        view = view.as_view()
    context = Context(view, template)

    if is_async(view):

        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            returned = await view(request, *args, **kwargs)
            if isinstance(returned, HttpResponseBase):
                return returned
            return await to_response_async(returned, request, context)
    else:

        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            returned = view(request, *args, **kwargs)
            if isinstance(returned, HttpResponseBase):
                return returned
            return to_response(returned, request, context)

    return functools.update_wrapper(wrapper, view)


def as_error_view(view: View, status: int, template: str | None = None) -> View:
    """Make one of Django's error handlers of a view that takes the request and the exception."""
    view = async_to_sync(view) if is_async(view) else view
    context = Context(view, template, status)

    def handler(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
        # Django hands the exception to every handler but that of status 500, which runs while the
        # exception is being handled.
        error = exception or sys.exception()
        return to_response(view(request, error), request, context)

    return handler


class Context(NamedTuple):
    """What stays the same for a view from one request to the next."""

    view: View
    template: str | None = None
    status: int | None = None

    def refuse(self, problem: str, way_out: str) -> ReturnTypeError:
        message = f"{name_of(self.view)}() returned {problem}"
        return ReturnTypeError(message, hint=way_out, where=locate(self.view))


def to_response(returned: Any, request: HttpRequest, context: Context) -> HttpResponseBase:
    """Make a response of what a view returned; raises ReturnTypeError where the table has no row."""
    status, headers = context.status, None
    if isinstance(returned, tuple):
        returned, status, headers = unpack(returned, context)
    if status in BODILESS:
        response = without_body(returned, status, context)
    else:
        response = body_to_response(returned, request, context)
        response.status_code = status or response.status_code
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


async def to_response_async(
    returned: Any, request: HttpRequest, context: Context
) -> HttpResponseBase:
    body = returned[0] if isinstance(returned, tuple) and returned else returned
    if isinstance(body, QuerySet):  # it is about to ask the database
        return await sync_to_async(to_response)(returned, request, context)
    return to_response(returned, request, context)


def body_to_response(body: Any, request: HttpRequest, context: Context) -> HttpResponseBase:
    if isinstance(body, HttpResponseBase):
        return body
    if context.template:
        if isinstance(body, dict):
            return TemplateResponse(request, context.template, body)
        if isinstance(body, list):
            raise context.refuse("a list", f"The template {context.template} takes a dict.")
    for types, make in RETURNS:
        if isinstance(body, types):
            return make(body, context)
    raise refusal(body, context)


def html(body: str | bytes, context: Context) -> HttpResponse:
    return HttpResponse(body)


def json(body: Any, context: Context) -> JsonResponse:
    try:
        return JsonResponse(body, safe=False)
    except (TypeError, ValueError) as error:
        kind = type(body).__name__
        hint = "Put plain values in it: strings, numbers, dates, lists and dicts of them."
        raise context.refuse(f"a {kind} that is not JSON: {error}.", hint) from error


def rows(body: QuerySet[Any], context: Context) -> JsonResponse:
    # Django tells a QuerySet of values() from one of models by this attribute alone.
    if issubclass(body._iterable_class, ModelIterable):
        raise refusal(body, context)
    return json(list(body), context)


def stream(body: Iterator[Any], context: Context) -> StreamingHttpResponse:
    return StreamingHttpResponse(body)


RETURNS: tuple[tuple[Any, Callable[[Any, Context], HttpResponseBase]], ...] = (
    ((str, bytes), html),
    ((dict, list), json),
    (QuerySet, rows),
    ((Iterator, AsyncIterator), stream),
)


def without_body(body: Any, status: int, context: Context) -> HttpResponse:
    if body not in (None, "", b""):
        raise context.refuse(f"a body with status {status}.", "It has none: return None with it.")
    response = HttpResponse(status=status)
    del response.headers["Content-Type"]
    return response


def unpack(returned: tuple[Any, ...], context: Context) -> tuple[Any, int | None, Any]:
    """Read Flask's tuples: (body, status), (body, headers) and (body, status, headers)."""
    match returned:
        case (body, int(status)) if is_status(status):
            return body, int(status), None
        case (body, Mapping() | list() as headers):
            return body, context.status, dict(headers)
        case (body, int(status), Mapping() | list() as headers) if is_status(status):
            return body, int(status), dict(headers)
    hint = "Return (body, status), (body, headers) or (body, status, headers)."
    raise context.refuse(f"a tuple that is none of the accepted: {shape(returned)}.", hint)


def is_status(number: int) -> bool:
    return 100 <= number <= 599 and not isinstance(number, bool)


def shape(values: tuple[Any, ...]) -> str:
    """The tuple without its contents, which may be private: ``(str, 999)``."""
    shown = (repr(v) if isinstance(v, int) else type(v).__name__ for v in values)
    return f"({', '.join(shown)})"


def refusal(body: Any, context: Context) -> ReturnTypeError:
    """The error for a body that is not in the table, with what to write instead."""
    if body is None:
        return context.refuse("None.", "Did you forget `return`?")
    if inspect.isawaitable(body):
        if inspect.iscoroutine(body):
            body.close()
        return context.refuse("something to await.", "Write `async def` and `await`.")
    kind = type(body).__name__
    for types, hint in INSTEAD:
        if isinstance(body, types):
            return context.refuse(f"a {kind}.", hint)
    return context.refuse(f"a {kind}.", "Return a str, a dict, a list or a Django response.")


INSTEAD: tuple[tuple[Any, str], ...] = (
    (Model, 'Return the fields that may be seen: {"title": post.title}.'),
    (QuerySet, 'Name the fields that may be seen: Post.objects.values("id", "title").'),
    ((int, float), "Return str(...) of it, or (body, status) if it is a status."),
    ((set, frozenset), "Return sorted(...) of it: JSON has no sets."),
    (type, "Return an instance, not the class."),
)
