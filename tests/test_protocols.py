"""The site follows the specifications of WSGI and ASGI."""

import asyncio

import pytest
from asgiref.testing import ApplicationCommunicator

SITE = """
from http import HTTPStatus

from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse

STATUSES = [status.value for status in HTTPStatus if status >= 200]
PATHS = [f"/{kind}{status}/" for kind in ("", "django/") for status in STATUSES]
PATHS += ["/chunks/", "/crash/", "/missing/", "/200", "/static/site.css", "/robots.txt", "/admin/"]
STATIC = [("Range", "bytes=2-4"), ("Range", "bytes=99-"), ("If-Modified-Since", "{date}")]
REQUESTS = [(method, path, ()) for method in ("GET", "HEAD") for path in PATHS]
REQUESTS += [("GET", "/static/site.css", [header]) for header in STATIC]
REQUESTS += [("GET", "/200/", [("Host", "other.example")])]
REQUESTS += [(method, "/chunks/", ()) for method in ("POST", "OPTIONS", "DELETE")]


@app.route("/<int:status>/")
def plain(request, status):
    return None if status in (204, 304) else "text", status


@app.route("/django/<int:status>/")
async def django(request, status):
    return HttpResponse(status=status)


@app.get("/chunks/")
def chunks(request):
    return iter(["two ", "chunks"])


@app.route("/crash/")
def crash(request):
    return 1 / 0
""".replace("{date}", "Fri, 01 Jan 2100 00:00:00 GMT")
WSGI = """
from io import BytesIO
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

for method, path, headers in blog.REQUESTS:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "localhost"}
    environ |= {"QUERY_STRING": "", "SCRIPT_NAME": ""}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
    setup_testing_defaults(environ)
    answered = []
    body = validator(blog.app)(environ, lambda status, headers, *_: answered.append(status))
    text = b"".join(body)
    body.close()
    assert len(answered) == 1
    assert not (text and answered[0][:3] in ("204", "304")), (path, text)
"""
ASGI = """
import asyncio


async def ask(method, path, headers):
    fields = dict([("host", "localhost"), *[(name.lower(), value) for name, value in headers]])
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "http_version": "1.1",
        "scheme": "http",
    }
    communicator = blog.ApplicationCommunicator(blog.app, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output(timeout=10)
    assert start["type"] == "http.response.start"
    assert type(start["status"]) is int
    assert all(type(part) is bytes for pair in start["headers"] for part in pair)
    text, more = b"", True
    while more:
        message = await communicator.receive_output(timeout=10)
        assert message["type"] == "http.response.body"
        text, more = text + message.get("body", b""), message.get("more_body", False)
    await communicator.wait(timeout=10)
    assert communicator.output_queue.empty()
    names = [name.lower() for name, _ in start["headers"]]
    if start["status"] in (204, 304):
        assert not text, path
        assert b"content-type" not in names, path
    elif method != "HEAD" and b"content-length" in names:
        assert int(dict(start["headers"])[b"Content-Length"]) == len(text), path


async def ask_all():
    for request in blog.REQUESTS:
        await ask(*request)

asyncio.run(ask_all())
"""
SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/admin/login/",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "http_version": "1.1",
    "scheme": "http",
}


@pytest.mark.parametrize("client", [WSGI, ASGI], ids=["wsgi", "asgi"])
def test_every_response_follows_the_specification(site, client):
    site.put("static/site.css", "body {}").put("public/robots.txt", "User-agent: *")
    site.write(SITE).shell(client)


async def first_message(application, scope, *messages):
    communicator = ApplicationCommunicator(application, scope)
    for message in messages:
        await communicator.send_input(message)
    first = await communicator.receive_output(timeout=10)
    await communicator.wait(timeout=10)
    return first


def test_servers_may_call_the_site_as_asgi_2_or_asgi_3(app):
    message = {"type": "http.request", "body": b""}

    async def asgi_3(scope, receive, send):
        await app(scope, receive, send)

    # asgiref takes the object for ASGI 2, whose applications are first called with the scope alone.
    assert asyncio.run(first_message(app, SCOPE, message))["status"] == 200
    assert asyncio.run(first_message(asgi_3, SCOPE, message))["status"] == 200


def test_the_site_answers_the_lifespan(app):
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    started = asyncio.run(first_message(app, {"type": "lifespan"}, *messages))
    assert started == {"type": "lifespan.startup.complete"}
    stopped = asyncio.run(first_message(app, {"type": "lifespan"}, messages[1]))
    assert stopped == {"type": "lifespan.shutdown.complete"}


def test_a_site_that_cannot_start_fails_in_the_lifespan(site):
    site.write("app.include('/x/', 'nowhere')")
    done = site.fork("-m", "uvicorn", "--port", "1", "blog:app")
    assert done.returncode == 3
    assert "No module named 'nowhere'" in done.stderr
