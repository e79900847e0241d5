"""One Django view for each URL, made before the first request. The view runs once per request.

Middleware reads attributes of a URL's view, such as ``csrf_exempt``, before the view runs. If
several functions answer one URL by method, they must agree on these attributes.
"""

import functools
import inspect
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDictKeyError
from django.utils.log import log_response

from djng.exceptions import MissingKeyError, RouteError, locate, name_of, user_lines
from djng.responses import View, adapt, is_async, to_response, to_response_async
from djng.routing import Route
from djng.rules import METHODS

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# What Django assumes if a view lacks the attribute, and the decorator that sets it.
ATTRIBUTES: dict[str, tuple[Any, str]] = {
    "csrf_exempt": (False, "@csrf_exempt"),
    "login_required": (True, "@login_not_required"),
    "login_url": (None, "the login_url of @login_required"),
    "redirect_field_name": ("next", "the redirect_field_name of @login_required"),
    "should_append_slash": (True, "@no_append_slash"),
    "_non_atomic_requests": (set(), "@transaction.non_atomic_requests"),
}
# These attributes say how a view was made, or that it is async.
NOT_SHARED = {"view_initkwargs", "initkwargs", "_is_coroutine", "_is_coroutine_mark"}


def url_view(routes: list[Route]) -> View:
    """The view for all routes of one URL. It calls the function for the request's method."""
    by_method = {method: route for route in routes for method in route.methods}
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    views = {method: as_view(each.view, each.template) for method, each in by_method.items()}
    view = views[None] if [*views] == [None] else dispatcher(views, routes[0])
    if len(routes) == 1:  # its middleware may answer OPTIONS, too: preflight requests need that
        by_method.setdefault("OPTIONS", routes[0])
    attributes = shared_attributes(routes)
    vars(view).update(attributes, _djng_routes=routes, _djng_by_method=by_method)
    return view


def dispatcher(views: dict[str | None, View], route: Route) -> View:
    other = views.pop(None, None) or method_not_allowed({*filter(None, views), "OPTIONS"}, route)
    is_async = any(map(iscoroutinefunction, [other, *views.values()]))
    views, other = {m: adapt(view, is_async) for m, view in views.items()}, adapt(other, is_async)

    def view_for(request: Any) -> View:
        # A decorator may change the method, but the middleware has run for the first one.
        return views.get(getattr(request, "_djng_method", request.method), other)

    async def dispatch_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return await view_for(request)(request, *args, **kwargs)

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return view_for(request)(request, *args, **kwargs)

    view = dispatch_async if is_async else dispatch
    return functools.update_wrapper(view, route.view, updated=())


def as_view(view: View, template: str | None = None) -> View:
    """The Django view for a function, a partial, an instance or a class-based view.

    It makes a response of what the view returns, with the template for a returned dict.
    """
    if inspect.isclass(view):
        view = view.as_view()  # type: ignore[attr-defined]

    def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            returned = view(request, *args, **kwargs)
        except MultiValueDictKeyError as error:
            raise missing_key(error, request, view) from error
        return to_response(returned, request, view, template)

    async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            returned = await view(request, *args, **kwargs)
        except MultiValueDictKeyError as error:
            raise missing_key(error, request, view) from error
        return await to_response_async(returned, request, view, template)

    return with_attributes(async_view if is_async(view) else sync_view, view)


def with_attributes(wrapper: View, view: View) -> View:
    """The wrapper with the view's name, docstring and attributes."""
    own = {k: v for k, v in getattr(view, "__dict__", {}).items() if k not in NOT_SHARED}
    vars(wrapper).update(attributes_of(view) | own)
    return functools.update_wrapper(wrapper, view, updated=())  # last: it sets __wrapped__


def attributes_of(view: View) -> dict[str, Any]:
    """The plain values that a view has as attributes; an instance may have them from its class."""
    if inspect.isclass(view):
        view = view.as_view()  # type: ignore[attr-defined]
    owners = [*map(vars, reversed(type(view).__mro__)), getattr(view, "__dict__", {})]
    found = {name: value for owner in owners for name, value in owner.items()}
    return {
        name: value
        for name, value in found.items()
        if not (name.startswith("__") or name in NOT_SHARED or callable(value))
        and not hasattr(type(value), "__get__")
    }


def shared_attributes(routes: list[Route]) -> dict[str, Any]:
    """The attributes of a URL's functions; raises RouteError if the functions don't agree."""
    found = [(route, attributes_of(route.view)) for route in routes]
    shared: dict[str, Any] = {}
    for name in sorted({name for _, attributes in found for name in attributes}):
        relevant = relevant_routes(name, found)
        default, _ = ATTRIBUTES.get(name, (None, ""))
        (first, value), *others = [(route, own.get(name, default)) for route, own in relevant]
        for other, other_value in others:
            if other_value != value:
                raise disagreement(name, first, other)
        if any(name in own for _, own in relevant):
            shared[name] = value
    return shared


def relevant_routes(name: str, found: list[Any]) -> list[tuple[Route, dict[str, Any]]]:
    """The routes for which middleware reads the attribute: CSRF only matters to unsafe methods."""
    unsafe = [(route, own) for route, own in found if not SAFE_METHODS.issuperset(route.methods)]
    return unsafe if unsafe and name == "csrf_exempt" else found


def disagreement(name: str, first: Route, other: Route) -> RouteError:
    what = ATTRIBUTES[name][1] if name in ATTRIBUTES else f"the attribute {name}"
    functions = f"{name_of(first.view)}() and {name_of(other.view)}()"
    message = f"{functions} answer the same URL, {other}, and differ in {what}."
    hint = f"Decorate both alike, or give one its own URL. The other is at {first.where}."
    return RouteError(message, hint=hint, where=other.where)


def method_not_allowed(methods: set[str], route: Route) -> View:
    """A view that answers OPTIONS, and refuses methods that no function answers."""
    allowed = [*filter(methods.__contains__, METHODS), *sorted(methods.difference(METHODS))]

    def refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(headers={"Allow": ", ".join(allowed), "Content-Length": "0"})
        response: HttpResponse = HttpResponseNotAllowed(allowed)
        if settings.DEBUG:
            from djng.dev import error_page  # only while developing

            response = error_page.method_not_allowed(request, route, allowed)
        text = "Method Not Allowed (%s): %s"
        log_response(text, request.method, request.path, response=response, request=request)
        return response

    return refuse


def missing_key(error: Exception, request: HttpRequest, view: View) -> MissingKeyError:
    keys = ", ".join(dict.fromkeys([*request.POST, *request.FILES, *request.GET]))
    hint = f"The request has {keys or 'no keys'}. For a key that may be missing, use .get()."
    where = next(user_lines(error.__traceback__), None) or locate(view)
    return MissingKeyError(f"the request has no {error}.", hint=hint, where=where)
