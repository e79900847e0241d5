"""One object that is the site and its WSGI and ASGI application."""

import threading

import pytest

SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "gunicorn in a package": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "shop.blog:app"),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
    "uvicorn without lifespan": (
        "-m",
        "uvicorn",
        "--lifespan",
        "off",
        "--port",
        "PORT",
        "blog:app",
    ),
    "runserver": ("blog.py", "runserver", "--noreload", "PORT"),
}
HELLO = """
from django.conf import settings


@app.route("/")
def index(request):
    return f"debug {settings.DEBUG}"


@app.route("/crash/")
def crash(request):
    raise RuntimeError("the first error")
"""


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_serves_the_same_file(site, name):
    site.write(HELLO, "shop/blog.py" if "package" in name else "blog.py")
    with site.serve(*SERVERS[name]) as server:
        page = server.request("/")
        assert (page.status, page.text) == (200, f"debug {name == 'runserver'}")
        style = server.request("/static/admin/css/base.css")
        assert (style.status, style.headers.get_content_type()) == (200, "text/css")
        assert server.request("/admin/").headers["Location"] == "/admin/login/?next=/admin/"


def test_the_key_is_kept_beside_the_file_when_it_is_served(site):
    with site.write(HELLO).serve(*SERVERS["gunicorn"]) as server:
        server.request("/")
    secret = site.folder / "blog.secret"
    kept = secret.read_text()
    assert len(kept) >= 50
    assert secret.stat().st_mode & 0o777 == 0o600
    with site.serve(*SERVERS["uvicorn"]) as server:
        server.request("/")
    assert secret.read_text() == kept


def test_workers_that_start_together_agree_on_the_key(site):
    code = (
        "import blog; from django.conf import settings; blog.app.wsgi; print(settings.SECRET_KEY)"
    )
    site.write(HELLO)
    keys = []
    threads = [
        threading.Thread(target=lambda: keys.append(site.python("-c", code).stdout)) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(keys) == {(site.folder / "blog.secret").read_text() + "\n"}


def test_a_key_that_cannot_be_kept_is_an_error(site):
    site.write(HELLO).put("blog.secret", "")
    code = "import blog; blog.app.wsgi"
    done = site.python("-c", code)
    assert "the secret key cannot be saved: blog.secret is empty." in done.stderr
    assert "Set DJANGO_SECRET_KEY" in done.stderr
    assert site.python("-c", code, DJANGO_SECRET_KEY="given").returncode == 0


def test_no_key_is_kept_where_one_is_given(site):
    with site.write(HELLO).serve(DJANGO_SECRET_KEY="given") as server:
        assert server.request("/").status == 200
    assert "blog.secret" not in site.files()


@pytest.mark.parametrize(
    ("arguments", "variables", "debug"),
    [
        (["shell", "-v0", "-c"], {}, "False"),
        (["shell", "-v0", "-c"], {"DJANGO_DEBUG": "1"}, "True"),
    ],
)
def test_debug_is_off_under_other_commands(site, arguments, variables, debug):
    code = "from django.conf import settings; print(settings.DEBUG)"
    assert site.write(HELLO).succeed(*arguments, code, **variables).strip() == debug


def test_debug_is_off_under_a_server_that_the_file_starts(site):
    site.put(
        "blog.py",
        """
        import os
        from wsgiref.simple_server import make_server
        from djng import Djng
        from django.conf import settings

        app = Djng()

        @app.route("/")
        def index(request):
            return f"debug {settings.DEBUG}"

        if __name__ == "__main__":
            make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
        """,
    )
    with site.serve("blog.py", PORT="PORT") as server:
        assert server.request("/").text == "debug False"


def test_an_app_may_resolve_urls_in_a_thread_when_it_is_ready(site):
    site.put(
        "shop/apps.py",
        """
        import threading, time
        from django.apps import AppConfig
        from django.urls import reverse

        class ShopConfig(AppConfig):
            name = "shop"

            def ready(self):
                threading.Thread(target=reverse, args=["index"]).start()
                time.sleep(0.3)
        """,
    )
    site.write(f"from djng import Djng\n\napp = Djng(apps=['shop'])\n{HELLO}")
    with site.serve(*SERVERS["gunicorn"]) as server:
        assert server.request("/").text == "debug False"


def test_check_deploy_is_content_with_https(site):
    variables = {"DJANGO_HTTPS": "1", "DJANGO_ALLOWED_HOSTS": "example.com"}
    site.write(HELLO).succeed("check", "--deploy", "--fail-level", "WARNING", **variables)


def test_the_handler_is_built_once_by_requests_that_come_together(site):
    site.write("""
        from djng import Djng

        app = Djng(middleware=["blog.Counting"])
        built = []


        class Counting:
            def __init__(self, get_response):
                built.append(1)
                self.get_response = get_response

            def __call__(self, request):
                return self.get_response(request)


        @app.route("/")
        def index(request):
            return "hello"
    """)
    assert (
        site.shell("""
        from concurrent.futures import ThreadPoolExecutor
        from wsgiref.util import setup_testing_defaults

        def ask(number):
            environ = {"HTTP_HOST": "localhost"}
            setup_testing_defaults(environ)
            return b"".join(blog.app(environ, lambda status, headers: None))

        with ThreadPoolExecutor(8) as pool:
            print(set(pool.map(ask, range(8))), blog.built)
    """)
        == "{b'hello'} [1]"
    )


def test_the_admin_moves_and_goes(site):
    site.write("from djng import Djng\n\napp = Djng(admin='/office')\n")
    site.write("from djng import Djng\n\napp = Djng(admin=None)\n", "bare.py")
    reverse = "from django.urls import reverse, NoReverseMatch; print(reverse('admin:index'))"
    assert site.shell(reverse) == "/office/"
    assert "NoReverseMatch" in site.python("-c", f"import bare; {reverse}").stderr
    assert "django.contrib.admin" not in site.python("bare.py", "check").stdout


def test_error_views_replace_the_pages(site):
    site.write("""
        @app.error(404)
        def not_found(request, exception):
            return f"no {exception.args[0]['path']}"

        @app.error(500)
        async def crashed(request, exception):
            return {"error": type(exception).__name__}

        @app.error(403)
        def forbidden(request, exception):
            return "no", 451

        @app.route("/crash/")
        def crash(request):
            raise ZeroDivisionError

        @app.route("/forbidden/")
        def secret(request):
            from django.core.exceptions import PermissionDenied
            raise PermissionDenied
    """)
    site.succeed("check")
    for server in ("gunicorn", "uvicorn"):
        with site.serve(*SERVERS[server]) as running:
            missing, crash = running.request("/x"), running.request("/crash/")
            assert (missing.status, missing.text) == (404, "no x")
            assert (crash.status, crash.text) == (500, '{"error": "ZeroDivisionError"}')
            assert running.request("/forbidden/").status == 451


def test_run_takes_the_arguments(site):
    site.write(HELLO)
    assert "no issues" in site.shell("blog.app.run(['blog.py', 'check'])")


def test_a_file_alone_runs_the_server(site):
    with site.write(HELLO).serve("blog.py", PORT="PORT") as server:
        assert server.request("/").text == "debug True"


def test_importing_djng_loads_no_part_of_django_that_reads_settings(site):
    code = "import sys, djng; print([m for m in sys.modules if m.startswith('django.')])"
    loaded = site.python("-c", code).stdout
    assert "django.conf" not in loaded
    assert "django.urls" not in loaded


def test_nothing_for_developers_is_imported_in_production(site):
    site.write("@app.get('/')\ndef index(request):\n    return 'hello'")
    code = "import sys; blog.app.wsgi; print(*[m for m in sys.modules if m.startswith('djng.')])"
    used = {name.removeprefix("djng.") for name in site.shell(code).split()}
    assert used.isdisjoint({"debug", "hints", "reloader", "automigrate", "signin", "commands"})
