"""Packages for Django work in the one file as their documentation says.

djng has no code for any of them.
"""

import csv
import json
import re
from urllib.parse import urlencode

import pytest
from conftest import Site

GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
UVICORN = ("-m", "uvicorn", "--port", "PORT", "blog:app")
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
JSON = {"Content_Type": "application/json"}
ADMIN = {"username": "ada", "password": "correct horse"}


class Visitor:
    """A browser without a window: it keeps its cookies and sends forms."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def ask(self, path, *args, **options):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.server.request(path, *args, **options, Cookie=cookie)
        for each in answer.headers.get_all("Set-Cookie", []):
            name, value = each.partition(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def send(self, path, **fields):
        """Open the page and send its form; return where that leads, or what it shows."""
        assert self.ask(path).status == 200
        body = urlencode({**fields, "csrfmiddlewaretoken": self.cookies["csrftoken"]})
        answer = self.ask(path, "POST", body, **FORM)
        return answer.headers["Location"] or answer.text


def static_files(server, page):
    """The static files that the page links to. Each of them can be requested."""
    paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert {server.request(path, "HEAD").status for path in paths} <= {200}
    return paths


SITE = """
from django.db import models
from djng import Djng

app = Djng(
    apps=["rest_framework", "ninja", "django_htmx", "django_filters", "taggit", "import_export"],
    middleware=["django_htmx.middleware.HtmxMiddleware"],
)
"""
ROWS = f"""
from django.contrib.auth.models import User
from django.core.management import call_command

call_command("migrate", run_syncdb=True, verbosity=0)
User.objects.create_superuser(**{ADMIN})
for year, title in enumerate(["One Fish", "Two Fish", "Green Eggs"]):
    blog.Book.objects.create(title=title, year=year)
for title, *tags in ("one", "red", "blue"), ("two", "blue"):
    blog.Post.objects.create(title=title).tags.add(*tags)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A site with several packages, each with the code below."""
    site = Site(tmp_path_factory.mktemp("packages"))
    site.write("".join([SITE, REST_FRAMEWORK, NINJA, HTMX, FILTER, TAGGIT, IMPORT_EXPORT]))
    site.shell(ROWS)
    with site.serve(*UVICORN) as running:
        yield running


REST_FRAMEWORK = """
from rest_framework import routers, serializers, viewsets


class Note(models.Model):
    text = models.CharField(max_length=50)


class NoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ["id", "text"]


class NoteViewSet(viewsets.ModelViewSet):
    queryset = Note.objects.order_by("pk")
    serializer_class = NoteSerializer


router = routers.DefaultRouter()
router.register("notes", NoteViewSet)
app.include("/api/", router.urls)
"""


def test_rest_framework(server):
    assert server.request("/api/notes/", "POST", '{"text": "hello"}', **JSON).status == 201
    assert json.loads(server.request("/api/notes/1/").text) == {"id": 1, "text": "hello"}
    assert server.request("/api/notes/", "POST", "{}", **JSON).status == 400
    root = json.loads(server.request("/api/", Host="localhost").text)
    assert root == {"notes": "http://localhost/api/notes/"}
    page = server.request("/api/notes/", Accept="text/html").text
    assert "<h1>Note List</h1>" in page
    assert "/static/rest_framework/css/bootstrap.min.css" in static_files(server, page)


NINJA = """
from ninja import ModelSchema, NinjaAPI, Schema

api = NinjaAPI(title="Messages")


class Message(models.Model):
    text = models.CharField(max_length=50)


class MessageIn(Schema):
    text: str


class MessageOut(ModelSchema):
    class Meta:
        model = Message
        fields = ["id", "text"]


@api.post("/messages", response=MessageOut)
async def create_message(request, message: MessageIn):
    return await Message.objects.acreate(**message.dict())


@api.get("/messages", response=list[MessageOut])
def messages(request, limit: int = 10):
    return Message.objects.all()[:limit]


app.include("/ninja/", api.urls)
"""


def test_ninja(server):
    for text in "one", "two":
        answer = server.request("/ninja/messages", "POST", json.dumps({"text": text}), **JSON)
        assert answer.status == 200, answer.text
    messages = server.request("/ninja/messages?limit=1")
    assert json.loads(messages.text) == [{"id": 1, "text": "one"}]
    assert server.request("/ninja/messages?limit=some").status == 422
    schema = json.loads(server.request("/ninja/openapi.json").text)
    assert [*schema["paths"]["/ninja/messages"]] == ["post", "get"]
    docs = server.request("/ninja/docs").text
    assert "<title>Messages</title>" in docs
    assert "/ninja/openapi.json" in docs
    assert "/static/ninja/swagger-ui.css" in static_files(server, docs)


HTMX = """
from django_htmx.http import HttpResponseClientRedirect


@app.get("/", template="index.html")
def index(request):
    return {"target": request.htmx and request.htmx.target}


@app.post("/")
def leave(request):
    return HttpResponseClientRedirect("/bye/")


app.templates["index.html"] = '''
    {% load django_htmx %}
    {% if request.htmx %}<p>for {{ target }}</p>
    {% else %}<html><head>{% htmx_script %}</head></html>{% endif %}
'''
"""


def test_htmx(server):
    page = server.request("/").text
    assert any("/django_htmx/htmx" in path for path in static_files(server, page))
    part = server.request("/", HX_Request="true", HX_Target="list").text
    assert part.strip() == "<p>for list</p>"
    cookie = {"Cookie": f"csrftoken={'a' * 32}", "X_CSRFToken": "a" * 32}
    answer = server.request("/", "POST", HX_Request="true", **cookie)
    assert answer.headers["HX-Redirect"] == "/bye/"


FILTER = """
import django_filters


class Book(models.Model):
    title = models.CharField(max_length=50)
    year = models.IntegerField()


class BookFilter(django_filters.FilterSet):
    class Meta:
        model = Book
        fields = {"title": ["icontains"], "year": ["lt"]}


@app.get("/books/", template="books.html")
def books(request):
    return {"filter": BookFilter(request.GET, queryset=Book.objects.order_by("year"))}


app.templates["books.html"] = '''
    <form>{{ filter.form }}</form>
    {% for book in filter.qs %}<li>{{ book.title }}</li>{% endfor %}
'''
"""


def test_filter(server):
    page = server.request("/books/?title__icontains=FISH&year__lt=1").text
    assert re.findall("<li>(.+?)</li>", page) == ["One Fish"]
    assert 'name="title__icontains" value="FISH"' in page


TAGGIT = """
from taggit.managers import TaggableManager


class Post(models.Model):
    title = models.CharField(max_length=50)
    tags = TaggableManager()


@app.get("/tags/<slug:tag>/")
def tagged(request, tag):
    return [post.title for post in Post.objects.filter(tags__name__in=[tag])]
"""


def test_taggit(server):
    assert json.loads(server.request("/tags/red/").text) == ["one"]
    assert json.loads(server.request("/tags/blue/").text) == ["one", "two"]


IMPORT_EXPORT = """
from import_export.admin import ImportExportModelAdmin


@app.admin(Book)
class BookAdmin(ImportExportModelAdmin):
    list_display = ["title"]
"""


def test_import_export(server):
    visitor = Visitor(server)
    assert visitor.send("/admin/login/?next=/admin/", **ADMIN) == "/admin/"
    assert "/admin/blog/book/export/" in visitor.ask("/admin/blog/book/").text
    chosen = {"format": "0", "bookresource_title": "on", "bookresource_year": "on"}
    exported = visitor.send("/admin/blog/book/export/", **chosen)
    rows = [["Green Eggs", "2"], ["Two Fish", "1"], ["One Fish", "0"]]
    assert [*csv.reader(exported.splitlines())] == [["title", "year"], *rows]


ALLAUTH = """
from djng import Djng

app = Djng(
    apps=["allauth", "allauth.account"],
    middleware=["allauth.account.middleware.AccountMiddleware"],
    AUTHENTICATION_BACKENDS=lambda default: [
        *default,
        "allauth.account.auth_backends.AuthenticationBackend",
    ],
    ACCOUNT_LOGIN_METHODS={"email"},
    ACCOUNT_SIGNUP_FIELDS=["email*", "password1*", "password2*"],
)

from django.contrib.auth.decorators import login_required

app.include("/accounts/", "allauth.urls")


@app.get("/")
@login_required
def index(request):
    return f"Hello {request.user.email}"
"""


def test_allauth(site):
    with site.write(ALLAUTH).serve() as server:
        visitor, account = Visitor(server), {"email": "ada@example.com"}
        assert visitor.ask("/").headers["Location"] == "/accounts/login/?next=/"
        passwords = {"password1": "correct horse", "password2": "correct horse"}
        assert visitor.send("/accounts/signup/", **account, **passwords) == "/"
        assert visitor.ask("/").text == "Hello ada@example.com"
        server.says("Please Confirm Your Email Address")
        assert visitor.send("/accounts/logout/") == "/"
        assert visitor.ask("/").status == 302
        sign_in = "/accounts/login/?next=/"
        assert "not correct" in visitor.send(sign_in, login="ada@example.com", password="wrong")
        assert visitor.send(sign_in, login="ada@example.com", password="correct horse") == "/"
        assert visitor.ask("/").text == "Hello ada@example.com"


DEBUG_TOOLBAR = """
from djng import Djng

app = Djng(
    apps=["debug_toolbar"],
    MIDDLEWARE=lambda default: ["debug_toolbar.middleware.DebugToolbarMiddleware", *default],
    INTERNAL_IPS=["127.0.0.1"],
)

from debug_toolbar.toolbar import debug_toolbar_urls
from django.contrib.auth.models import User

app.include("", debug_toolbar_urls())


@app.get("/")
def index(request):
    return f"<html><body>{User.objects.count()} users</body></html>"
"""


def test_debug_toolbar(site):
    with site.write(DEBUG_TOOLBAR).serve() as server:
        page = server.request("/").text
        assert "0 users" in page
        assert "/static/debug_toolbar/js/toolbar.js" in static_files(server, page)
        store = re.search('data-request-id="(.+?)"', page)[1]
        panel = f"/__debug__/render_panel/?request_id={store}&panel_id=SQLPanel"
        assert "auth_user" in json.loads(server.request(panel).text)["content"]
    with site.serve(*GUNICORN) as server:
        assert server.request("/").text == "<html><body>0 users</body></html>"
        assert server.request("/__debug__/render_panel/").status == 404


WHITENOISE = """
from pathlib import Path

from djng import Djng

app = Djng(
    STATIC_ROOT=Path(__file__).parent / "collected",
    STORAGES=lambda default: {
        **default,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    },
)


@app.get("/", template="index.html")
def index(request):
    return {}


app.templates["index.html"] = '<link rel="stylesheet" href="{% static "site.css" %}">'
"""


def test_whitenoise_storage(site):
    site.write(WHITENOISE).put("static/site.css", "body { color: teal }" * 100)
    site.succeed("collectstatic", "--noinput")
    with site.serve(*GUNICORN) as server:
        path = re.search('href="(.+?)"', server.request("/").text)[1]
        assert re.fullmatch(r"/static/site\.\w{12}\.css", path)
        answer = server.request(path, "HEAD", Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
