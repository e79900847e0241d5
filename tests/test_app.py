"""`Djng`: one object that is the site and its WSGI and ASGI application."""

import pytest

SITE = """
import sys
from django.conf import settings
from django.core.exceptions import PermissionDenied


@app.route("/")
def index(request):
    return f"debug {settings.DEBUG}"


@app.route("/dev/")
def dev(request):
    return sorted(name for name in sys.modules if name.startswith("djng.dev"))


@app.route("/crash/")
def crash(request):
    raise ZeroDivisionError


@app.route("/forbidden/")
def forbidden(request):
    raise PermissionDenied


@app.error(404)
def not_found(request, exception):
    return f"no {exception.args[0]['path']}"


@app.error(500)
async def crashed(request, exception):
    return {"error": type(exception).__name__}


@app.error(403)
def denied(request, exception):
    return "no", 451
"""
HELLO = """
@app.route("/")
def index(request):
    return "hello"
"""
# Asks the site for its first page, as a WSGI server does.
ASK = """
from wsgiref.util import setup_testing_defaults

def ask(number=0):
    environ = {"HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    return b"".join(blog.app(environ, lambda status, headers: None)).decode()
"""
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT")
SERVERS = {
    "gunicorn": (*GUNICORN, "blog:app"),
    "gunicorn in a package": (*GUNICORN, "shop.blog:app"),
    "uvicorn without lifespan": (
        *("-m", "uvicorn", "--lifespan", "off", "--port", "PORT"),
        "blog:app",
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_serves_the_site(site, name):
    site.write(SITE, "shop/blog.py" if "package" in name else "blog.py")
    with site.serve(*SERVERS[name]) as server:
        page = server.request("/")
        assert (page.status, page.text) == (200, "debug False")
        assert server.request("/dev/").text == "[]"
        style = server.request("/static/admin/css/base.css")
        assert (style.status, style.headers.get_content_type()) == (200, "text/css")
        assert server.request("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
        missing, crash = server.request("/x"), server.request("/crash/")
        assert (missing.status, missing.text) == (404, "no x")
        assert (crash.status, crash.text) == (500, '{"error": "ZeroDivisionError"}')
        assert server.request("/forbidden/").status == 451


def test_the_file_without_arguments_runs_the_development_server(site):
    with site.write(SITE).serve("blog.py", PORT="PORT") as server:
        assert server.request("/").text == "debug True"
        assert "djng.dev.error_page" in server.request("/dev/").text
        assert server.request("/static/admin/css/base.css").status == 200


@pytest.mark.parametrize(("variables", "debug"), [({}, "False"), ({"DJANGO_DEBUG": "1"}, "True")])
def test_debug_is_off_under_other_commands(site, variables, debug):
    code = "from django.conf import settings; print(settings.DEBUG)"
    shown = site.write(HELLO).succeed("shell", "-v0", "-c", code, **variables)
    assert shown.strip() == debug


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
    assert site.shell(f"{ASK}\nprint(ask())") == "hello"


def test_requests_that_come_together_build_the_handler_once(site):
    site.write(f"""
from djng import Djng

app = Djng(middleware=["blog.Counting"])
built = []


class Counting:
    def __init__(self, get_response):
        built.append(1)
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

{HELLO}""")
    code = f"""{ASK}
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(8) as pool:
    print(set(pool.map(ask, range(8))), blog.built)
"""
    assert site.shell(code) == "{'hello'} [1]"


@pytest.mark.parametrize(("path", "url"), [("/office", "/office/"), ("", "/"), ("/", "/")])
def test_the_admin_may_have_another_path(site, path, url):
    site.write(f"from djng import Djng\n\napp = Djng(admin={path!r})\n")
    assert site.shell("from django.urls import reverse; print(reverse('admin:index'))") == url


def test_a_site_may_have_no_admin(site):
    site.write("from djng import Djng\n\napp = Djng(admin=None)\n")
    done = site.shell("""
        from django.apps import apps
        from django.core.management import call_command
        from django.urls import NoReverseMatch, reverse
        call_command("check")
        print(apps.is_installed("django.contrib.admin"))
        try:
            reverse("admin:index")
        except NoReverseMatch:
            print("no admin")
    """)
    assert done.splitlines()[-2:] == ["False", "no admin"]


def test_run_takes_the_arguments(site):
    assert "no issues" in site.write(HELLO).shell("blog.app.run(['blog.py', 'check'])")


def test_importing_djng_imports_no_module_of_django_that_reads_settings(site):
    code = "import sys, djng; print([m for m in sys.modules if m.startswith('django.')])"
    loaded = site.python("-c", code).stdout
    assert "django.conf" not in loaded
    assert "django.urls" not in loaded
