"""Django's WSGI handler, and of its requests what bad input must not break. Runs once per request.

The methods of `Tolerant` with an underscore are private ones of Django's, which has nothing public
for them: where it explains an error it reads the form again, and what fails twice has no page.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers import wsgi
from django.http import HttpRequest
from django.http.request import MediaType
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property

BODILESS = {204, 304}


class Tolerant(HttpRequest):
    """A request whose headers may be anything: one that cannot be read counts as none."""

    @cached_property
    def accepted_types(self) -> list[MediaType]:
        try:
            return super().accepted_types
        except ValueError:
            return [MediaType("*/*")]

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        parent: Any = super()
        try:
            parent._set_content_type_params(meta)
        except (BadRequest, ValueError):
            parent._set_content_type_params({})

    def _load_post_and_files(self) -> None:
        parent: Any = super()
        try:
            parent._load_post_and_files()
        except BadRequest:
            parent._mark_post_parse_error()
            raise


class Request(Tolerant, wsgi.WSGIRequest):
    pass


class WSGIHandler(wsgi.WSGIHandler):
    request_class = Request

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        return response if response.status_code == 200 else typed(response)


def typed(response: HttpResponseBase) -> HttpResponseBase:
    """The response with a content type if it may have content, and only then, as WSGI demands."""
    if response.status_code in BODILESS:
        response.headers.pop("Content-Type", None)
    else:
        response.headers.setdefault("Content-Type", "application/octet-stream")
    return response
