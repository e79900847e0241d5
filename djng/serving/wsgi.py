"""The WSGI handler of `serve`, which slow clients cannot stop.

In granian, the thread that runs a view also reads the request's body and sends the response, so a
slow client holds it meanwhile. `serve` therefore has many threads. Only a few of them may run a
view at once: more would only wait for each other, and for the database.
"""

import os
import threading
from contextlib import closing
from tempfile import SpooledTemporaryFile
from typing import Any

from django.db import close_old_connections
from django.http import FileResponse

from djng import wsgi

MEMORY = 2**16  # a longer body is on the disk until the view has read it


class WSGIRequest(wsgi.WSGIRequest):
    def close(self) -> None:
        super().close()
        if isinstance(body := self.environ["wsgi.input"], SpooledTemporaryFile):
            body.close()


class WSGIHandler(wsgi.WSGIHandler):
    request_class = WSGIRequest

    def __init__(self) -> None:
        super().__init__()
        self.running = threading.Semaphore(int(os.environ["DJNG_THREADS"]))

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if not receive(environ):
            start_response("400 Bad Request", [])
            return []
        with self.running:
            response: Any = super().__call__(environ, start_response)
            if isinstance(response, FileResponse):
                close_old_connections()  # however long the file takes, it needs no database
            if response.streaming:
                return response
            with closing(response):
                return [response.content]  # granian sends a list without a thread


def receive(environ: Any) -> bool:
    """Read the request's body, if it has one; False if the client goes away before its end."""
    if not (length := int(environ.get("CONTENT_LENGTH") or 0)):
        return True
    body = SpooledTemporaryFile(MEMORY)  # noqa: SIM115  # the request closes it
    while part := environ["wsgi.input"].read(MEMORY):
        body.write(part)
    environ["wsgi.input"], is_whole = body, body.tell() == length
    body.seek(0)
    return is_whole
