"""One Django view for each URL. `url_view` runs before the first request, its view once for each.

Middleware reads attributes of a URL's view, such as ``csrf_exempt``, before the view runs. If
several functions answer one URL by method, they must agree on these attributes.
"""

import functools
import inspect
from collections.abc import Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDictKeyError
from django.utils.log import log_response

from djng.exceptions import MissingKeyError, RouteError, locate, name_of, user_lines
from djng.responses import View, is_async, to_response, to_response_async
from djng.routing import Route
from djng.rules import METHODS

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# What Django takes a view to have that lacks the attribute, and the decorator that sets it.
ATTRIBUTES: dict[str, tuple[Any, str]] = {
    "csrf_exempt": (False, "@csrf_exempt"),
    "login_required": (True, "@login_not_required"),
    "login_url": (None, "the login_url of @login_required"),
    "redirect_field_name": ("next", "the redirect_field_name of @login_required"),
    "should_append_slash": (True, "@no_append_slash"),
    "_non_atomic_requests": (set(), "@transaction.non_atomic_requests"),
}
# These say how a view was made, or that it is async, and nothing about what may be done with it.
NOT_SHARED = {"view_initkwargs", "initkwargs", "_is_coroutine", "_is_coroutine_mark"}


def url_view(routes: list[Route]) -> View:
    """The view for all routes of one URL. It calls the function for the request's method."""
    shared = shared_attributes(routes)
    views = {m: as_view(each.view, each.template) for each in routes for m in each.methods}
    view = views[None] if list(views) == [None] else dispatcher(views, routes[0])
    by_method = {method: route for route in routes for method in route.methods}
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    vars(view).update(shared, routes=routes, by_method=by_method)
    return view


def dispatcher(views: dict[str | None, View], route: Route) -> View:
    if "GET" in views:
        views.setdefault("HEAD", views["GET"])
    other = views.pop(None, None) or method_not_allowed([*filter(None, views), "OPTIONS"], route)
    if any(map(iscoroutinefunction, [other, *views.values()])):
        views, other = {method: as_async(view) for method, view in views.items()}, as_async(other)

        async def dispatch_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return await views.get(request.method, other)(request, *args, **kwargs)

        return functools.update_wrapper(dispatch_async, route.view, updated=())

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return views.get(request.method, other)(request, *args, **kwargs)

    return functools.update_wrapper(dispatch, route.view, updated=())


def as_async(view: View) -> View:
    return view if iscoroutinefunction(view) else sync_to_async(view)


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
    functools.update_wrapper(wrapper, view, updated=())
    own = {k: v for k, v in getattr(view, "__dict__", {}).items() if k not in NOT_SHARED}
    vars(wrapper).update(attributes_of(view) | own)
    return wrapper


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
        (first, own), *others = asked_for(name, found)
        default, _ = ATTRIBUTES.get(name, (None, ""))
        for other, theirs in others:
            if own.get(name, default) != theirs.get(name, default):
                raise disagreement(name, first, other)
        shared |= next(
            ({name: each[name]} for _, each in asked_for(name, found) if name in each), {}
        )
    return shared


def asked_for(name: str, found: list[Any]) -> list[tuple[Route, dict[str, Any]]]:
    """The routes for which middleware reads the attribute: CSRF only matters to unsafe methods."""
    unsafe = [(route, own) for route, own in found if not SAFE_METHODS.issuperset(route.methods)]
    return unsafe if unsafe and name == "csrf_exempt" else found


def disagreement(name: str, first: Route, other: Route) -> RouteError:
    what = ATTRIBUTES[name][1] if name in ATTRIBUTES else f"the attribute {name}"
    functions = f"{name_of(first.view)}() and {name_of(other.view)}()"
    message = f"{functions} answer the same URL, {other}, and differ in {what}."
    hint = f"Decorate both alike, or give one its own URL. The other is at {first.where}."
    return RouteError(message, hint=hint, where=other.where)


def method_not_allowed(methods: Iterable[str], route: Route) -> View:
    """A view that answers OPTIONS, and refuses methods that no function answers."""
    allowed = sorted(methods, key=lambda m: METHODS.index(m) if m in METHODS else len(METHODS))

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
