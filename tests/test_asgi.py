"""Under ASGI a request leaves the event loop only for what may wait."""

import importlib.util
import subprocess
import sys
import tarfile

import django
import pytest
from conftest import ROOT, Site, environment

SITE = """
import asyncio, os, time
from djng import Djng, Router

app = Djng()
part = Router()

from django.contrib import messages
from django.http import FileResponse
from django.utils.decorators import sync_and_async_middleware

app.templates["hello.html"] = "hello {{ name }}"


@app.error(LookupError)
def lost(request, exception):
    return "lost"


@part.error(404)
def missing(request, exception):
    return "missing"


@part.middleware
@sync_and_async_middleware
def passing(get_response):
    return get_response


@part.get("/async/")
async def within(request):
    return "hello"


app.include("/part/", part)


@app.route("/sync/")
def sync(request):
    return "hello"


@app.route("/async/")
async def asynchronous(request):
    return "hello"


@app.route("/template/", template="hello.html")
def template(request):
    return {"name": "Ada"}


@app.route("/rows/")
async def rows(request):
    from django.contrib.sessions.models import Session
    return str(await Session.objects.acount())


@app.route("/session/")
async def session(request):
    await request.session.aset("seen", await request.session.aget("seen", 0) + 1)
    messages.success(request, "seen")
    return str(await request.session.aget("seen"))


@app.post("/post/")
async def post(request):
    return request.POST["name"]


@app.route("/parts/")
def parts(request):
    yield "first"
    while not os.path.exists("go-on"):
        time.sleep(0.05)
    yield "last"


@app.route("/file/")
def file(request):
    return FileResponse(open(__file__, "rb"))


@app.route("/slow/")
async def slow(request):
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise


@app.route("/crash/")
async def crash(request):
    raise RuntimeError("the view's own")
"""
HOPS = """
import asyncio, sys
from asgiref.testing import ApplicationCommunicator
import blog


class Loop(asyncio.SelectorEventLoop):
    hops = 0

    def run_in_executor(self, *args):
        self.hops += 1
        return super().run_in_executor(*args)


async def ask(path):
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
    scope["headers"] = [(b"host", b"localhost")]
    communicator = ApplicationCommunicator(blog.app, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    assert (await communicator.receive_output())["status"] == 200
    while (await communicator.receive_output()).get("more_body"):
        pass
    await communicator.wait()


async def main():
    await ask("/sync/")
    before = asyncio.get_running_loop().hops
    await ask(sys.argv[1])
    print(asyncio.get_running_loop().hops - before)


with asyncio.Runner(loop_factory=Loop) as runner:
    runner.run(main())
"""


@pytest.fixture(scope="module")
def asgi_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("asgi")).write(SITE)
    site.put("static/site.css", "body {}").put("hops.py", HOPS)
    site.succeed("makemigrations")
    site.succeed("migrate")
    return site


@pytest.fixture(scope="module")
def server(asgi_site):
    with asgi_site.serve("-W", "error", "-m", "uvicorn", "--port", "PORT", "blog:app") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "hops"),
    [
        ("/sync/", 2),
        ("/template/", 2),
        ("/admin/login/", 2),
        ("/async/", 0),
        ("/part/async/", 0),
        ("/static/site.css", 0),
        ("/rows/", 2),
    ],
)
def test_a_request_leaves_the_loop_no_more_than_it_must(asgi_site, path, hops):
    done = asgi_site.python("hops.py", path, DJANGO_SECRET_KEY="hops")
    assert done.stdout == f"{hops}\n", done.stderr


def test_a_session_and_a_message_are_kept(server):
    first = server.request("/session/")
    cookies = [value.partition(";")[0] for value in first.headers.get_all("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"sessionid", "messages"}
    assert server.request("/session/", Cookie="; ".join(cookies)).text == "2"


def test_a_form_needs_its_token(server):
    form = {"method": "POST", "Content_Type": "application/x-www-form-urlencoded"}
    assert server.request("/post/", body="name=Ada", **form).status == 403
    token = "t" * 32
    body = f"name=Ada&csrfmiddlewaretoken={token}"
    answer = server.request("/post/", body=body, Cookie=f"csrftoken={token}", **form)
    assert answer.text == "Ada"


def test_a_generator_is_sent_as_it_comes(server, asgi_site):
    with server.open("/parts/") as response:
        assert response.read(5) == b"first"
        asgi_site.put("go-on", "")
        assert response.read() == b"last"


def test_a_file_of_a_view_is_sent(server, asgi_site):
    assert server.request("/file/").text == (asgi_site.folder / "blog.py").read_text()


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ("bytes=0-3", 206, "body"),
        ("bytes=5-", 206, "{}"),
        ("bytes=-2", 206, "{}"),
        ("bytes=9-", 416, ""),
        ("bytes=0-1,3-4", 200, "body {}"),
        ("lines=1", 200, "body {}"),
    ],
)
def test_a_part_of_a_static_file_is_sent(server, asked, status, text):
    answer = server.request("/static/site.css", Range=asked)
    assert (answer.status, answer.text) == (status, text)


def test_a_static_file_that_is_known_is_not_sent_again(server):
    known = server.request("/static/site.css").headers["ETag"]
    answer = server.request("/static/site.css", If_None_Match=known)
    assert (answer.status, answer.text) == (304, "")
    assert server.request("/static/site.css", method="HEAD").headers["Content-Length"] == "7"


def test_a_crash_is_a_page_and_one_traceback(server):
    assert server.request("/crash/").status == 500
    assert server.says("the view's own").count("RuntimeError: the view's own") == 1


def test_a_client_that_goes_away_cancels_its_view(server):
    with server.open("/slow/", wait=False):
        pass
    server.says("cancelled")


def test_nothing_is_warned_of(server):
    server.request("/static/site.css")
    assert "Warning" not in server.log()


def test_middleware_that_is_not_async_still_stands_among_the_others(site):
    site.write("""
        from djng import Djng

        app = Djng(middleware=["blog.Old"])


        class Old:
            def __init__(self, get_response):
                self.get_response = get_response

            def __call__(self, request):
                response = self.get_response(request)
                response.headers["Old"] = request.session.get("seen", "never")
                return response


        @app.route("/")
        async def index(request):
            return "hello"
    """)
    with site.serve("-m", "uvicorn", "--port", "PORT", "blog:app") as running:
        assert running.request("/").headers["Old"] == "never"


def test_djangos_own_tests_find_nothing_changed(tmp_path):
    """Each with this handler, and with every middleware called through the event loop."""
    if not importlib.util.find_spec("pip"):
        pytest.skip("there is no pip here to fetch Django's tests")
    version = django.get_version()
    fetch = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", "django"]
    subprocess.run([sys.executable, *fetch, f"django=={version}"], cwd=tmp_path, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (tests,) = tmp_path.glob("*/tests")
    about = ["asgi", "middleware", "csrf_tests", "sessions_tests", "messages_tests", "handlers"]
    about += ["auth_tests.test_middleware", "middleware_exceptions", "async", "deprecation"]
    done = subprocess.run(
        [sys.executable, "runtests.py", "--settings=through_loop", "--parallel=1", *about],
        cwd=tests,
        env=environment(PYTHONPATH=f"{ROOT / 'tests'}"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "\nOK" in done.stderr
