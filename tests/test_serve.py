"""``python blog.py serve`` serves with granian. Other servers can serve the same file."""

import contextlib
import os
import re
import resource
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Site

SITE = """
import os, time
from django.conf import settings
from django.http import FileResponse
from django.views.decorators.csrf import csrf_exempt

running = []


@app.route("/")
def index(request):
    return f"{os.getpid()} debug {settings.DEBUG}"


@app.route("/slow/")
def slow(request):
    open("slow", "w").close()
    time.sleep(1)
    return "finished"


@app.post("/form/")
@csrf_exempt
def form(request):
    with open("posted", "a") as file:
        file.write(request.POST["text"])
    return open("posted").read()


@app.get("/file/")
def file(request):
    return FileResponse(open("static/large.bin", "rb"))


@app.get("/stream/")
def stream(request):
    for _ in range(1000):
        yield "x" * 20_000


@app.get("/running/")
def count(request):
    running.append(request)
    time.sleep(0.2)
    count = len(running)
    running.remove(request)
    return str(count)
"""
SERVE = ("blog.py", "serve", "--port", "PORT")
SERVERS = {
    "serve": SERVE,
    "serve --asgi": (*SERVE, "--asgi"),
    "gunicorn": ("-m", "gunicorn", "--threads", "4", "--bind", "127.0.0.1:PORT", "blog:app"),
    "gunicorn by ASGI": ("-m", "gunicorn", "-k", "asgi", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--lifespan", "off", "--port", "PORT", "blog:app"),
    "hypercorn": ("-m", "hypercorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "daphne": ("-m", "daphne", "-p", "PORT", "blog:app"),
    "waitress": ("-m", "waitress", "--listen=127.0.0.1:PORT", "blog:app"),
}
FINISHING = ["serve", "serve --asgi", "gunicorn", "gunicorn by ASGI", "uvicorn", "hypercorn"]


@pytest.fixture
def files(site):
    return site.write(SITE).put("static/site.css", "body {}")


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_answers_eight_first_requests_and_finishes_the_last(files, name):
    with files.serve(*SERVERS[name]) as server, ThreadPoolExecutor(8) as pool:
        pages = [*pool.map(server.request, ["/"] * 8)]
        assert {page.status for page in pages} == {200}
        assert pages[0].text.endswith("debug False")
        assert server.request("/static/site.css").text == "body {}"
        assert server.request("/", Host="other.example").status == 400
        assert "Traceback" not in server.log()
        if name in FINISHING:
            last = pool.submit(server.request, "/slow/")
            while "slow" not in files.files():
                time.sleep(0.05)
            os.kill(server.pid, signal.SIGTERM)
            assert last.result().text == "finished"


def test_a_body_in_chunks_arrives_by_asgi(files):
    with files.serve(*SERVERS["serve --asgi"]) as server:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (
            server.request("/form/", "POST", iter([b"text=", b"chunks"]), **form).text == "chunks"
        )


def test_the_port_and_the_workers_are_variables_of_the_platform(files):
    with files.serve("blog.py", "serve", PORT="PORT", WEB_CONCURRENCY="2") as server:
        server.says("Started worker-1")
        server.says("Started worker-2")
        assert "worker-3" not in server.log()
        assert server.request("/").status == 200
        assert "18 migrations are not applied: python blog.py migrate" in server.log()
        assert "WARNING" not in server.log()


def test_options_override_variables(files):
    options = ("--port", "PORT", "--workers", "1")
    with files.serve("blog.py", "serve", *options, PORT="1", WEB_CONCURRENCY="2") as server:
        first = server.request("/").text.split()[0]
        assert "worker-2" not in server.log()
        os.kill(int(first), signal.SIGKILL)  # granian replaces the worker
        server.until(lambda page: page.text.split()[0] != first)


def test_the_file_can_have_any_name_in_any_folder(site):
    site.write(SITE.replace("app.", "site."), "sites/my-blog.py")
    path = site.folder / "sites/my-blog.py"
    path.write_text(path.read_text().replace("app", "site"))
    site.put("my-blog.py", "raise SystemExit('the wrong file')")
    with site.serve("sites/my-blog.py", "serve", "--port", "PORT") as server:
        assert server.request("/").status == 200


def test_without_granian_the_error_says_what_to_install(files):
    hide = "import sys; sys.modules['granian'] = None; import runpy"
    files.put(
        "hidden.py",
        f"{hide}; sys.argv = ['blog.py', 'serve']; runpy.run_path('blog.py', {{}}, '__main__')",
    )
    done = files.fork("hidden.py")
    assert done.returncode == 1
    assert 'serve needs the package granian: pip install "djng[serve]"' in done.stderr


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("WEB_CONCURRENCY", "many")])
def test_a_variable_that_is_not_a_number_is_an_error(files, name, value):
    done = files.run("serve", **{name: value})
    assert f"the environment variable {name} is '{value}'." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_an_error(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = files.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert re.fullmatch(
        r"CommandError: serve cannot listen on 127.0.0.1:\d+: Address already in use.\n"
        r"  Try another port: python blog.py serve --port \d+",
        done.stderr.strip(),
    )


def test_a_port_that_is_too_high_is_an_error(files):
    done = files.run("serve", "--port", "70000")
    assert done.stderr == "CommandError: 70000 is not a port: the highest is 65535.\n"


def test_an_app_that_only_a_function_has_is_an_error(site):
    site.put(
        "blog.py",
        """
        from djng import Djng

        def create_app():
            return Djng()

        if __name__ == "__main__":
            create_app().run()
    """,
    )
    done = site.run("serve")
    message = "CommandError: serve finds no app: write `app = ...` in blog.py itself."
    assert done.stderr.splitlines()[-1] == message


def test_a_host_may_have_a_name(files):
    with files.serve(*SERVE, "--host", "localhost") as server:
        assert server.request("/").status == 200
    done = files.run("serve", "--host", "nowhere.invalid")
    assert "serve cannot listen on nowhere.invalid:8000" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_load_balancer_can_ask_for_a_file_with_any_host_and_without_https(files):
    files.edit("Djng()", 'Djng(SECURE_REDIRECT_EXEMPT=["^up$"])').put("public/up", "up")
    code = """
        from wsgiref.util import setup_testing_defaults
        for path in ("/up", "/"):
            environ = {"PATH_INFO": path, "HTTP_HOST": "10.0.0.7"}
            setup_testing_defaults(environ)
            b"".join(blog.app(environ, lambda status, headers: print(status[:3])))
    """
    variables = {"DJANGO_HTTPS": "1", "DJANGO_ALLOWED_HOSTS": "example.com"}
    assert files.shell(code, **variables) == "200\n400"


def test_threads_are_the_requests_that_are_worked_on_at_once(files):
    with files.serve(*SERVE, "--threads", "2") as server, ThreadPoolExecutor(8) as pool:
        pages = [*pool.map(server.request, ["/running/"] * 8)]
    assert max(page.text for page in pages) == "2"


@pytest.mark.parametrize("option", ["--threads", "--workers"])
def test_a_site_without_threads_or_workers_is_an_error(files, option):
    done = files.run("serve", option, "0")
    assert f"argument {option}: 0 is not a number from 1 on." in done.stderr


FORM = "Content-Type: application/x-www-form-urlencoded"


def head(line, *headers):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


SLOW = {
    "sends nothing": b"",
    "sends half a head": head("GET /")[:20],
    "sends half a form": head("POST /form/", FORM, "Content-Length: 100000") + b"text=",
    "reads a static file": head("GET /static/large.bin"),
    "reads a file": head("GET /file/"),
    "reads a stream": head("GET /stream/"),
}


@pytest.fixture(scope="module", params=["serve", "serve --asgi"])
def served(tmp_path_factory, request):
    """A site with a file that is larger than what a system sends before the client reads it."""
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.put("static/large.bin", "")
    os.truncate(site.folder / "static/large.bin", 20_000_000)
    with site.serve(*SERVERS[request.param]) as server:
        server.site = site
        yield server


@pytest.fixture
def many_files():
    """Lets this process have enough connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(port, request):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    client.sendall(request)
    return client


def test_slow_clients_keep_nobody_else_waiting(served, many_files):
    with contextlib.ExitStack() as clients:
        for kind, request in SLOW.items():
            for _ in range(1100 if kind == "sends nothing" else 200):
                clients.enter_context(connect(served.port, request))
            assert served.request("/").status == 200, kind
        assert served.request("/form/", "POST", "text=", **{"Content-Type": FORM[14:]}).text == ""
        assert len(served.request("/file/").text) == 20_000_000


def test_a_form_that_breaks_off_reaches_no_view(served):
    with connect(served.port, head("POST /form/", FORM, "Content-Length: 9") + b"text=cut"):
        pass
    whole = served.request("/form/", "POST", "text=whole", **{"Content-Type": FORM[14:]})
    assert whole.text == "whole"


def test_a_long_form_arrives_whole(served):
    text = "x" * 300_000
    page = served.request("/form/", "POST", f"text={text}", **{"Content-Type": FORM[14:]})
    assert page.text.endswith(text)
