"""An error says what happened, where, and what to do, in two lines."""

import pytest

from djng import DjngError, exceptions

APP = "from djng import Djng\n\napp = Djng()\n"
STOPS = {
    "placeholder": (
        APP + "@app.route('/<int:pk>/')\ndef post(request, id): ...",
        'blog.py:4: the route "/<int:pk>/" gives request, pk to post(request, id).',
        "Write `def post(request, pk)`",
    ),
    "missing argument": (
        APP + "@app.route('/')\ndef post(request, id): ...",
        'blog.py:4: the route "/" gives request to post(request, id).',
        "Write `def post(request)`",
    ),
    "no request": (
        APP + "@app.route('/')\ndef index(): ...",
        'blog.py:4: the route "/" gives request to index().',
        "Write `def index(request)`",
    ),
    "class-based": (
        APP
        + "from django.views import View\n@app.route('/<int:pk>/')\nclass Page(View):\n"
        + "    def get(self, request): ...",
        'blog.py:5: the route "/<int:pk>/" gives request, pk to get(request).',
        "Write `def get(self, request, pk)`",
    ),
    "a class that is no view": (
        APP + "@app.route('/')\nclass Page: ...",
        "blog.py:4: Page is a class, not a view.",
        "Route an instance",
    ),
    "braces": (
        APP + "@app.get('/{id}/')\ndef post(request, id): ...",
        'blog.py:4: Django cannot read the route "/{id}/".',
        "Django routes use <int:id>",
    ),
    "unclosed": (
        APP + "@app.get('/<int:id/')\ndef post(request, id): ...",
        'blog.py:4: Django cannot read the route "/<int:id/".',
        "Django routes use <int:id>",
    ),
    "regex": (
        APP + "@app.get('/(?P<id>.+)/')\ndef post(request, id): ...",
        'blog.py:4: Django cannot read the route "/(?P<id>.+)/".',
        "re_path()",
    ),
    "converter": (
        APP + "@app.get('/<inti:id>/')\ndef post(request, id): ...",
        "blog.py:4: URL route '<inti:id>/' uses invalid converter 'inti'.",
        "int, path, slug, str, uuid, float, string, any(a,b)",
    ),
    "methods": (
        APP + "@app.route('/', methods='GET')\ndef index(request): ...",
        "blog.py:4: methods='GET' is not a list.",
        "Write ['GET'].",
    ),
    "same twice": (
        APP
        + "@app.get('/')\ndef one(request): ...\n@app.route('/', methods=['GET'])\n"
        + "def two(request): ...",
        'blog.py:6: two functions answer GET "/".',
        "The other is at blog.py:4.",
    ),
    "order": (
        APP
        + "from django.contrib.auth.decorators import login_required\n"
        + "@login_required\n@app.route('/')\ndef index(request): ...",
        "blog.py:6: a decorator of index() is above its route and does nothing.",
        'Move line 6, the route "/", above the other decorators.',
    ),
    "order of an assignment": (
        APP
        + "from django.contrib.auth.decorators import login_required\n"
        + "@app.route('/')\ndef index(request): ...\nindex = login_required(index)",
        "blog.py:5: a decorator of index() is above its route and does nothing.",
        "Move line 5",
    ),
    "order of a class": (
        APP
        + "class guard:\n    def __init__(self, view): self.view = view\n"
        + "    def __call__(self, request): return self.view(request)\n"
        + "@guard\n@app.route('/')\ndef index(request): ...",
        "blog.py:8: a decorator of index() is above its route and does nothing.",
        "Move line 8",
    ),
    "one url, two names": (
        APP
        + "@app.get('/<int:pk>/')\ndef one(request, pk): ...\n"
        + "@app.put('/<int:id>/')\ndef two(request, id): ...",
        'blog.py:6: "/<int:id>/" and "/<int:pk>/" are the same URL, so their placeholders need'
        " the same names.",
        "The other is at blog.py:4.",
    ),
    "path of the admin": (
        "from djng import Djng\n\napp = Djng(admin=True)",
        "blog.py:3: admin is a path.",
        'admin="admin/"',
    ),
    "contrib command": (
        APP + "@app.command\ndef createsuperuser(): ...",
        "blog.py:4: createsuperuser() would hide a command of Django's.",
        "another name",
    ),
    "order of a plain decorator": (
        APP
        + "def mine(view):\n    def inner(request): return view(request)\n    return inner\n"
        + "@mine\n@app.route('/')\ndef index(request): ...",
        "blog.py:8: a decorator of index() is above its route and does nothing.",
        "Move line 8",
    ),
    "keyword": (
        "from djng import Djng\n\napp = Djng(debug=True)",
        "blog.py:3: Djng() has no keyword 'debug'.",
        "Did you mean DEBUG?",
    ),
    "nearly a keyword": (
        "from djng import Djng\n\napp = Djng(app=['shop'])",
        "blog.py:3: Djng() has no keyword 'app'.",
        "Did you mean apps?",
    ),
    "setting": (
        "from djng import Djng\n\napp = Djng(DEBUGG=True)",
        "blog.py:3: DEBUGG is not a Django setting.",
        "Did you mean DEBUG?",
    ),
    "missing app": (
        "from djng import Djng\n\napp = Djng(apps=['rest_framework_x'])",
        "blog.py:3: the app 'rest_framework_x': No module named 'rest_framework_x'.",
        "pip install rest-framework-x",
    ),
    "model too early": (
        "from django.db import models\nfrom djng import Djng\n\nclass Post(models.Model):\n"
        "    pass\n\napp = Djng()",
        "blog.py:4: `class Post(models.Model):` needs the site, but Djng() has not run yet.",
        "Move it below `app = Djng(...)`, line 7.",
    ),
    "import too early": (
        "from djng import Djng\nfrom django.contrib.auth.models import User\n\napp = Djng()",
        "blog.py:2: `from django.contrib.auth.models import User` needs the site",
        "Move it below `app = Djng(...)`, line 4.",
    ),
    "second app": (
        APP + "other = Djng()",
        "blog.py:4: a second Djng(); the first one is at blog.py:3.",
        "A process has one site",
    ),
    "too late": (
        APP
        + "from django.urls import reverse\n@app.get('/')\ndef index(request): ...\n"
        + "home = reverse('index')\n@app.get('/late/')\ndef late(request): ...",
        "blog.py:8: too late: blog.py:7 has already looked up a URL.",
        "reverse_lazy()",
    ),
    "error code": (
        APP + "@app.error(418)\ndef teapot(request, exception): ...",
        "blog.py:4: no error view is called for 418.",
        "@app.error(404), or 400, 403 or 500",
    ),
    "error view": (
        APP + "@app.error(500)\ndef crashed(request): ...",
        "blog.py:4: crashed() does not take the arguments that it gets.",
        "Write `def crashed(request, exception)`",
    ),
    "flask's way to run": (
        APP + "app.run(port=5000)",
        "blog.py:4: app.run() has no keyword 'port'.",
        "python blog.py runserver 5000 takes a port.",
    ),
    "bare route": (
        APP + "@app.get\ndef index(request): ...",
        "blog.py:4: the decorator has no rule.",
        'Write @app.route("/...")',
    ),
    "text for a list": (
        "from djng import Djng\n\napp = Djng(apps='shop')",
        "blog.py:3: apps='shop' is not a list.",
        "Write ['shop'].",
    ),
    "no apps": (
        "from djng import Djng\n\napp = Djng(apps=None)",
        "blog.py:3: apps=None is not a list.",
        "Leave it out, or write apps=[].",
    ),
    "no middleware": (
        "from djng import Djng\n\napp = Djng(middleware=None)",
        "blog.py:3: middleware=None is not a list.",
        "Leave it out, or write middleware=[].",
    ),
    "no middleware of a route": (
        APP + "@app.get('/', middleware=None)\ndef index(request): ...",
        "blog.py:4: middleware=None is not a list.",
        "Leave it out, or write middleware=[].",
    ),
    "a module for an app": (
        "import json\nfrom djng import Djng\n\napp = Djng(apps=[json])",
        "blog.py:4: apps is a list of dotted names.",
        'Write apps=["taggit"].',
    ),
    "no hosts": (
        "from djng import Djng\n\napp = Djng(ALLOWED_HOSTS=None)",
        "blog.py:3: ALLOWED_HOSTS is a list.",
        "Write [], or leave it out.",
    ),
    "converter last": (
        APP + "@app.get('/<id:int>/')\ndef post(request, id): ...",
        "blog.py:4: URL route '<id:int>/' uses invalid converter 'id'.",
        "Write <converter:name>",
    ),
    "option of the admin": (
        APP + "from django.db import models\n@app.admin(list_displays=['pk'])\n"
        "class Post(models.Model): ...",
        "blog.py:5: list_displays is not an option of ModelAdmin.",
        "Did you mean list_display?",
    ),
    "command": (
        APP + "@app.command\ndef migrate(): ...",
        "blog.py:4: migrate() would hide a command of Django's.",
        "another name",
    ),
    "no admin in INSTALLED_APPS": (
        "from djng import Djng\n\napp = Djng(INSTALLED_APPS=[])\n@app.admin\nclass Post: ...",
        "blog.py:4: this site has no admin.",
        "Write apps=[...] instead of INSTALLED_APPS=[...]",
    ),
    "no model in the admin": (
        APP + "@app.admin()\nclass Post: ...",
        "blog.py:4: @app.admin cannot register Post.",
        "Write `class Post(models.Model):`.",
    ),
    "no parentheses": (
        "from django.db import models\nfrom djng import Djng\n\napp = Djng\n"
        "class Post(models.Model): ...",
        "blog.py:5: `class Post(models.Model): ...` needs the site",
        "Write `app = Djng()` above it",
    ),
    "no admin": (
        "from djng import Djng\n\napp = Djng(admin=None)\n@app.admin\nclass Post: ...",
        "blog.py:4: this site has no admin.",
        "Remove admin=None",
    ),
}


@pytest.mark.parametrize("name", STOPS)
def test_the_site_stops_with_a_short_message(site, name):
    source, message, way_out = STOPS[name]
    done = site.write(source).run("check")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith(message)
    assert way_out in lines[1]
    assert len(lines) == 2
    assert site.files() == ["blog.py"]


ENVIRONMENT = {
    "DJANGO_DEBUG": "maybe",
    "DJANGO_HTTPS": "maybe",
    "DJANGO_ALLOWED_HOSTS": "https://example.com",
    "DJANGO_CSRF_TRUSTED_ORIGINS": "example.com",
    "DATABASE_URL": "nothing://me:hush@host",
    "REDIS_URL": "nothing://me:hush@host",
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_wrong_variable_stops_the_site(site, name):
    done = site.write(APP).run("check", **{name: ENVIRONMENT[name]})
    assert done.returncode == 1
    assert done.stderr.startswith(f"blog.py:3: the environment variable {name} is")
    assert len(done.stderr.splitlines()) == 2
    assert "hush" not in done.stderr


def test_a_wrong_port_stops_the_server(site):
    done = site.write(APP).run("runserver", "--noreload", PORT="http")
    assert done.returncode == 1
    assert "the environment variable PORT is 'http'" in done.stderr


def test_a_package_that_hides_the_file_is_an_error(site):
    done = site.write(APP).put("blog/__init__.py", "").run("check")
    assert done.returncode == 1
    assert done.stderr.startswith("blog.py:3: blog/__init__.py hides blog.py from every import.")


def test_the_name_of_another_app_is_an_error(site):
    site.write(APP, "auth.py")
    done = site.python("auth.py", "check")
    assert done.stderr.startswith(
        "auth.py:3: auth.py and the app django.contrib.auth have the same name, auth."
    )


def test_a_file_that_runs_when_imported_is_an_error(site):
    site.put("blog.py", f"{APP}\napp.run()\n")
    done = site.python("-c", "import blog")
    assert done.stderr.startswith("blog.py:5: app.run() runs while blog is only imported.")


def test_a_site_in_a_configured_project_is_an_error(site):
    site.write(APP)
    code = "from django.conf import settings; settings.configure(); import blog"
    assert (
        "blog.py:3: Django is configured already, by settings.configure()."
        in site.python("-c", code).stderr
    )


def test_servers_log_the_error_as_an_exception(site):
    site.write(STOPS["order"][0])
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/").status == 500
    assert "RouteError: blog.py:6: a decorator of index() is above its route" in server.log()


def test_other_exceptions_have_their_traceback(site):
    done = site.write(APP + "1 / 0").run("check")
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_an_error_has_its_message_hint_and_place():
    where = exceptions.Location("/elsewhere/blog.py", 3)
    error = exceptions.RouteError("it is wrong.", hint="Mend it.", where=where)
    assert (error.message, error.hint, error.where) == ("it is wrong.", "Mend it.", where)
    assert str(error) == "/elsewhere/blog.py:3: it is wrong.\n  Mend it."


def test_a_missing_key_is_a_key_error_and_a_bad_request(site):
    shown = site.write("""
        from django.test import Client

        @app.get("/")
        def index(request):
            return request.GET["q"]

        @app.error(KeyError)
        def missing(request, exception):
            return str(exception)
    """).shell("""
        page = blog.Client(headers={"host": "localhost"}).get("/")
        print(page.status_code, page.text)
    """)
    assert shown.startswith("400 blog.py:10: the request has no 'q'.\n")


def test_the_docstring_draws_the_tree_of_errors():
    named = [
        v for v in vars(exceptions).values() if isinstance(v, type) and issubclass(v, DjngError)
    ]
    assert all(error.__name__ in exceptions.__doc__ for error in named)
