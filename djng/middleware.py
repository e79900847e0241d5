"""Middleware that differs from Django's in a detail. Runs once per request."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware import common
from django.utils.http import escape_leading_slashes


class CommonMiddleware(common.CommonMiddleware):
    """Django's, but the redirect to the slash that a POST lacks keeps the method and the body."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_lost = response.status_code == 404 and request.method not in ("GET", "HEAD")
        if is_lost and self.should_redirect_with_slash(request):
            url = escape_leading_slashes(request.get_full_path(force_append_slash=True))
            response = HttpResponsePermanentRedirect(url, preserve_request=True)
        return super().process_response(request, response)
