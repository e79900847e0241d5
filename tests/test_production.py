"""A site in production is safe by default, and only its owner sees its errors."""

import contextlib
import itertools
import json
import re
import socket

import django
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


@pytest.fixture(scope="module")
def secured(module_site):
    module_site.write(f"{HTTPS}{SITE}").succeed("migrate", "-v0")
    with module_site.serve(*GUNICORN) as server:
        yield server


BY_PROXY = {"Host": "www.example.com", "X_Forwarded_Proto": "https"}


def test_https_is_a_keyword(secured):
    plain = secured.request("/", Host="www.example.com")
    assert plain.headers["Location"] == "https://www.example.com/"
    page = secured.request("/admin/login/", **BY_PROXY)
    assert page.headers["Strict-Transport-Security"] == "max-age=3600"
    assert "Secure" in page.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://www.example.com", 200),
        ("https://shop.example.com", 403),
        ("http://www.example.com", 403),
        ("https://elsewhere.example", 403),
    ],
)
def test_no_host_may_post_to_another_one(secured, origin, status):
    page = secured.request("/admin/login/", **BY_PROXY)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    headers = {
        **BY_PROXY,
        "Cookie": page.headers["Set-Cookie"].partition(";")[0],
        "Content_Type": "application/x-www-form-urlencoded",
        "Origin": origin,
    }
    body = f"csrfmiddlewaretoken={token}&username=a&password=b"
    assert secured.request("/admin/login/", "POST", body, **headers).status == status


def test_runserver_does_not_use_https(site):
    site.write(HTTPS.replace("['.example.com']", "['*']") + SITE)
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        assert server.request("/").status == 200


DEPLOY = ("check", "--deploy", "--fail-level", "WARNING")
WITH_HTTPS = {"DJANGO_HTTPS": "1", "DJANGO_ALLOWED_HOSTS": "example.com"}
MAILERS = 'Djng(MAILERS={"default": {"OPTIONS": {"host": "smtp.example.com"}}})'
EMAIL_HOST = 'Djng(EMAIL_HOST="smtp.example.com")'
WRITE = MAILERS if django.VERSION >= (6, 1) else EMAIL_HOST


def test_check_deploy_asks_for_a_mail_server_and_nothing_else(site):
    done = site.write(SITE).run(*DEPLOY, **WITH_HTTPS)
    assert "No mail server is configured: mails go to localhost:25." in done.stderr
    assert f"Write {WRITE};" in done.stderr
    assert "System check identified 1 issue (2 silenced)." in done.stderr
    assert site.run("check", **WITH_HTTPS).stderr == ""
    site.edit("Djng()", WRITE)
    assert "no issues (2 silenced)" in site.succeed(*DEPLOY, **WITH_HTTPS)


def test_check_deploy_can_be_told_that_a_site_sends_no_mail(site):
    silence = 'Djng(SILENCED_SYSTEM_CHECKS=lambda default: [*default, "djng.W003"])'
    assert silence in site.write(SITE).run(*DEPLOY, **WITH_HTTPS).stderr
    site.edit("Djng()", silence)
    assert "no issues (3 silenced)" in site.succeed(*DEPLOY, **WITH_HTTPS)


ADMIN = "admin@example.com" if django.VERSION >= (6, 0) else ("Ada", "admin@example.com")
ADMINS = f"from djng import Djng\n\napp = Djng(ADMINS=[{ADMIN!r}])\n{SITE}"


def test_a_crash_has_its_page_without_a_mail_server(site):
    with site.write(ADMINS).serve(*GUNICORN) as server:
        page = server.request("/crash/")
        assert (page.status, "Server Error (500)" in page.text) == (500, True)
        log = server.says("RuntimeError: the first error")
        log = server.says("ADMINS got no mail of this error: ConnectionRefusedError: ")
    assert log.count("Traceback") == 1
    assert f"Is there a mail server in Djng({WRITE[5:15].partition('=')[0]}=...)?" in log
    assert "InvalidMailer" not in log


def test_a_crash_is_mailed_to_the_admins(site):
    backend = '"django.core.mail.backends.filebased.EmailBackend"'
    old = f'EMAIL_BACKEND={backend}, EMAIL_FILE_PATH="mails"'
    new = f'MAILERS={{"default": {{"BACKEND": {backend}, "OPTIONS": {{"file_path": "mails"}}}}}}'
    site.write(ADMINS).edit("Djng(", f"Djng({new if django.VERSION >= (6, 1) else old}, ")
    with site.serve(*GUNICORN) as server:
        assert server.request("/crash/").status == 500
        assert "no mail" not in server.says("RuntimeError: the first error")
    (sent,) = (site.folder / "mails").iterdir()
    assert "Internal Server Error: /crash/" in sent.read_text()
    assert "To: admin@example.com" in sent.read_text()


def test_without_mail_settings_django_decides_where_mails_go(site):
    code = """
        import warnings
        from django.core import mail

        warnings.simplefilter("ignore")  # Django 6.1 says that a later one will refuse this
        try:
            mail.send_mail("Hello", "", None, ["ada@example.com"])
        except OSError as error:
            print(type(error).__name__)
    """
    assert site.write(SITE).shell(code) == "ConnectionRefusedError"


# For each server: how a file starts it.
OWN_SERVERS = {
    "waitress": "import waitress; waitress.serve(app, port=port)",
    "uvicorn": "import uvicorn; uvicorn.run(app, port=port)",
    "wsgiref": "from wsgiref.simple_server import *; make_server('', port, app).serve_forever()",
}
SELF_SERVING = """
import os
import sys
from djng import Djng

app = Djng()

from django.conf import settings

port = int(os.environ["PORT"])
is_printed = "djng.dev.mail" in str(vars(settings._wrapped))
print("first line", settings.DEBUG, is_printed, flush=True)


@app.route("/")
def index(request):
    dev = [name for name in sys.modules if name.startswith("djng.dev")]
    return {"debug": settings.DEBUG, "pid": os.getpid(), "dev": dev, "version": 1}


if __name__ == "__main__":
"""
CONDITION = """
    if os.environ.get("PRODUCTION"):
        SERVER
    else:
        app.run()
"""
EARLY_EXIT = """
    if os.environ.get("PRODUCTION"):
        SERVER
        sys.exit()
    app.run()
"""
ENDS = {"always": "    SERVER", "on a condition": CONDITION, "and exits": EARLY_EXIT}


def self_serving(site, name, end):
    return site.put("blog.py", SELF_SERVING + ENDS[end].replace("SERVER", OWN_SERVERS[name]))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        *itertools.product(["waitress", "uvicorn"], ["always", "on a condition"]),
        ("wsgiref", "and exits"),
    ],
)
def test_a_file_that_serves_itself_is_in_production_from_the_first_line(site, name, end):
    self_serving(site, name, end).put("media/a.txt", "uploaded")
    with site.serve("blog.py", PORT="PORT", PRODUCTION="1") as server:
        page = json.loads(server.request("/").text)
        # The process that the user has started answers: there is no reloader around it.
        assert page == {"debug": False, "pid": server.pid, "dev": [], "version": 1}
        assert server.request("/media/a.txt").status == 404
    assert server.log().count("first line") == 1
    assert "first line False False" in server.log()
    assert "app.run()" not in server.log()


def test_the_same_file_can_be_developed(site):
    self_serving(site, "waitress", "on a condition").put("media/a.txt", "uploaded")
    with site.develop() as server:
        page = json.loads(server.shows("version").text)
        assert page["debug"] is True
        assert page["pid"] != server.pid
        assert server.request("/media/a.txt").text == "uploaded"
        assert "first line True True" in server.log()
        site.edit('"version": 1', '"version": 2')
        server.shows('"version": 2')
        site.edit("@app", "nmae\n@app")
        server.until(lambda page: page.status == 500 and "nmae" in page.text)


def test_the_same_file_can_run_without_the_reloader(site):
    self_serving(site, "waitress", "on a condition")
    with site.serve("blog.py", "runserver", "--noreload", "PORT", PORT="PORT") as server:
        page = json.loads(server.request("/").text)
        assert (page["debug"], page["pid"]) == (True, server.pid)
    assert server.log().count("first line True True") == 1


def test_a_server_that_the_file_starts_turns_debug_off_under_runserver_too(site):
    self_serving(site, "wsgiref", "always").put("media/a.txt", "uploaded")
    with site.serve("blog.py", "runserver", PORT="PORT") as server:
        assert '"debug": false' in server.request("/").text
        assert server.request("/media/a.txt").status == 404


def test_a_server_that_answered_nobody_did_not_lack_app_run(site):
    source = SELF_SERVING + "    print('serving', app)\n"
    done = site.put("blog.py", source).fork("blog.py", PORT="1")
    assert (done.returncode, done.stderr) == (0, "")


SIGNING = """
import os

os.link = None  # as where the file system has no hard links

from djng import Djng

app = Djng()

from django.core import signing


@app.route("/<str:token>/")
def read(request, token):
    return signing.loads(token)


@app.command
def work():
    print(signing.dumps("signed by a worker"))
"""


def test_a_worker_that_starts_first_makes_the_key_for_all(site):
    token = site.write(SIGNING).succeed("work").strip()
    assert (site.folder / "blog.secret").stat().st_mode & 0o777 == 0o600
    with site.serve(*GUNICORN) as server:
        assert server.request(f"/{token}/").text == "signed by a worker"


def test_processes_that_start_together_agree_on_one_key(site):
    workers = """
        import os

        for number in range(8):
            if not os.fork():
                import blog
                from django.conf import settings

                print(settings.SECRET_KEY, flush=True)
                os._exit(0)
        for number in range(8):
            os.wait()
    """
    site.write(SIGNING).put("workers.py", workers)
    printed = site.fork("workers.py").stdout.split()
    kept = (site.folder / "blog.secret").read_text()
    assert printed == [kept] * 8
    assert len(kept) >= 50
    assert site.files() == ["blog.py", "blog.secret", "workers.py"]


@pytest.mark.parametrize(
    "command",
    [
        *("check", "makemigrations", "collectstatic --noinput", "test", "routes", "help"),
        *("-m django check", "-m django collectstatic --noinput", "-m pytest -q blog.py"),
    ],
)
def test_what_builds_or_checks_a_site_leaves_no_key(site, command):
    words = command.split()
    arguments = words if words[0] == "-m" else ["blog.py", *words]
    site.write(SITE).fork(*arguments, DJANGO_SETTINGS_MODULE="blog.settings")
    assert "blog.secret" not in site.files()


def test_an_empty_file_for_the_key_is_an_error(site):
    site.write(SIGNING).put("blog.secret", "")
    done = site.fork("-c", "import blog")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "blog.py:8: the secret key cannot be read or saved: blog.secret is empty; delete it."
    )
    assert "Set DJANGO_SECRET_KEY" in done.stderr
    assert site.fork("-c", "import blog", DJANGO_SECRET_KEY="given").returncode == 0


def test_a_given_key_is_not_saved(site):
    site.write(SIGNING).succeed("work", DJANGO_SECRET_KEY="given")
    site.edit("Djng()", "Djng(SECRET_KEY='given')").succeed("work")
    assert "blog.secret" not in site.files()


def test_check_deploy_asks_for_the_hosts(site):
    shown = site.write("").run("check", "--deploy", DJANGO_HTTPS="1").stderr
    assert "(djng.W005) The site answers only to localhost." in shown
    assert "Set DJANGO_ALLOWED_HOSTS=example.com" in shown
