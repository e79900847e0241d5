"""A site that others can reach is safe without a word, and only its owner sees its errors."""

import contextlib
import re
import socket

import pytest
from conftest import Site

GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
UVICORN = ("-W", "error", "-m", "uvicorn", "--port", "PORT", "blog:app")
SERVE = ("blog.py", "serve", "--port", "PORT")
SERVERS = [GUNICORN, UVICORN, SERVE]
SITE = """
@app.route("/")
def index(request):
    return "hello"


@app.route("/crash/")
def crash(request):
    raise RuntimeError("the first error")
"""
SECRETS = ["blog.py", "blog.secret", "blog.sqlite3", "blog/migrations/__init__.py", "media/a.txt"]
PATHS = [
    "/{}",
    "//{}",
    "/./{}",
    "/static/../{}",
    "/static/%2e%2e/{}",
    "/static/..%2f{}",
    "/static/%2e%2e%2f{}",
    "/static/..%5c{}",
    "/static/....//{}",
    "/static/admin/../../{}",
    "/static//etc/../{}",
    "/static/%252e%252e/{}",
    "/static/%c0%ae%c0%ae/{}",
    "/static/{}%00.css",
    "/public/{}",
    "/..;/{}",
    "http://localhost/static/../{}",
]


@pytest.fixture(scope="module", params=SERVERS, ids=["gunicorn", "uvicorn", "serve"])
def server(request, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.put("static/site.css", "body {}").put("public/robots.txt", "User-agent: *")
    site.put("blog/migrations/__init__.py", "the-secret").put("media/a.txt", "the-secret")
    site.put("blog.sqlite3", "").put("blog.secret", "the-secret" * 5)
    with site.serve(*request.param) as running:
        yield running


def raw(server, path):
    """The answer to a path that a client would not send as it is."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    return answer.decode("latin-1")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_static_and_public_files_is_to_be_had(server, path):
    for name in SECRETS:
        answer = raw(server, path.format(name))
        assert re.match(r"HTTP/1\.1 (4\d\d|30\d) |$", answer), answer
        assert "the-secret" not in answer
        assert "Djng" not in answer


def test_static_and_public_files_are(server):
    assert raw(server, "/static/site.css").endswith("body {}")
    assert raw(server, "/robots.txt").endswith("User-agent: *")


def test_a_crash_is_one_traceback_and_a_plain_page(server):
    page = server.request("/crash/")
    assert page.status == 500
    assert "the first error" not in page.text
    assert server.says("first error").count("RuntimeError: the first error") == 1


def test_a_host_that_is_refused_is_a_line_that_says_what_to_set(server):
    assert server.request("/", Host="other.example").status == 400
    lines = [line for line in server.says("other.example").splitlines() if "other.example" in line]
    assert len(lines) == 1
    assert lines[0].endswith("Set DJANGO_ALLOWED_HOSTS.")


@pytest.mark.parametrize("command", SERVERS)
def test_collected_files_are_hashed_compressed_and_cached_for_ever(site, command):
    site.put("static/site.css", "body { color: red }" * 99)
    site.write("""
        app.templates["index.html"] = "{% static 'site.css' %}"

        @app.route("/", template="index.html")
        def index(request):
            return {}
    """).succeed("collectstatic", "--noinput")
    with site.serve(*command) as server:
        url = server.request("/").text
        assert re.fullmatch(r"/static/site\.[0-9a-f]{12}\.css", url)
        answer = server.request(url, method="HEAD", Accept_Encoding="gzip")
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 200


BROKEN = {
    "raises": "@app.error(500)\ndef crashed(request, exception):\n    return 1 / 0",
    "has no template": (
        "@app.error(500, template='missing.html')\ndef crashed(request, exception):\n    return {}"
    ),
    "returns nothing": "@app.error(500)\nasync def crashed(request, exception):\n    pass",
}


@pytest.mark.parametrize("command", [GUNICORN, UVICORN])
@pytest.mark.parametrize("broken", BROKEN)
def test_an_error_view_that_fails_hides_no_error(site, command, broken):
    with site.write(SITE + BROKEN[broken]).serve(*command) as server:
        page = server.request("/crash/")
    assert (page.status, "Server Error (500)" in page.text) == (500, True)
    log = server.log()
    assert log.count("RuntimeError: the first error") == 1
    assert "crashed() failed to show an error:" in log


def test_a_view_of_what_is_missing_that_fails_is_an_error(site):
    site.write(SITE + "@app.error(404)\ndef missing(request, exception):\n    return 1 / 0")
    with site.serve(*GUNICORN) as server:
        assert server.request("/nowhere/").status == 500
    assert server.log().count("ZeroDivisionError: division by zero") == 1


HTTPS = "from djng import Djng\n\napp = Djng(https=True, ALLOWED_HOSTS=['.example.com'])\n"


def test_https_is_a_keyword_too(site):
    site.write(f"{HTTPS}{SITE}").succeed("check", "--deploy", "--fail-level", "WARNING")
    with site.serve(*GUNICORN) as server:
        plain = server.request("/", Host="www.example.com")
        assert plain.headers["Location"] == "https://www.example.com/"
        login = {"Host": "www.example.com", "X_Forwarded_Proto": "https"}
        page = server.request("/admin/login/", **login)
        assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000;")
        cookie = page.headers["Set-Cookie"]
        assert "Secure" in cookie
        form = {"Cookie": cookie.partition(";")[0], "Origin": "https://www.example.com"}
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        login["Content_Type"] = "application/x-www-form-urlencoded"
        body = f"csrfmiddlewaretoken={token}&username=a&password=b"
        site.succeed("migrate", "-v0")
        assert server.request("/admin/login/", "POST", body, **login, **form).status == 200
        form["Origin"] = "https://elsewhere.example"
        assert server.request("/admin/login/", "POST", body, **login, **form).status == 403


def test_https_is_not_for_the_developers_server(site):
    with site.write(HTTPS.replace("['.example.com']", "['*']") + SITE).serve() as server:
        assert server.request("/").status == 200
