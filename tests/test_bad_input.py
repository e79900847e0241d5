"""No request makes the example fail, hang, or use more and more memory.

For a long run, set the number of requests to each server: ``FUZZ_REQUESTS=7000 pytest ...``
"""

import contextlib
import os
import re
import shutil
import socket
import string
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from conftest import ROOT, Site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", 300))  # to each server
GROWTH = 8 * 2**20  # in bytes, from the first quarter of the requests to the last
COMMANDS = {
    "gunicorn": ("-m", "gunicorn", "--threads", "2", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--no-access-log", "--port", "PORT", "blog:app"),
    "serve": ("blog.py", "serve", "--port", "PORT"),
}

PATHS = [
    "/",
    "/2024/",
    "/99999999999999999999/",
    "/tags/django/",
    "/search/",
    "/api/posts/",
    "/feed.atom",
    "/posts/hello-world-1/",
    "/posts/nothing/",
    "/admin/",
    "/admin/login/",
    "/admin/blog/post/add/",
    "/admin/jsi18n/",
    "/admin/logout/",
    "/static/admin/css/base.css",
    "/static/nothing.css",
    "/static/",
    "/static",
    "/media/a.txt",
    "/favicon.ico",
    "/admin/autocomplete/",
    "/admin/sign-in/nothing/",
]
FORMS = ["/posts/hello-world-1/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/"]
HEADERS = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Forwarded",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "Referer",
    "User-Agent",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
]
TYPES = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nothing",
    "multipart/form-data",
    "multipart/form-data; boundary=b",
    'multipart/form-data; boundary="\xe9"',
    "application/json",
    "; charset=",
    "text/plain; charset*=nothing''x",
    f"text/plain; a={'x' * 9999}",
]
VALUES = [
    "bytes=0-",
    "bytes=-1",
    "bytes=9-1,5-7",
    "*",
    '"etag", W/"x"',
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Thu, 99 Foo 99999 99:99:99 GMT",
    "gzip, br;q=x, *;q=0",
    "localhost:99999",
    "localhost@other.example",
    "csrftoken=x; sessionid=y; messages=z",
    'sessionid="\\377"; =; ;; messages=W1tdXQ:a:b',
    *TYPES,
]
PARTS = [
    '--b\r\nContent-Disposition: form-data; name="author"\r\n\r\nAda\r\n',
    '--b\r\nContent-Disposition: form-data; name="a"; filename="../\0x"\r\n\r\n\xff\r\n',
    "--b\r\nContent-Disposition: form-data; name=t\r\nContent-Transfer-Encoding: base64\r\n\r\n=",
    "--b\r\nContent-Disposition: form-data; name*=utf-9''%ff\r\n\r\n\r\n",
    "--b--\r\n",
    "--b",
]
NAMES = ["author", "text", "q", "page", "csrfmiddlewaretoken", "username", "password", "next"]

TOKEN = "a" * 32  # a request with this in a cookie and in the body passes the CSRF check
SIGNED = [("csrfmiddlewaretoken", TOKEN), ("author", "Ada")]
VALUES.append(f"csrftoken={TOKEN}")
PARTS.append(f'--b\r\nContent-Disposition: form-data; name="{SIGNED[0][0]}"\r\n\r\n{TOKEN}\r\n')


def as_form(fields):
    return urlencode(fields, errors="surrogatepass").encode()


anything = st.text(max_size=20)
latin = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30)
token = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=12)
pairs = st.lists(st.tuples(st.sampled_from(NAMES) | anything, anything), max_size=4)
methods = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE", "DELETE"]) | token
encoded = anything.map(lambda text: quote(text, errors="surrogatepass"))
broken = st.sampled_from(
    ["%", "%00", "%ff", "%2e%2e/", "..", "//", "%2f", "\\", "%c0%ae", ";", "\xe9"]
)
tails = st.lists(encoded | broken | latin, max_size=3).map("".join)
paths = st.tuples(st.sampled_from([*PATHS, "/", ""]), st.just("") | tails).map("".join)
queries = (pairs.map(as_form).map(bytes.decode) | tails).map("?".__add__)
targets = st.tuples(paths, st.just("") | queries).map("".join)
names = st.sampled_from(HEADERS) | token
headers = st.lists(st.tuples(names, st.sampled_from(VALUES) | latin), max_size=4)
with_token = st.sampled_from(TYPES).map(
    lambda kind: [("Cookie", f"csrftoken={TOKEN}"), ("Content-Type", kind)]
)
bodies = (
    (pairs | pairs.map(SIGNED.__add__)).map(as_form)
    | st.lists(st.sampled_from(PARTS), max_size=4).map(
        lambda parts: "".join(parts).encode("latin-1")
    )
    | st.binary(max_size=300)
    | st.just(b"")
)


def to_bytes(method, target, headers, body):
    """The bytes of a request. Its length is right, or else a server would wait for the rest."""
    own = ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade")
    lines = [f"{name}: {value}" for name, value in headers if name.lower() not in own[1:]]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append("Host: localhost")
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
    return head.encode("latin-1", "replace") + body


requests = st.builds(to_bytes, methods, targets, headers | with_token, bodies)
requests |= st.builds(to_bytes, st.just("POST"), st.sampled_from(FORMS), with_token, bodies)


def answer_to(port, request):
    """The server's whole answer. It may close the connection before it has read everything."""
    answer = b""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    with connection, contextlib.suppress(ConnectionError):
        connection.sendall(request)
        while part := connection.recv(65536):
            answer += part
    return answer


def resident(pid):
    """The memory, in bytes, of a process and the processes that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") + sum(map(resident, children))


@pytest.fixture(scope="module")
def example(module_site):
    site = module_site
    shutil.copy(ROOT / "examples/blog.py", site.folder)
    site.put("media/a.txt", "")
    site.succeed("makemigrations", "-v0")
    site.succeed("migrate", "-v0")
    fields = "title='Hello', slug='hello-world-1', published='2024-01-01T00:00Z'"
    site.shell(f"blog.Post.objects.create({fields})")
    return site


@pytest.mark.parametrize("name", COMMANDS)
def test_no_request_makes_a_server_fail_or_grow(example, name):
    with example.serve(*COMMANDS[name]) as server:
        send_requests(server)


def send_requests(server):
    sizes = []

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(requests)
    def ask(request):
        answer = answer_to(server.port, request)
        assert not re.match(rb"HTTP/1.\d 50[^15]", answer), server.log()[-2000:]
        sizes.append(resident(server.pid))

    ask()
    assert "Traceback" not in server.log()
    assert sizes[-1] - sizes[len(sizes) // 4] < GROWTH


FORM = "application/x-www-form-urlencoded; charset=utf-16"
UNREADABLE = [
    ("/", {"Content_Type": FORM}, 400),
    ("/missing/", {"Content_Type": "multipart/form-data"}, 404),
    ("/missing/", {"Content_Type": FORM}, 404),
    ("/", {"Content_Type": "text/plain; charset*=nothing''x"}, 403),
    ("/missing/", {"Accept": "text/plain; charset*=nothing''x"}, 404),
]
RUNSERVER = ("blog.py", "runserver", "--noreload", "--no-migrate", "PORT")


@pytest.mark.parametrize("command", [COMMANDS["gunicorn"], COMMANDS["uvicorn"], RUNSERVER])
def test_a_header_that_cannot_be_read_is_an_error_of_the_client(site, command):
    site.write("@app.route('/')\ndef index(request):\n    return 'hello'")
    with site.serve(*command) as server:
        for path, headers, status in UNREADABLE:
            headers["Cookie"] = f"csrftoken={TOKEN}"
            assert server.request(path, "POST", "a=1", **headers).status == status
    assert "Traceback" not in server.log()


QUOTES = """
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

ERRORS = [ValueError, BadRequest, PermissionDenied, SuspiciousOperation, Http404]


@app.get("/raise/<int:number>/")
def raises(request, number):
    raise ERRORS[number](request.GET["q"])


@app.get("/asynchronous/")
async def asynchronous(request):
    raise ValueError(request.GET["q"])


@app.get("/stream/")
def stream(request):
    yield "started"
    raise ValueError(request.GET["q"])


@app.get("/key/")
def key(request):
    return request.GET["nothing"]


@app.post("/form/")
def form(request):
    return "sent"


@app.post("/upload/")
@csrf_exempt
def upload(request):
    raise ValueError(request.FILES["file"].name)


@app.get("/header/")
def header(request):
    return "", {"X": request.GET["q"]}


@app.get("/log/")
def log(request):
    import logging
    logging.getLogger("blog").warning("searched for %s", request.GET["q"])
    return "logged"
"""
SENT = "%1b]0;sent%07%0d%c2%9b31m%e2%80%ae%0aFAKE"  # it sets a terminal's title and colors
RAW = "\x1b]0;raw\x07\x9b31m"
UPLOAD = (
    f'--b\r\nContent-Disposition: form-data; name="file"; filename="{RAW}"\r\n\r\na\r\n--b--\r\n'
)
MULTIPART = [("Content-Type", "multipart/form-data; boundary=b")]
SECURE = [("Cookie", f"csrftoken={TOKEN}"), ("X-Forwarded-Proto", "https")]
QUOTED = [
    *[("GET", f"/raise/{number}/?q={SENT}", [], "") for number in range(5)],
    *[("GET", f"/{name}/?q={SENT}", [], "") for name in ("asynchronous", "header", "log")],
    ("GET", f"/{SENT}/", [], ""),
    ("GET", f"/key/?{SENT}=1", [], ""),
    ("GET", "/", [("Host", f"a{RAW}")], ""),
    ("GET", "/", [("Host", "localhost"), ("Accept", f"text/plain, {RAW}")], ""),
    ("POST", f"/form/?{SENT}", [("Origin", f"http://{RAW}")], ""),
    ("POST", f"/form/{SENT}", [("Referer", f"https://{RAW}/"), *SECURE], ""),
    ("POST", "/form/", [("Referer", f"https://{RAW}/"), *SECURE], ""),
    ("POST", "/upload/", MULTIPART, UPLOAD),
    ("POST", f"/media/{SENT}", [], ""),
]
# Other servers log these themselves.
OF_RUNSERVER = [
    ("GET", f"/stream/?q={SENT}", [], ""),
    (f"GET{RAW}", "/form/", [], ""),
    (f"POST{RAW}", "/nothing/", [], ""),
    ("GET", f"/{RAW}/?{RAW}", [], ""),
    ("GET", f"/raise/0/?q={RAW}", [], ""),
]


@pytest.fixture(scope="module")
def quoting(tmp_path_factory):
    https = "SECURE_PROXY_SSL_HEADER=('HTTP_X_FORWARDED_PROTO', 'https')"
    source = f"from djng import Djng\n\napp = Djng({https})\n{QUOTES}"
    return Site(tmp_path_factory.mktemp("quoting")).write(source)


@pytest.mark.parametrize("name", ["runserver", "gunicorn", "uvicorn"])
@pytest.mark.parametrize("debug", ["1", "0"])
def test_what_a_request_sends_is_escaped_in_the_terminal(quoting, name, debug):
    is_ours = name == "runserver"
    command = RUNSERVER if is_ours else COMMANDS[name]
    with quoting.serve(*command, DJANGO_DEBUG=debug) as server:
        for method, target, headers, body in QUOTED + OF_RUNSERVER * is_ours:
            answer_to(server.port, to_bytes(method, target, headers, body.encode("latin-1")))
        log = server.says("searched for")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", log), repr(log)
    assert r"\x1b]0;sent\x07" in log
