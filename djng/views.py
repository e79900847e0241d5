"""One Django view for each URL, made before the first request. The view runs once per request.

Middleware reads attributes of a URL's view, such as ``csrf_exempt``, before the view runs. If
several functions answer one URL by method, they must agree on these attributes.
"""

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDictKeyError
from django.utils.log import log_response

from djng.exceptions import Location, MissingKeyError, RouteError, locate, name_of, user_lines
from djng.responses import View, adapt, is_async, to_response, to_response_async
from djng.routing import Route
from djng.rules import METHODS

Decorators = Iterable[Callable[..., Any]]

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


def url_view(routes: list[Route], decorators: Decorators) -> View:
    """The view for all routes of one URL. It calls the decorated function for each method."""
    made = {each: as_view(each.view, each.template) for each in routes}
    made = {each: decorated(view, decorators, each.where) for each, view in made.items()}
    views: dict[Any, View] = {m: made[each] for m, each in routes_by_method(routes).items()}
    first, other = routes[0], views.pop(None, None)
    view = other or decorated(method_not_allowed([*views], first), decorators, first.where)
    if views or decorators:  # a decorator may return the same function for several views
        view = update_wrapper(dispatcher(views, view), first.view, updated=())
    vars(view).update(shared_attributes(made), _djng_routes=routes)
    return view


def routes_by_method(routes: list[Route]) -> dict[str | None, Route]:
    by_method = {method: route for route in routes for method in route.methods}
    return {"HEAD": by_method["GET"], **by_method} if "GET" in by_method else by_method


def dispatcher(views: dict[Any, View], other: View) -> View:
    """A new view that calls the one for the request's method, or else the other one."""
    to_async = any(map(is_async, [other, *views.values()]))
    other, views = adapt(other, to_async), {m: adapt(v, to_async) for m, v in views.items()}

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return views.get(request.method, other)(request, *args, **kwargs)

    return markcoroutinefunction(dispatch) if to_async else dispatch


def decorated(view: View, decorators: Decorators, where: Location) -> View:
    """Apply the decorators, the last one outermost; raises RouteError if one returns no view."""
    for decorator in decorators:
        result = decorator(view)
        if is_async(view) and not iscoroutinefunction(result):
            result = decorator(copied(view, to_async=False))  # it cannot await the view
        if not callable(result):
            message = f"the decorator {name_of(decorator)}() returned no view."
            raise RouteError(message, hint="Did you forget `return`?", where=where)
        view = result
    return view


def copied(view: View, *, to_async: bool) -> View:
    """A new function that calls the view. It can get attributes that the view must not get."""
    return with_attributes(dispatcher({}, adapt(view, to_async)), view)


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
    return update_wrapper(wrapper, view, updated=())  # last: it sets __wrapped__


def attributes_of(view: View) -> dict[str, Any]:
    """The plain values that a view has as attributes; an instance may have them from its class."""
    owners = [*map(vars, reversed(type(view).__mro__)), getattr(view, "__dict__", {})]
    found = {name: value for owner in owners for name, value in owner.items()}
    return {
        name: value
        for name, value in found.items()
        if not (name.startswith("__") or name in NOT_SHARED or callable(value))
        and not hasattr(type(value), "__get__")
    }


def shared_attributes(views: dict[Route, View]) -> dict[str, Any]:
    """The attributes of a URL's views; raises RouteError if the views don't agree."""
    found = {route: attributes_of(view) for route, view in views.items()}
    unsafe = [route for route in found if not SAFE_METHODS.issuperset(route.methods)]
    shared: dict[str, Any] = {}
    for name in sorted({name for attributes in found.values() for name in attributes}):
        # CSRF only matters to unsafe methods.
        first, *others = unsafe if unsafe and name == "csrf_exempt" else [*found]
        default, _ = ATTRIBUTES.get(name, (None, ""))
        shared[name] = found[first].get(name, default)
        for other in others:
            if found[other].get(name, default) != shared[name]:
                raise disagreement(name, first, other)
    return shared


def disagreement(name: str, first: Route, other: Route) -> RouteError:
    what = ATTRIBUTES[name][1] if name in ATTRIBUTES else f"the attribute {name}"
    functions = f"{name_of(first.view)}() and {name_of(other.view)}()"
    message = f"{functions} answer the same URL, {other}, and differ in {what}."
    hint = f"Decorate both alike, or give one its own URL. The other is at {first.where}."
    return RouteError(message, hint=hint, where=other.where)


def method_not_allowed(methods: Iterable[str], route: Route) -> View:
    """A view that answers OPTIONS, and refuses methods that no function answers."""
    allowed = [each for each in METHODS if each in {*methods, "OPTIONS"}]
    allowed += sorted({*methods}.difference(METHODS))

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
    is_safe = request.method in SAFE_METHODS
    nothing = "no query" if is_safe else "no form fields"
    hint = f"The request has {keys or nothing}. For a key that may be missing, use .get()."
    if request.content_type == "application/json" and not is_safe:
        hint = "The request has JSON: read it with json.loads(request.body)."
    where = next(user_lines(error.__traceback__), None) or locate(view)
    return MissingKeyError(f"the request has no {error}.", hint=hint, where=where)
