"""Django's WSGI handler, with requests that survive malformed headers. Runs once per request.

`RobustRequestMixin` overrides private methods of Django's request: it has no public ones for this.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers import wsgi
from django.http import HttpRequest
from django.http.request import MediaType
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property

from djng.responses import WITHOUT_BODY


class RobustRequestMixin(HttpRequest):
    """A request that ignores headers that it cannot parse."""

    @cached_property
    def accepted_types(self) -> list[MediaType]:
        try:
            return super().accepted_types
        except ValueError:
            return [MediaType("*/*")]

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        self.content_type, self.content_params = "", {}
        if meta.get("CONTENT_TYPE"):
            with suppress(BadRequest, ValueError):
                super()._set_content_type_params(meta)  # type: ignore[misc]

    def _load_post_and_files(self) -> None:
        parent: Any = super()
        try:
            parent._load_post_and_files()
        except BadRequest:
            parent._mark_post_parse_error()  # the page that explains the error reads the form again
            raise


class WSGIRequest(RobustRequestMixin, wsgi.WSGIRequest):
    pass


class WSGIHandler(wsgi.WSGIHandler):
    request_class = WSGIRequest

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        return response if response.status_code == 200 else with_content_type(response)


def with_content_type(response: HttpResponseBase) -> HttpResponseBase:
    """The response with a content type, or without one if it has no body, as WSGI demands."""
    if response.status_code in WITHOUT_BODY:
        response.headers.pop("Content-Type", None)
    else:
        response.headers.setdefault("Content-Type", "application/octet-stream")
    return response
