"""Under ASGI a request uses a thread only for work that may block."""

import contextlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import django
import pytest
from conftest import ROOT, Site, environment

SITE = """
import asyncio, os, time
from djng import Djng, Router

app = Djng()
router = Router()

from django.contrib import messages
from django.http import FileResponse
from django.utils.decorators import sync_and_async_middleware

app.templates["hello.html"] = "hello {{ name }}"


@app.error(LookupError)
def not_found(request, exception):
    return "lost"


@router.error(404)
def missing(request, exception):
    return "missing"


@router.middleware
@sync_and_async_middleware
def do_nothing(get_response):
    return get_response


@router.get("/async/")
async def in_router(request):
    return "hello"


app.include("/router/", router)


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
    print("started", flush=True)
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise


@app.route("/crash/")
async def crash(request):
    raise RuntimeError("the view's own")
"""
# Asks for each path, and counts how often the event loop hands work to a thread.
COUNT_THREADS = """
import asyncio
import json
import sys

from asgiref.testing import ApplicationCommunicator

import blog


class Loop(asyncio.SelectorEventLoop):
    switches = 0

    def run_in_executor(self, *args):
        self.switches += 1
        return super().run_in_executor(*args)


async def ask(path):
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
    scope["headers"] = [(b"host", b"localhost")]
    communicator = ApplicationCommunicator(blog.app, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    assert (await communicator.receive_output(timeout=20))["status"] == 200
    while (await communicator.receive_output(timeout=20)).get("more_body"):
        pass
    await communicator.wait(timeout=20)


async def count(path):
    before = asyncio.get_running_loop().switches
    await ask(path)
    return asyncio.get_running_loop().switches - before


async def main():
    await ask("/sync/")  # the first request builds the handler
    print(json.dumps({path: await count(path) for path in sys.argv[1:]}))


with asyncio.Runner(loop_factory=Loop) as runner:
    runner.run(main())
"""
SWITCHES = {
    "/async/": 0,
    "/router/async/": 0,
    "/static/site.css": 0,
    "/sync/": 2,
    "/template/": 2,
    "/admin/login/": 2,
    "/rows/": 2,
}


@pytest.fixture(scope="module")
def asgi_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("asgi")).write(SITE)
    site.put("static/site.css", "body {}").put("count_threads.py", COUNT_THREADS)
    site.succeed("migrate")
    return site


@pytest.fixture(scope="module")
def server(asgi_site):
    with asgi_site.serve("-W", "error", "-m", "uvicorn", "--port", "PORT", "blog:app") as running:
        yield running


def test_a_request_uses_no_more_threads_than_it_needs(asgi_site):
    counted = asgi_site.python("count_threads.py", *SWITCHES, DJANGO_SECRET_KEY="given")
    assert counted.stdout, counted.stderr
    assert json.loads(counted.stdout) == SWITCHES


def test_a_session_and_a_message_are_saved(server):
    first = server.request("/session/")
    cookies = [value.partition(";")[0] for value in first.headers.get_all("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"sessionid", "messages"}
    assert server.request("/session/", Cookie="; ".join(cookies)).text == "2"


def test_a_form_needs_its_csrf_token(server):
    form = {"method": "POST", "Content_Type": "application/x-www-form-urlencoded"}
    assert server.request("/post/", body="name=Ada", **form).status == 403
    token = "t" * 32
    body = f"name=Ada&csrfmiddlewaretoken={token}"
    answer = server.request("/post/", body=body, Cookie=f"csrftoken={token}", **form)
    assert answer.text == "Ada"


def test_each_part_of_a_generator_is_sent_at_once(server, asgi_site):
    with server.open("/parts/") as response:
        assert response.read(5) == b"first"
        asgi_site.put("go-on", "")
        assert response.read() == b"last"


def test_a_view_may_return_a_file(server, asgi_site):
    assert server.request("/file/").text == (asgi_site.folder / "blog.py").read_text()


@pytest.mark.parametrize(
    ("requested", "status", "text"),
    [
        ("bytes=0-3", 206, "body"),
        ("bytes=5-", 206, "{}"),
        ("bytes=-2", 206, "{}"),
        ("bytes=9-", 416, ""),
        ("bytes=0-1,3-4", 200, "body {}"),
        ("lines=1", 200, "body {}"),
    ],
)
def test_a_range_of_a_static_file_is_sent(server, requested, status, text):
    answer = server.request("/static/site.css", Range=requested)
    assert (answer.status, answer.text) == (status, text)


def test_a_static_file_that_the_browser_has_is_not_sent_again(server):
    etag = server.request("/static/site.css").headers["ETag"]
    answer = server.request("/static/site.css", If_None_Match=etag)
    assert (answer.status, answer.text) == (304, "")
    assert server.request("/static/site.css", method="HEAD").headers["Content-Length"] == "7"


def test_a_crash_shows_a_page_and_logs_one_traceback(server):
    assert server.request("/crash/").status == 500
    assert server.says("the view's own").count("RuntimeError: the view's own") == 1


def test_a_client_that_disconnects_cancels_its_view(server):
    with server.open("/slow/", wait=False):
        server.says("started")
    server.says("cancelled")


def test_there_is_no_warning(server):
    server.request("/static/site.css")
    assert "Warning" not in server.log()


def test_sync_middleware_works_among_async_middleware(site):
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


def test_a_cache_for_the_whole_site_keeps_a_rendered_template(site):
    site.write("""
        from djng import Djng

        cache = "django.middleware.cache.{}CacheMiddleware".format
        app = Djng(MIDDLEWARE=lambda default: [cache("Update"), *default, cache("FetchFrom")])
        app.templates["page.html"] = "{% now 'u' %}"


        @app.route("/", template="page.html")
        def index(request):
            return {}
    """)
    with site.serve("-m", "uvicorn", "--port", "PORT", "blog:app") as running:
        first = running.request("/")
        assert first.status == 200
        assert running.request("/").text == first.text


def test_async_views_need_a_login_and_a_token_from_the_session(site):
    site.write("""
        from djng import Djng

        app = Djng(
            middleware=["django.contrib.auth.middleware.LoginRequiredMiddleware"],
            CSRF_USE_SESSIONS=True,
        )
        from django.contrib.auth.decorators import login_not_required
        from django.contrib.auth import login, models
        from django.http import HttpResponse
        from django.middleware.csrf import get_token
        from django.views import View


        @app.post("/class/")
        @app.get("/class/")
        class Page(View):
            async def get(self, request):
                return HttpResponse("read")

            async def post(self, request):
                return HttpResponse(request.POST["text"])


        @app.get("/sign-in/")
        @login_not_required
        def sign_in(request):
            login(request, models.User.objects.create(username="ada"))
            return get_token(request)
    """).succeed("migrate")
    form = {"method": "POST", "Content_Type": "application/x-www-form-urlencoded"}
    with site.serve("-m", "uvicorn", "--port", "PORT", "blog:app") as running:
        assert running.request("/class/").status == 302
        assert running.request("/class/", body="text=no", **form).status == 403
        signed_in = running.request("/sign-in/")
        form["Cookie"] = signed_in.headers["Set-Cookie"].partition(";")[0]
        assert running.request("/class/", Cookie=form["Cookie"]).text == "read"
        body = f"text=written&csrfmiddlewaretoken={signed_in.text}"
        assert running.request("/class/", body=body, **form).text == "written"
        assert running.request("/class/", method="OPTIONS", Cookie=form["Cookie"]).status == 200


def django_tests(folder):
    """The folder of Django's own tests for this version, which is downloaded only once."""
    version = django.get_version()
    tests = Path(sys.prefix, "django-tests", version)
    if not tests.exists():
        if not importlib.util.find_spec("pip"):
            pytest.skip("there is no pip here to download Django's tests")
        download = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", "django"]
        subprocess.run([sys.executable, *download, f"django=={version}"], cwd=folder, check=True)
        (archive,) = folder.glob("*.tar.gz")
        tests.parent.mkdir(exist_ok=True)
        with tarfile.open(archive) as packed, TemporaryDirectory(dir=tests.parent) as draft:
            packed.extractall(draft, filter="data")
            (unpacked,) = Path(draft).glob("*/tests")
            with contextlib.suppress(OSError):  # another run of the tests was quicker
                unpacked.rename(tests)
    return tests


def test_djangos_own_tests_pass_with_the_async_middleware(tmp_path):
    """They run with djng's ASGI handler, and call each middleware through the event loop."""
    labels = ["asgi", "middleware", "csrf_tests", "sessions_tests", "messages_tests", "handlers"]
    labels += ["auth_tests.test_middleware", "middleware_exceptions", "async", "deprecation"]
    done = subprocess.run(
        [sys.executable, "runtests.py", "--settings=through_loop", "--parallel=1", *labels],
        cwd=django_tests(tmp_path),
        env=environment(PYTHONPATH=f"{ROOT / 'tests'}"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "\nOK" in done.stderr
