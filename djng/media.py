"""Serve uploaded files. Runs once per request for one.

Anybody may have uploaded them, so browsers are told not to run anything in them, and each file is
served as it is: WhiteNoise would serve an upload ``prices.txt.gz`` in the place of ``prices.txt``.
"""

import mimetypes
import os
import posixpath
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils._os import safe_join
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

BLOCK_SIZE = 2**16  # under ASGI, each block costs a thread switch


def serve(request: HttpRequest, path: str) -> HttpResponseBase:
    """The file in MEDIA_ROOT, or the part of it that the request asks for; raises Http404."""
    file = StaticFile(find_file(path), headers_for(path))
    response: HttpResponseBase = WhiteNoiseMiddleware.serve(file, request)
    response.block_size = BLOCK_SIZE  # type: ignore[attr-defined]
    return response


def find_file(path: str) -> str:
    """The path of the file on the disk; raises Http404."""
    with suppress(SuspiciousFileOperation):
        file = safe_join(settings.MEDIA_ROOT, path)
        if path == posixpath.normpath(path) and os.path.isfile(file):
            return file
    raise Http404(f"{path!r} is no file in MEDIA_ROOT.")


def headers_for(path: str) -> list[tuple[str, str]]:
    kind, encoding = mimetypes.guess_type(path)
    if encoding:  # it is not the type of the compressed file
        kind = "application/gzip" if encoding == "gzip" else None
    charset = "; charset=utf-8" if f"{kind}".startswith("text/") else ""
    headers = [
        ("Content-Type", f"{kind or 'application/octet-stream'}{charset}"),
        ("Cache-Control", "max-age=60, public"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if kind != "application/pdf":  # browsers show no PDF in a sandbox
        headers.append(("Content-Security-Policy", "sandbox"))
    return headers
