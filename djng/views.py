"""What a view may return. `as_view` runs before the first request, the rest once per request.

A Django response is itself, text is HTML, a dict is for the route's template or is JSON, and so on:
the lines of `to_response`. Flask's tuples add a status and headers to any of them. What has no line
is a ReturnTypeError that names the view, its file and line, and what to write, by INSTEAD.
"""

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.datastructures import MultiValueDictKeyError
from django.views import defaults

from djng.errors import MissingKeyError, ReturnTypeError, locate, name_of, user_lines
from djng.wsgi import BODILESS

View = Callable[..., Any]

logger = logging.getLogger("django.request")
# What Django asks of a view; an instance may have them from its class.
MARKS = ("csrf_exempt", "login_required", "should_append_slash", "_non_atomic_requests")


class Context(NamedTuple):
    """What stays the same for a view from one request to the next."""

    view: View
    template: str | None

    def refuse(self, what: str, way_out: str) -> ReturnTypeError:
        message = f"{name_of(self.view)}() returned {what}."
        return ReturnTypeError(message, hint=way_out, where=locate(self.view))

    def lacks(self, error: Exception, request: HttpRequest) -> MissingKeyError:
        names = ", ".join(dict.fromkeys([*request.POST, *request.FILES, *request.GET])) or "nothing"
        hint = f"It has {names}. For one that may be missing, use .get()."
        where = next(user_lines(error.__traceback__), None) or locate(self.view)
        return MissingKeyError(f"the request has no {error}.", hint=hint, where=where)


def is_async(view: View) -> bool:
    """Whether what the view returns is to be awaited, be it a function or an instance."""
    return iscoroutinefunction(view) or iscoroutinefunction(type(view).__call__)


def as_view(view: View, template: str | None = None) -> View:
    """The Django view of a function, a partial, an instance or a class-based view, sync or async.

    The template is the one that a returned dict is for. Marks such as `csrf_exempt` are kept.
    """
    if inspect.isclass(view):
        view = view.as_view()  # type: ignore[attr-defined]
    context = Context(view, template)

    def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            returned = view(request, *args, **kwargs)
        except MultiValueDictKeyError as error:
            raise context.lacks(error, request) from error
        return to_response(returned, request, context)

    async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            returned = await view(request, *args, **kwargs)
        except MultiValueDictKeyError as error:
            raise context.lacks(error, request) from error
        return await to_response_in_loop(returned, request, context)

    made = functools.update_wrapper(async_view if is_async(view) else sync_view, view)
    vars(made).update({mark: getattr(view, mark) for mark in MARKS if hasattr(view, mark)})
    return made


def as_hook(function: View, *, is_after: bool = False) -> View:
    """What `before_request` and `after_request` call: it returns a response, or before a view None.

    Takes a function of a request, and after a view of its response too, sync or async.
    """
    context = Context(function, None)

    def hook(request: HttpRequest, *given: Any) -> HttpResponseBase | None:
        returned = function(request, *given)
        if returned is None and not is_after:
            return None
        response: HttpResponseBase = rendered(to_response(returned, request, context))
        return response

    async def async_hook(request: HttpRequest, *response: Any) -> HttpResponseBase | None:
        returned = await function(request, *response)
        if returned is None and not is_after:
            return None
        made = await to_response_in_loop(returned, request, context)
        return await sync_to_async(rendered)(made) if hasattr(made, "render") else made

    return async_hook if is_async(function) else hook


def rendered(response: Any) -> Any:
    """The response as it is sent: outside a view Django renders no template."""
    return response.render() if hasattr(response, "render") else response


def as_error_view(view: View, template: str | None = None) -> View:
    """What answers an error, by a view that takes the request and the exception.

    It takes the status too, which the response has unless the view says another.
    """
    context = Context(view, template)
    call = async_to_sync(view) if is_async(view) else view

    def handler(request: HttpRequest, error: BaseException, status: int) -> Any:
        try:
            returned = call(request, error)
            response = rendered(to_response(returned, request, context))
        except Exception as failure:
            if settings.DEBUG:
                raise
            failure.__suppress_context__ = True  # the first one is logged when this has returned
            logger.exception("%s() failed to show an error:", name_of(view))
            return ERROR_VIEWS[500](request)
        says_status = isinstance(returned, tuple) and isinstance((*returned, None)[1], int)
        if response.status_code == 200 and not says_status:
            response.status_code = status
        return response

    return handler


def without_form(view: View) -> View:
    """Django's error view; it looks for a token in the form, and fails where none can be read."""

    def handler(request: Any, error: BaseException | None = None, *status: int) -> Any:
        request.csrf_processing_done = True  # as CsrfViewMiddleware says that it has looked
        return view(request) if view is defaults.server_error else view(request, error)

    return handler


ERROR_VIEWS = {
    400: without_form(defaults.bad_request),
    403: without_form(defaults.permission_denied),
    404: without_form(defaults.page_not_found),
    500: without_form(defaults.server_error),
}


def to_response(returned: Any, request: HttpRequest, context: Context) -> HttpResponseBase:
    """The response of what a view returned; raises ReturnTypeError where it can be none."""
    if isinstance(returned, HttpResponseBase):
        return returned
    if isinstance(returned, (str, bytes)):
        return HttpResponse(returned)
    if isinstance(returned, tuple):
        return from_tuple(returned, request, context)
    if context.template and isinstance(returned, dict):
        return TemplateResponse(request, context.template, returned)
    if context.template and isinstance(returned, (list, QuerySet)):
        raise context.refuse("a list", f"The template {context.template} takes a dict.")
    # Django tells a QuerySet of values() from one of models by this attribute alone.
    if isinstance(returned, QuerySet) and not issubclass(returned._iterable_class, ModelIterable):
        returned = list(returned)
    if isinstance(returned, (dict, list)):
        try:
            return JsonResponse(returned, safe=False)
        except (TypeError, ValueError) as error:
            hint = "Put plain values in it: strings, numbers, dates, lists and dicts of them."
            raise context.refuse(f"what is not JSON: {error}", hint) from error
    if isinstance(returned, (Iterator, AsyncIterator)):
        return StreamingHttpResponse(returned)
    if returned is None:
        raise context.refuse("None", "Did you forget `return`?")
    if inspect.iscoroutine(returned):
        returned.close()
    hint = next(hint for types, hint in INSTEAD if isinstance(returned, types))
    raise context.refuse(f"a value of type {type(returned).__name__}", hint)


async def to_response_in_loop(
    returned: Any, request: HttpRequest, context: Context
) -> HttpResponseBase:
    body = returned[0] if isinstance(returned, tuple) and returned else returned
    if isinstance(body, QuerySet):  # it is about to ask the database
        return await sync_to_async(to_response)(returned, request, context)
    return to_response(returned, request, context)


def from_tuple(returned: Any, request: HttpRequest, context: Context) -> HttpResponseBase:
    body, status, headers = unpack(returned, context)
    if status in BODILESS and body not in (None, "", b""):
        raise context.refuse(f"a body with status {status}", "It has none: return None with it.")
    response = to_response("" if status in BODILESS else body, request, context)
    response.status_code = status or response.status_code
    for name, value in headers.items():
        response.headers[name] = value
    return response


def unpack(returned: tuple[Any, ...], context: Context) -> tuple[Any, int | None, dict[str, str]]:
    """The body, the status and the headers of Flask's tuples."""
    body, *rest = returned or (None,)
    status = rest.pop(0) if rest and isinstance(rest[0], int) else None
    with suppress(TypeError, ValueError):
        headers: dict[str, str] = dict(rest.pop(0) or ()) if rest else {}
        if len(returned) > 1 and not rest and (status is None or 200 <= status <= 599):
            return body, status, headers
    # The values may be private: only the numbers are shown.
    shape = ", ".join(str(v) if isinstance(v, int) else type(v).__name__ for v in returned)
    hint = "Return (body, status), (body, headers) or (body, status, headers)."
    raise context.refuse(f"a tuple that is none of the accepted: ({shape})", hint)


INSTEAD: tuple[tuple[Any, str], ...] = (
    (Model, 'Return the fields that may be seen in a dict: {"id": ..., ...}.'),
    (QuerySet, 'Name the fields that may be seen: .values("id", ...).'),
    ((int, float), "Return str(...) of it, or (body, status) if it is a status."),
    ((set, frozenset), "Return sorted(...) of it: JSON has no sets."),
    (type, "Return an instance, not the class."),
    (Exception, "`raise` it."),
    (Awaitable, "`await` it in an `async def`, be it a view or a decorator of one."),
    (object, "Return a str, a dict, a list or a Django response."),
)
