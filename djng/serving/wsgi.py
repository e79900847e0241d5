"""The WSGI handler of `serve`, which slow clients cannot stop.

In granian, the thread that runs a view also reads the request's body and sends the response, so a
slow client holds it meanwhile. `serve` therefore has many threads. Only a few of them may run a
view at once: more would only wait for each other, and for the database.

The threads that run views pass on their connections to the database. `inc_thread_sharing` is not
documented, but Django's own test server passes connections on in the same way.
"""

import os
from contextlib import closing
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import Any

from django.db import close_old_connections, connections
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
        # For each view that may run, the connections that it can use.
        self.places: SimpleQueue[list[Any]] = SimpleQueue()
        for _ in range(int(os.environ["DJNG_THREADS"])):
            self.places.put([])

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if not receive(environ):
            start_response("400 Bad Request", [])
            return []
        taken, left = self.places.get(), []
        try:
            for connection in taken:
                connections[connection.alias] = connection
            response: Any = super().__call__(environ, start_response)
            if response.streaming and not isinstance(response, FileResponse):
                return response  # it may use the connections until its end
            answer = complete(response)
            left = leave_connections()
            return answer
        finally:
            self.places.put(left)


def complete(response: Any) -> Any:
    """What granian can send while others use the connections: a file, or the whole body."""
    if response.streaming:
        close_old_connections()
        return response
    with closing(response):
        return [response.content]


def leave_connections() -> list[Any]:
    """The connections that this thread has used, and now leaves to another one."""
    left: list[Any] = [*connections.all(initialized_only=True)]
    for connection in left:
        del connections[connection.alias]
        if not connection.allow_thread_sharing:
            connection.inc_thread_sharing()
    return left


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
