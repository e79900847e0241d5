"""Runs every row of the pages for people who come from Flask or from Django."""

import re
from textwrap import indent

import django
import pytest
from conftest import ROOT

APP = "from djng import Djng, Router\n\napp = Djng()\n\n\n"
RUN = 'if __name__ == "__main__":\n    app.run()\n'
FIELD = "    title = models.TextField()\n\n\n"
MODEL = f"from django.db import models\n\n\nclass Post(models.Model):\n{FIELD}"
FRONT = "shop = Router()\n\n\n@shop.get('/')\ndef front(request):\n    return 'front'\n\n\n"
MIGRATED = "from django.core.management import call_command\n"
MIGRATED += "call_command('migrate', run_syncdb=True, verbosity=0)\n"
CLIENT = "from django.test import Client\nclient = Client()\n"


def body(code, head="@app.route('/')", view="def index(request)", before=""):
    """A site with one view that runs the code."""
    return f"{APP}{before}{head}\n{view}:\n{indent(code, '    ')}\n"


def get(path="/", *more):
    return f"print(client.get({path!r}).content.decode(), {', '.join(more)})"


def post(path="/", data="{}"):
    return f"print(client.post({path!r}, {data}).content.decode())"


TEMPLATE = "app.templates['page.html'] = 'page of {{ name }}'\n\n\n"
SAVED = "from django.contrib import messages\n\n\n"
NAMED = "from django.http import Http404\n\n\nclass SoldOut(Exception): ...\n\n\n"
ERRORS = "client.raise_request_exception = False\n"
# For the left side of each row: a site, a script, and what the script prints. In both, RIGHT stands
# for the first code on the right side of the row, and ALSO for the second.
FLASK = {
    "app = Flask(__name__)": (
        "from djng import Djng\nRIGHT\n\n\n@app.route('/')\ndef index(request):\n    return 'one'",
        get(),
        "one",
    ),
    '@app.route("/posts/<int:pk>/")': (
        body("return f'post {pk}'", "RIGHT", "ALSO"),
        get("/posts/1/"),
        "post 1",
    ),
    '@app.post("/posts/")': (body("return 'made'", "RIGHT"), post("/posts/"), "made"),
    'methods=["GET", "POST"]': (
        body("return request.method", "@app.route('/', RIGHT)"),
        post() + "\nprint(client.put('/').status_code)",
        "POST\n405",
    ),
    'request.args["q"]': (body("return RIGHT"), get("/?q=boats"), "boats"),
    'request.form["text"]': (
        APP + "app.templates['form.html'] = '<form>ALSO</form>'\n\n\n"
        "@app.get('/', template='form.html')\ndef form(request):\n    return {}\n\n\n"
        "@app.post('/')\ndef sent(request):\n    return RIGHT",
        "client = Client(enforce_csrf_checks=True)\n"
        "token = client.get('/').content.decode().split('value=\"')[1].split('\"')[0]\n"
        + post("/", "{'text': 'hello', 'csrfmiddlewaretoken': token}"),
        "hello",
    ),
    "request.get_json()": (
        body("return RIGHT", before="import json\n\n\n"),
        "print(client.post('/', '{\"a\": 1}', content_type='application/json').content.decode())",
        '{"a": 1}',
    ),
    'request.files["photo"]': (
        APP
        + "app.templates['a.html'] = '<form method=\"post\" ALSO>{% csrf_token %}</form>'\n\n\n"
        + "@app.get('/', template='a.html')\ndef form(request):\n    return {}\n\n\n"
        + "@app.post('/')\ndef sent(request):\n    return RIGHT.read()",
        "from io import StringIO\nprint('multipart' in client.get('/').content.decode())\n"
        + post("/", "{'photo': StringIO('boat')}"),
        "True\nboat",
    ),
    'request.cookies["theme"]': (
        body("return RIGHT"),
        "client.cookies['theme'] = 'dark'\n" + get(),
        "dark",
    ),
    "return jsonify(a=1)": (body("RIGHT"), get(), '{"a": 1}'),
    'return {"a": 1}, 201': (
        body("RIGHT"),
        get("/", "client.get('/').status_code"),
        '{"a": 1} 201',
    ),
    'return render_template("page.html", name=name)': (
        body("name = 'Ada'\nRIGHT", "@app.route('/', ALSO)", before=TEMPLATE),
        get(),
        "page of Ada",
    ),
    "abort(404)": (
        body("RIGHT", before="from django.http import Http404\n\n\n"),
        "print(client.get('/').status_code)",
        "404",
    ),
    'return redirect(url_for("post", pk=1))': (
        body("RIGHT", before="from django.shortcuts import redirect\n\n\n")
        + "\n\n@app.route('/posts/<int:pk>/')\ndef post(request, pk):\n    return 'post'",
        "print(client.get('/')['Location'])",
        "/posts/1/",
    ),
    '{{ url_for("static", filename="site.css") }}': (
        body("return {}", "@app.route('/', template='a.html')")
        + "\n\napp.templates['a.html'] = 'RIGHT'",
        get(),
        "/static/site.css",
    ),
    'session["seen"] = True': (
        body("before = request.session.get('seen')\nRIGHT\nreturn str(before)"),
        MIGRATED + get() + "\n" + get(),
        "None\nTrue",
    ),
    'flash("Saved.")': (
        body("RIGHT\nreturn {}", "@app.route('/', template='a.html')", before=SAVED)
        + "\n\napp.templates['a.html'] = '{% for each in messages %}{{ each }}{% endfor %}'",
        get(),
        "Saved.",
    ),
    "current_user": (
        body("return {'name': str(RIGHT)}", "@app.route('/', template='a.html')")
        + "\n\napp.templates['a.html'] = '{{ name }} {{ ALSO }}'",
        MIGRATED + get(),
        "AnonymousUser AnonymousUser",
    ),
    "g.started = 1": (body("RIGHT\nreturn str(request.started)"), get(), "1"),
    "@app.errorhandler(404)": (
        body("return 'none'", "RIGHT", "def missing(request, exception)"),
        get("/nowhere/"),
        "none",
    ),
    "@app.errorhandler(SoldOut)": (
        body("return 'sold out', 409", "RIGHT", "def gone(request, exception)", NAMED)
        + "\n\n@app.route('/')\ndef index(request):\n    raise SoldOut",
        ERRORS + get("/", "client.get('/').status_code"),
        "sold out 409",
    ),
    "@app.before_request": (
        body("return 'closed', 503", "RIGHT", "def check(request)"),
        get(),
        "closed",
    ),
    "@app.after_request": (
        body("response['X-A'] = '1'\nreturn response", "RIGHT", "def add(request, response)"),
        "print(client.get('/')['X-A'])",
        "1",
    ),
    'shop = Blueprint("shop", __name__)': (
        f"{APP}RIGHT\n\n\n@shop.get('/')\ndef front(request):\n    return 'front'\n\n\n"
        "app.include('/a/', shop)",
        get("/a/") + "\nfrom django.urls import reverse\nprint(reverse('shop:front'))",
        "front\n/a/",
    ),
    'app.register_blueprint(shop, url_prefix="/shop")': (
        f"{APP}{FRONT}RIGHT",
        get("/shop/"),
        "front",
    ),
    "@app.context_processor": (
        body("return {'name': 'Ada'}", "RIGHT", "def name(request)", TEMPLATE)
        + "\n\n@app.route('/', template='page.html')\ndef index(request):\n    return {}",
        get(),
        "page of Ada",
    ),
    "@app.template_filter()": (
        body("return text.upper()", "RIGHT", "def shout(text)")
        + "\n\napp.templates['a.html'] = '{{ \"a\"|shout }}'"
        + "\n\n\n@app.route('/', template='a.html')\ndef index(request):\n    return {}",
        get(),
        "A",
    ),
    "@app.cli.command()": (
        body("print('hello', name)", "RIGHT", "def greet(name)"),
        "from django.core.management import call_command\ncall_command('greet', 'Ada')",
        "hello Ada",
    ),
    'app.config["PAGE_SIZE"] = 20': (
        "from djng import Djng\nfrom django.conf import settings\n\napp = RIGHT\nprint(ALSO)",
        "",
        "20",
    ),
    "app.test_client()": (
        body("return 'one'"),
        "from django.test import Client\nprint(RIGHT.get('/').content.decode())",
        "one",
    ),
    'db.session.add(Post(title="One"))': (
        APP + MODEL,
        MIGRATED + "Post = blog.Post\nRIGHT\nprint(Post.objects.get().title)",
        "One",
    ),
}
SITE_MIDDLEWARE = """
class {}:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-A"] = "1"
        return response
"""
SHELL = "import subprocess, sys\ncommand = 'RIGHT'.replace('shop.py', 'blog.py').split()\n"
SHELL += "done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True)\n"
SETTING = "from djng import Djng\n\napp = RIGHT\n"
PRINT = "from django.conf import settings\nprint(settings.{})"
DJANGO = {
    "django-admin startproject shop": (
        APP,
        "import subprocess, sys\ncommand = 'RIGHT'.replace('shop.py', 'other.py').split()\n"
        "subprocess.run([sys.executable, *command[1:]], check=True, stdout=subprocess.DEVNULL)\n"
        "print('app = Djng()' in open('other.py').read())",
        "True",
    ),
    "python manage.py migrate": (
        APP + RUN,
        SHELL + "print('Apply all migrations' in done.stdout)",
        "True",
    ),
    'LANGUAGE_CODE = "de"': (SETTING, PRINT.format("LANGUAGE_CODE"), "de"),
    'INSTALLED_APPS += ["django.contrib.sites"]': (
        SETTING,
        "from django.apps import apps\nprint(apps.is_installed('django.contrib.sites'))",
        "True",
    ),
    'MIDDLEWARE += ["shop.Basket"]': (
        SETTING + SITE_MIDDLEWARE.format("Basket"),
        PRINT.format("MIDDLEWARE[-1]") + "\nprint(client.get('/')['X-A'])",
        "blog.Basket\n1",
    ),
    'MIDDLEWARE.insert(0, "shop.First")': (
        SETTING + SITE_MIDDLEWARE.format("First"),
        PRINT.format("MIDDLEWARE[0]") + "\nprint(client.get('/')['X-A'])",
        "blog.First\n1",
    ),
    'path("posts/<int:pk>/", post, name="post")': (
        body("return f'post {pk}'", "RIGHT", "def post(request, pk)"),
        get("/posts/1/") + "\nfrom django.urls import reverse\nprint(reverse('post', args=[1]))",
        "post 1\n/posts/1/",
    ),
    'path("about/", About.as_view())': (
        f"{APP}from django.views import View\n\n\nRIGHT\nclass About(View):\n"
        "    def get(self, request):\n        return 'about'",
        get("/about/"),
        "about",
    ),
    'path("accounts/", include("django.contrib.auth.urls"))': (
        f"{APP}RIGHT",
        "from django.urls import reverse\nprint(reverse('login'))",
        "/accounts/login/",
    ),
    'render(request, "page.html", {"name": name})': FLASK[
        'return render_template("page.html", name=name)'
    ],
    'JsonResponse({"a": 1})': (body("RIGHT"), get(), '{"a": 1}'),
    "@require_POST": (
        body("return 'made'", "RIGHT"),
        post("/posts/") + "\nprint(client.get('/posts/').status_code)",
        "made\n405",
    ),
    'handler404 = "shop.not_found"': FLASK["@app.errorhandler(404)"],
    "@admin.register(Post)": (
        f"{APP}{MODEL}from django.contrib import admin\n\n\nRIGHT\n"
        "class PostAdmin(admin.ModelAdmin): ...\n\n\nALSO\nclass Note(models.Model):\n"
        "    title = models.TextField()",
        "from django.contrib import admin\n"
        "print(admin.site.is_registered(blog.Post), admin.site.is_registered(blog.Note))",
        "True True",
    ),
    "shop/management/commands/greet.py": FLASK["@app.cli.command()"],
    "shop/templatetags/": FLASK["@app.template_filter()"],
    '"context_processors": ["shop.name"]': FLASK["@app.context_processor"],
    "@receiver(post_save, sender=Post)": (
        APP + MODEL + "from django.db.models.signals import post_save\n"
        "from django.dispatch import receiver\n\n\nRIGHT\n"
        "def saved(sender, instance, **signal):\n    print('saved', instance.title)",
        MIGRATED + "blog.Post.objects.create(title='One')",
        "saved One",
    ),
    'AUTH_USER_MODEL = "members.User"': (
        SETTING + "\nfrom django.contrib.auth.models import AbstractUser\n\n\n"
        "class User(AbstractUser): ...",
        "from django.contrib.auth import get_user_model\nprint(get_user_model() is blog.User)",
        "True",
    ),
    "@task": (
        body("print('sent', to)", "RIGHT", "def send(to)"),
        "blog.send.enqueue('Ada')",
        "sent Ada",
    ),
    "python manage.py test": (
        APP + RUN,
        SHELL + "print('There are no tests' in done.stderr)",
        "True",
    ),
    "gunicorn shop.wsgi": (
        APP,
        "name = 'RIGHT'.partition(' ')[2].replace('shop', 'blog')\n"
        "from gunicorn.util import import_app\nprint(import_app(name) is blog.app)",
        "True",
    ),
}


def rows(title):
    """The left side of each row of a table, and the code on the right side."""
    page = (ROOT / f"docs/from-{title.lower()}.md").read_text()
    table = page.partition("## What to write instead\n")[2].partition("\n## ")[0]
    for left, right in re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[1:]:
        yield re.findall(r"`(.+?)`", left)[0], re.findall(r"`(.+?)`", right)


@pytest.mark.parametrize(("title", "checks"), [("Flask", FLASK), ("Django", DJANGO)])
def test_every_row_has_a_check(title, checks):
    assert [left for left, _ in rows(title)] == [*checks]


@pytest.mark.parametrize(
    ("left", "right", "check"),
    [
        pytest.param(left, right, checks[left], id=f"{title}: {left}")
        for title, checks in (("Flask", FLASK), ("Django", DJANGO))
        for left, right in rows(title)
    ],
)
def test_the_code_of_a_row_works(site, left, right, check):
    if left == "@task" and django.VERSION < (6, 0):
        pytest.skip("tasks are new in Django 6.0")
    source, script, prints = check
    first, second, *_ = [
        re.sub(r'"(shop|members)\.(?=[A-Z])', '"blog.', code) for code in [*right, ""]
    ]
    source, script = (
        text.replace("RIGHT", first).replace("ALSO", second) for text in (source, CLIENT + script)
    )
    assert site.put("blog.py", source).shell(script) == prints
