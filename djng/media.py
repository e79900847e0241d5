"""Serve uploaded files. Runs once per request for one.

Anybody may have uploaded them, so browsers are told not to run anything in them.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from whitenoise import WhiteNoise
from whitenoise.middleware import WhiteNoiseMiddleware


def serve(request: HttpRequest, path: str) -> HttpResponseBase:
    """The file in MEDIA_ROOT, or the part of it that the request asks for; raises Http404."""
    noise = WhiteNoise(
        None,
        root=settings.MEDIA_ROOT,
        autorefresh=True,
        allow_all_origins=False,
        add_headers_function=add_safety_headers,
    )
    file = None if "\0" in path else noise.find_file(f"/{path}")
    if file is None:
        raise Http404({"path": path})
    response: HttpResponseBase = WhiteNoiseMiddleware.serve(file, request)
    return response


def add_safety_headers(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    if headers["Content-Type"] != "application/pdf":  # browsers show no PDF in a sandbox
        headers["Content-Security-Policy"] = "sandbox"
