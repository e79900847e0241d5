"""Answer errors with the nearest error view. Runs when a request fails."""

import logging
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.urls import Resolver404, get_resolver
from django.utils.log import log_response
from django.views import defaults

from djng.exceptions import name_of
from djng.responses import View, adapt, rendered, to_response
from djng.routing import BaseRouter, Scope

logger = logging.getLogger("django.request")

STATUSES: dict[type, int] = {
    Http404: 404,
    PermissionDenied: 403,
    BadRequest: 400,
    SuspiciousOperation: 400,
    MultiPartParserError: 400,
    BaseException: 500,
}


def urlconf_site() -> BaseRouter | None:
    """The site, or None if ROOT_URLCONF is not djng's. The first call starts the site."""
    site = getattr(get_resolver().urlconf_module, "site", None)
    return site if isinstance(site, BaseRouter) else None


def scopes_of(request: HttpRequest) -> tuple[Scope, ...]:
    """The routers and the route that the request's URL is in, outermost first."""
    try:
        resolver = get_resolver(getattr(request, "urlconf", None))
        match = request.resolver_match or resolver.resolve(request.path_info)
        scopes: dict[Any, Any] = getattr(match.func, "_djng_scopes", {})
    except Resolver404 as error:
        # Without a view, the URL is in the innermost router whose prefix it has.
        tried = chain.from_iterable(each[:-1] for each in error.args[0].get("tried", ()))
        found = (each._djng_scopes for each in tried if hasattr(each, "_djng_scopes"))
        scopes = max(found, key=lambda scopes: len(scopes[None]), default={})
    by_method: tuple[Scope, ...] = scopes.get(request.method, scopes.get(None, ()))
    return by_method


def find_error_view(request: HttpRequest, error: BaseException) -> tuple[Any, Any]:
    """The key (a class or a status) and the (view, template) of the nearest error view."""
    keys = [*error_keys(error)]
    for scope in (*reversed(scopes_of(request)), urlconf_site()):
        views = getattr(scope, "error_views", {})  # a route has none
        if key := next(filter(views.__contains__, keys), None):
            return key, views[key]
    return None, None


def error_keys(error: BaseException) -> Iterator[int | type]:
    """What an error view for this exception may be for, the nearest first."""
    for kind in type(error).__mro__:
        yield kind
        if STATUSES.get(kind) == status_of(error):
            yield STATUSES[kind]


def status_of(error: BaseException) -> int:
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def error_response(request: HttpRequest, error: Exception) -> Any:
    """The response of the error view for this class of exceptions, or None.

    Django logs and signals only errors that nothing handles. This does so if the answer is still
    that the server has failed: otherwise the error view has handled the error.
    """
    key, view = find_error_view(request, error)
    if view is None or isinstance(key, int):  # Django calls the views for a status itself
        return None
    status = status_of(error)
    if isinstance(error, SuspiciousOperation):
        security = logging.getLogger(f"django.security.{type(error).__name__}")
        security.error(str(error), exc_info=error, extra={"status_code": 400, "request": request})
    response = call_error_view(view, request, error, status)
    if status == 500 and response.status_code >= 500:
        got_request_exception.send(sender=None, request=request)
        what = ("%s: %s", response.reason_phrase, request.path)
        log_response(*what, response=response, request=request, exception=error)
    return response


def call_error_view(
    view_and_template: tuple[View, str | None], request: HttpRequest, error: Any, status: int
) -> Any:
    """The response of an error view: with that status, unless the view says another."""
    view, template = view_and_template
    try:
        returned = adapt(view, to_async=False)(request, error)
        response: Any = rendered(to_response(returned, request, view, template))
    except Exception as failure:
        if settings.DEBUG:
            raise
        failure.__suppress_context__ = True  # the first error is logged after this one
        logger.exception("%s() failed to show an error:", name_of(view))
        return default_error_view(request, error, 500)
    says_status = isinstance(returned, tuple) and isinstance((*returned, None)[1], int)
    if response.status_code == 200 and not says_status:
        response.status_code = status
    return response


def default_error_view(request: Any, error: Any, status: int) -> HttpResponseBase:
    """Django's error view. It looks for a CSRF token in the form, which may be unreadable."""
    request.csrf_processing_done = True  # CsrfViewMiddleware says so after it has looked
    if status == 500:
        return defaults.server_error(request)
    views = {400: defaults.bad_request, 403: defaults.permission_denied}
    return views.get(status, defaults.page_not_found)(request, error)


def error_handler(status: int) -> View:
    """``handler404`` and its like for the URLconf: the nearest error view, or Django's."""

    def handle(request: HttpRequest, exception: BaseException | None = None) -> Any:
        # Django passes the exception, except for a 500, where it is being handled.
        error = exception or sys.exception() or Exception()
        _, view = find_error_view(request, error)
        if view is None:
            return default_error_view(request, error, status)
        return call_error_view(view, request, error, status)

    return handle
