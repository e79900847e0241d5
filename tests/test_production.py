"""A site in production is safe by default, and only its owner sees its errors."""

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
app.templates["hashed.html"] = "{% static 'site.css' %}"


@app.route("/")
def index(request):
    return "hello"


@app.route("/hashed/", template="hashed.html")
def hashed(request):
    return {}


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
    """The answer to a path that an HTTP client would clean up before it sends it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    return answer.decode("latin-1")


@pytest.mark.parametrize("path", PATHS)
def test_other_files_than_static_and_public_ones_are_not_served(server, path):
    for name in SECRETS:
        answer = raw(server, path.format(name))
        assert re.match(r"HTTP/1\.1 (4\d\d|30\d) |$", answer), answer
        assert "the-secret" not in answer
        assert "Djng" not in answer


def test_static_and_public_files_are_served(server):
    assert raw(server, "/static/site.css").endswith("body {}")
    assert raw(server, "/robots.txt").endswith("User-agent: *")


def test_a_crash_is_a_plain_page_and_one_traceback_in_the_log(server):
    page = server.request("/crash/")
    assert page.status == 500
    assert "the first error" not in page.text
    assert server.says("first error").count("RuntimeError: the first error") == 1


def test_a_refused_host_is_one_line_in_the_log_with_the_variable_to_set(server):
    assert server.request("/", Host="other.example").status == 400
    lines = [line for line in server.says("other.example").splitlines() if "other.example" in line]
    assert len(lines) == 1
    assert lines[0].endswith("Set DJANGO_ALLOWED_HOSTS.")


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("collected")).write(SITE)
    site.put("static/site.css", "body { color: red }" * 99)
    site.succeed("collectstatic", "--noinput")
    return site


@pytest.mark.parametrize("command", SERVERS)
def test_collected_files_are_hashed_compressed_and_cached_forever(collected, command):
    with collected.serve(*command) as server:
        url = server.request("/hashed/").text
        assert re.fullmatch(r"/static/site\.[0-9a-f]{12}\.css", url)
        answer = server.request(url, method="HEAD", Accept_Encoding="gzip")
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 200


ERROR_VIEWS = """
from djng import Router

router = Router()
app.include("/async/", router)


@router.route("crash/")
def crash_in_router(request):
    raise RuntimeError("the first error")


@app.error(500, template="missing.html")
def crashed(request, exception):
    return answers[request.GET["how"]]()


@router.error(500, template="missing.html")
async def crashed_async(request, exception):
    return answers[request.GET["how"]]()


@app.error(404)
def not_found(request, exception):
    return 1 / 0


answers = {"raises": lambda: 1 / 0, "no template": dict, "nothing": lambda: None}
"""


@pytest.fixture(scope="module", params=[GUNICORN, UVICORN], ids=["gunicorn", "uvicorn"])
def failing(request, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("failing")).write(SITE + ERROR_VIEWS)
    with site.serve(*request.param) as server:
        yield server


@pytest.mark.parametrize("how", ["raises", "no template", "nothing"])
@pytest.mark.parametrize("path", ["/crash/", "/async/crash/"])
def test_an_error_view_that_fails_does_not_hide_the_error(failing, path, how):
    before = len(failing.log())
    page = failing.request(f"{path}?how={how.replace(' ', '+')}")
    assert (page.status, "Server Error (500)" in page.text) == (500, True)
    name = "crashed_async" if "async" in path else "crashed"
    log = failing.log()[before:]
    assert f"{name}() failed to show an error:" in log
    assert log.count("RuntimeError: the first error") == 1


def test_a_404_view_that_fails_is_a_500(failing):
    before = len(failing.log())
    assert failing.request("/nowhere/?how=raises").status == 500
    assert failing.log()[before:].count("ZeroDivisionError: division by zero") == 1


HTTPS = "from djng import Djng\n\napp = Djng(https=True, ALLOWED_HOSTS=['.example.com'])\n"


def test_https_is_a_keyword(site):
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


def test_runserver_does_not_use_https(site):
    site.write(HTTPS.replace("['.example.com']", "['*']") + SITE)
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        assert server.request("/").status == 200
