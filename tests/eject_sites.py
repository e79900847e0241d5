"""Sites for the tests of `eject`: each with its source, its data, and requests of its own."""

import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import NamedTuple

import blog
from conftest import ROOT
from form_filling import GIF
from test_own_tests import CASE, FUNCTION, SITE
from test_tutorial import STEPS, Learner


def example(page, text):
    """The example of a page that has the text."""
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    return next(each for each in blocks if text in each)


RUN = '\n\nif __name__ == "__main__":\n    app.run()\n'

POSTS = """
from django.utils import timezone
for number in range(7):
    post = blog.Post.objects.create(
        title=f"Post {number}", slug=f"post-{number}", body="<p>x</p>", published=timezone.now()
    )
    post.tags.create(name=f"Tag {number}", slug=f"tag-{number}")
    post.comments.create(author="Ada", text="Hi")
blog.Post.objects.filter(pk=1).update(slug="hello")
"""
COMMENTS = [
    {"path": "/posts/hello/", "method": "POST", "data": {"author": "Eve", "text": "First"}},
    {"path": "/posts/hello/", "method": "POST", "data": {"author": ""}},
    {"path": "/posts/hello/"},
    {"path": "/2026/"},
    {"path": "/tags/tag-3/"},
]
NEW_MEMBER = {
    "email": "Eve@Example.com",
    "password1": "correct-horse",
    "password2": "correct-horse",
}
MEMBERS = [
    {"path": "/accounts/signup/", "method": "POST", "data": NEW_MEMBER},
    {"path": "/"},
    {"path": "/accounts/password_change/"},
    {"path": "/accounts/signup/", "method": "POST", "data": {"email": "eve@example.com"}},
    {"path": "/accounts/password_reset/", "method": "POST", "data": {"email": "eve@example.com"}},
    {"path": "/accounts/logout/", "method": "POST"},
    {"path": "/accounts/login/?next=/nowhere/"},
]
MEMBERS = [{**each, "user": "eve"} for each in MEMBERS]
ACCOUNTS = """
app.include("/accounts/", "django.contrib.auth.urls")
app.include("/accounts/", "djng.signup")


@app.get("/")
def index(request):
    return f"Hello {request.user}"
"""
SHOP_SITE = """from django.views.decorators.csrf import csrf_exempt
from djng import Djng, Router

app = Djng()
api = Router(app_name="api")
stock = {1: 2, 2: 0}


class SoldOut(Exception):
    pass


@api.before_request
def check_key(request):
    if request.headers.get("Key") != "sesame":
        return {"error": "There is no key."}, 401
    if "sold" in request.GET:
        raise SoldOut("We are closed.")


@api.post("/items/<int:pk>/")
def buy(request, pk):
    if not stock.get(pk):
        raise SoldOut("Come back tomorrow.")
    stock[pk] -= 1
    return {"left": stock[pk]}


@api.error(SoldOut)
def sold_out(request, exception):
    return {"error": str(exception)}, 409


@api.error(404)
def missing(request, exception):
    return {"error": "There is no such URL."}


@app.get("/", template="shop.html")
def index(request):
    return {"stock": stock}


@app.context_processor
def name(request):
    return {"shop": "The shop"}


app.include("/api/", api, decorators=[csrf_exempt])
app.templates["shop.html"] = "{{ shop }}: {% url 'api:buy' 1 %}"

if __name__ == "__main__":
    app.run()
"""
KEY = {"Key": "sesame"}
SHOP = [
    {"path": "/api/items/1/", "method": "POST", "headers": KEY, "csrf": False},
    {"path": "/api/items/2/", "method": "POST", "headers": KEY, "csrf": False},
    {"path": "/api/items/2/", "method": "GET", "headers": KEY},
    {"path": "/api/items/1/?sold", "method": "POST", "headers": KEY, "csrf": False},
    {"path": "/api/nothing/", "headers": KEY},
    {"path": "/api/items/x/", "method": "POST", "headers": KEY},
]

ROUTERS = '''"""A shop with a staff part."""
import json
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.views.generic import ListView, View

from djng import Djng, Router

# How many there are on a page.
PER_PAGE = 2
app = Djng(
    LANGUAGE_CODE="de",  # for our customers
    middleware=["blog.Stamp"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=1000 * PER_PAGE,
)

from django.contrib.auth.decorators import login_required


class Stamp:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-A"] = "stamped"
        return response


@app.admin(list_display=["name", "price"], search_fields=["name"])
class Item(models.Model):
    name = models.CharField(max_length=20)
    price = models.DecimalField(max_digits=6, decimal_places=2, default=1)
    picture = models.FileField(blank=True)

    def __str__(self):
        return self.name


class OutOfStock(Exception):
    """There is none left."""


class Unlucky(Exception):
    pass


class Trace(MiddlewareMixin):
    def process_request(self, request):
        request.trace = ["in"]

    def process_view(self, request, view, args, kwargs):
        request.trace.append(view.__name__)

    def process_response(self, request, response):
        response["X-B"] = " ".join(request.trace)
        return response


@app.middleware
def timing(get_response):
    def middleware(request):
        request.timed = True
        return get_response(request)

    return middleware


shop = Router(app_name="shop", middleware=[Trace])
staff = Router(decorators=[login_required], middleware=["blog.Stamp"])
plain = Router()


def shouting(view):
    @wraps(view)
    def wrapper(request, *args, **kwargs):
        return view(request, *args, **kwargs).upper()

    return wrapper


def as_dict(item):
    return {"id": item.pk, "name": item.name, "price": item.price}


@app.before_request
def closed(request):
    if "closed" in request.GET:
        return "<h1>Closed</h1>", 503


@app.after_request
def add_header(request, response):
    response["Referrer-Policy"] = "origin"
    return response


@shop.before_request
def only_customers(request):
    if "robot" in request.GET:
        return {"error": "no robots"}, 403, {"Cache-Control": "no-store"}


@app.get("/", template="index.html")
def index(request):
    """The front page."""
    return {"items": Item.objects.all()[:PER_PAGE]}


@app.get("/text/")
@shouting
def text(request):
    return f"hello {request.GET.get('q', '')}"


@app.route("/echo/", methods=["POST", "PUT"])
def echo(request):
    # What does the client say?
    data = request.POST["text"]
    if not data:
        return "", 400
    result = {"text": data}
    return result, 201, {"Cache-Control": "no-cache"}


@app.get("/item/<int:pk>/")
def show(request, pk):
    item = Item.objects.filter(pk=pk).first()
    if item is None:
        raise Http404("no item")
    return as_dict(item)


@app.delete("/item/<int:pk>/")
def remove(request, pk):
    Item.objects.filter(pk=pk).delete()
    return None, 204


@app.get("/lines/")
def lines(request):
    for number in range(3):
        yield f"{number}\\n"


@app.get("/maybe/<str:kind>/")
def maybe(request, kind):
    values = {"text": "text", "list": [1, 2], "dict": {"a": 1}, "status": ("made", 201)}
    return values.get(kind) or HttpResponse("other")


@app.get("/anything/<float:x>/<any(red,blue):color>/<string:name>/", name="many")
def anything(request, x, color, name):
    return [x, color, name]


@app.route("/class/", template="index.html")
class Classy(View):
    def get(self, request):
        return {"items": []}

    def post(self, request):
        return {"items": Item.objects.all()}, 201


@app.route("/list/")
class Items(ListView):
    model = Item
    template_name = "index.html"
    context_object_name = "items"
    paginate_by = PER_PAGE


@shop.get("/", template="index.html")
@shop.get("/all/", name="everything", template="index.html")
def front(request):
    return {"items": Item.objects.all(), "trace": request.trace}


@shop.post("/buy/<int:pk>/")
def buy(request, pk):
    if pk > 5:
        raise OutOfStock(pk)
    raise Unlucky("today")


@staff.get("/report/")
def report(request):
    return json.dumps([as_dict(each) for each in Item.objects.all()], default=str)


@staff.get("/secret/")
def secret(request):
    raise PermissionDenied


@plain.get("plain/")
def unstyled(request):
    return "plain"


@app.error(OutOfStock)
def out_of_stock(request, exception):
    return f"none of {exception}", 409


@shop.error(Unlucky)
def unlucky(request, exception):
    return {"error": str(exception)}


@shop.error(404)
def shop_missing(request, exception):
    return "<h1>The shop has no such page</h1>"


@app.error(404, template="missing.html")
def missing(request, exception):
    return {"path": request.path}


@app.error(403)
def forbidden(request, exception):
    return "forbidden"


@app.error(500)
def broken(request, exception):
    return f"broken: {type(exception) is not None}"


@app.get("/break/")
def crash(request):
    return str(1 / 0)


@app.get("/none/")
def nothing(request):
    pass


@app.library.filter
def euro(value):
    return f"{value} €"


@app.library.simple_tag
def per_page():
    return PER_PAGE


@app.context_processor
def site_name(request):
    return {"site": "Shop"}


@app.command
async def sell(name: str, *others: str, price: float = 2.5, dry_run: bool = False):
    """Sell something."""
    if not dry_run:
        await Item.objects.acreate(name=name, price=price)
    return f"{name} {others} {price}"


shop.include("/staff/", staff)
app.include("/shop/", shop)
app.include("/outlet/", shop, namespace="outlet")
app.include("", plain)

app.templates["index.html"] = """<h1>{{ site }} {% per_page %}</h1>
<link href="{% static 'site.css' %}">
{% for item in items %}<p>{{ item.name }} {{ item.price|euro }}</p>{% endfor %}{{ trace }}"""
app.templates["missing.html"] = "nothing at {{ path }}"

# The site ends here.
'''
ITEMS = """
for number in range(5):
    blog.Item.objects.create(name=f"Item {number}", price=number, picture="a.txt")
"""
ROUTED = [
    {"path": "/?closed"},
    {"path": "/shop/?closed"},
    {"path": "/shop/?robot"},
    {"path": "/shop/nowhere/?robot"},
    {"path": "/text/?robot"},
    {"path": "/outlet/buy/9/", "method": "POST"},
    {"path": "/outlet/staff/report/"},
    {"path": "/shop/staff/secret/"},
    {"path": "/echo/", "method": "POST", "data": {"text": "hi"}},
    {"path": "/echo/", "method": "POST", "data": {"text": ""}},
    {"path": "/echo/", "method": "PUT", "data": {"text": "hi"}},
    *({"path": f"/maybe/{kind}/"} for kind in ("text", "list", "dict", "status", "none")),
    {"path": "/anything/2/blue/x/"},
    {"path": "/anything/2/green/x/"},
    {"path": "/list/?page=3"},
    {"path": "/list/?page=9"},
    {"path": "/static/site.css"},
    {"path": "/robots.txt"},
]

ODD = '''
# A site of things that people rarely write.
from __future__ import annotations

import dataclasses, enum
import os.path
from functools import lru_cache, partial
from typing import Any, overload

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path, reverse_lazy
from django.utils.decorators import method_decorator
from django.views import generic
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers
from djng import Djng, Router
import helpers

WIDTH, HEIGHT = 3, 4
FIRST = SECOND = "first"
GREETING: str = "hello"
TITLES = {}
TITLES["a"] = "A"
if os.path.sep == "/":
    SEPARATOR = "/"
else:
    SEPARATOR = "\\\\"
app = Djng(apps=["taggit"], admin="control/", LOGIN_URL=reverse_lazy("front"), serve_media=True)

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from taggit.managers import TaggableManager


class Kind(models.TextChoices):
    SMALL = "s", "small"
    LARGE = "l", "large"


def check_even(value):
    if value % 2:
        raise ValidationError("odd")


class LiveQuerySet(models.QuerySet):
    def live(self):
        return self.filter(live=True)


class Base(models.Model):
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Boat(Base):
    name = models.CharField(max_length=20); length = models.IntegerField(validators=[check_even])
    kind = models.CharField(max_length=1, choices=Kind.choices, default=Kind.SMALL)
    live = models.BooleanField(default=True)
    owner = models.ForeignKey("auth.User", models.CASCADE, null=True)
    next = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    file = models.FileField(null=True)
    tags = TaggableManager(blank=True)
    objects = LiveQuerySet.as_manager()


class Flag(Base):
    owner = models.ForeignKey(User, models.CASCADE)


class BoatForm(forms.ModelForm):
    class Meta:
        model = Boat
        fields = ["name", "length"]


@dataclasses.dataclass
class Point:
    x: int = WIDTH
    y: int = HEIGHT


class Color(enum.Enum):
    RED = 1


@overload
def double(value: int) -> int: ...
@overload
def double(value: str) -> str: ...
def double(value):
    return value * 2


@lru_cache
def slow(number: int) -> int:
    return number


app.admin(Boat, list_display=["name", "upper"], upper=lambda self, boat: boat.name.upper())
admin.site.site_header = "Boats"


@admin.action(description="Hide")
def hide(modeladmin, request, queryset):
    queryset.update(live=False)


@app.admin(Flag, list_per_page=5)
class FlagAdmin(admin.ModelAdmin):
    actions = [hide]


@app.get("/")
@vary_on_headers("Cookie")
@never_cache
def front(request: HttpRequest):
    if request.GET.get("to"):
        return redirect("shape", "square")
    return render(request, "front.html", {"boats": Boat.objects.live(), "a": TITLES["a"]})


@app.get("/shapes/<slug:kind>/", name="shape")
def shape(request, kind):
    match kind:
        case "square":
            return f"<p>{double(2)}</p>" f"<p>{slow(2)}</p>"
        case "point":
            return dataclasses.asdict(Point())
        case "long":
            return (
                # Two lines.
                "<p>one</p>"
                "<p>two</p>"
            )
        case "joined":
            return ", ".join([FIRST, SECOND, GREETING, SEPARATOR])
        case "concat":
            return "<b>" + kind + "</b>", 202
        case "conditional":
            return {"a": 1} if request.GET else {"b": 2}
        case "context":
            context = {"x": 1}
            context["y"] = {*map(str, [1])} and 2
            return context
        case "values":
            return Boat.objects.live().values_list("name", flat=True).order_by("name")
        case "nested":
            def inner():
                return "not the view's"
            return [inner()]
        case "bytes":
            return b"bytes", {"Content-Type": "text/plain", "X-A": "1"}
        case "generator":
            return (str(each) for each in range(3))
        case "helper":
            return helpers.greet(kind)
        case "other":
            return other_view(request)
        case "markup":
            return """
    <pre>
  keep
    </pre>""", 200
    raise PermissionDenied(kind)


@app.get("/other/")
def other_view(request):
    return {"other": True}


@app.route("/wrapped/")
def wrapped(request):
    return [other_view(request), other_view(request)]


@app.post("/open/")
@csrf_exempt
def open_to_all(request):
    return {"posted": request.POST.get("a", "")}


@app.get("/<str:name>.txt")
@app.get("/files/<str:name>/", name="file")
def text_file(request, name):
    return HttpResponse(name, content_type="text/plain")


@app.get("/page/", template="front.html")
@app.get("/data/", name="data")
def page(request):
    return {"boats": [], "a": "page"}


@app.route("/boats/")
@method_decorator(never_cache, name="dispatch")
class Boats(LoginRequiredMixin, generic.CreateView):
    form_class = BoatForm
    template_name = "front.html"
    success_url = "/"


@app.get("/restricted/", name="restricted")
class Restricted(generic.View):
    def get(self, request):
        return {"a": 1}


class Greeter:
    def __init__(self, word):
        self.word = word

    def __call__(self, request):
        return f"{self.word} {request.method}"


def area(request, side):
    return str(side**2)


app.get("/greet/", name="greet")(Greeter("hi"))
app.get("/area/", name="area")(partial(area, side=WIDTH))
app.route("/lambda/", name="lambda")(lambda request: "lambda")
app.route("/redirect/", name="redirect")(generic.RedirectView.as_view(url="/"))


def plain_view(request, pk):
    return HttpResponse(f"{pk} {FIRST}")


extra = [path("plain/<int:pk>/", plain_view, name="plain")]
app.include("/extra/", extra)
app.include("/more/", (extra, "more"))
inner = Router(app_name="inner")


@inner.route("/")
def inner_index(request):
    return inner_helper()


deep = Router(decorators=[never_cache])


@deep.get("", name="section")
def section(request, section):
    return [section]


def inner_helper():
    return {"inner": GREETING}


app.include("/deep/<slug:section>/", deep)
app.include("/inner/", inner, namespace="other")


def count(value):
    return len(value)


def stamp(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-A"] = "1"
        return response
    return middleware


def denied(request, exception):
    return f"denied {exception}"


def rename(boat: str, name: str = "new", *, kinds: list[str] | None = None):
    print("renamed", boat, name, kinds)


app.library.filter("count", count)
app.middleware(stamp)
app.error(PermissionDenied)(denied)
app.command(rename)
app.templates.update({"front.html": "{{ a }} {{ boats|count }} {{ form }}"})
app.templates |= {}
'''
BOATS = """
blog.Boat.objects.create(name="One", length=2, file="a.txt").tags.add("red")
blog.Boat.objects.create(name="Two", length=4, live=False)
"""
SHAPES = "square point long joined concat conditional context values nested bytes generator helper"
SAILED = [
    *({"path": f"/shapes/{kind}/"} for kind in f"{SHAPES} other markup none".split()),
    {"path": "/?to=1"},
    {"path": "/media/a.txt"},
    {"path": "/control/blog/boat/"},
    {"path": "/control/auth/user/1/change/"},
    {"path": "/boats/", "method": "POST", "data": {"name": "New", "length": 3}},
    {"path": "/boats/", "method": "POST", "data": {"name": "New", "length": 4}},
]

ALBUM = '''"""An album: uploads by a form, by a program and in the admin."""
import csv
import io

from django import forms
from django.contrib import admin
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.validators import FileExtensionValidator
from django.db import models
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect
from djng import Djng

app = Djng(
    serve_media=True,
    data="data",
    FILE_UPLOAD_MAX_MEMORY_SIZE=1000,  # what is larger goes through a file
    DATA_UPLOAD_MAX_MEMORY_SIZE=20_000,
    DATA_UPLOAD_MAX_NUMBER_FILES=8,
)


NOTES = FileExtensionValidator(["txt", "gif"])


def place(photo, name):
    return f"albums/{photo.album_id}/{name}"


class Album(models.Model):
    title = models.CharField(max_length=50)
    cover = models.ImageField(upload_to="covers", blank=True, width_field="width")
    width = models.IntegerField(null=True, editable=False)
    made = models.DateField(null=True, blank=True)

    def __str__(self):
        return self.title


class Photo(models.Model):
    album = models.ForeignKey(Album, models.CASCADE, related_name="photos")
    picture = models.ImageField(upload_to=place)
    note = models.FileField(upload_to="notes", blank=True, validators=[NOTES])

    class Meta:
        ordering = ["pk"]


class PhotoForm(forms.ModelForm):
    class Meta:
        model = Photo
        fields = ["album", "picture", "note"]


class PhotoInline(admin.TabularInline):
    model = Photo
    extra = 1


@app.admin(Album)
class AlbumAdmin(admin.ModelAdmin):
    list_display = ["title", "cover", "made"]
    list_editable = ["made"]
    list_filter = ["made", "title"]
    search_fields = ["title"]
    date_hierarchy = "made"
    readonly_fields = ["width"]
    save_as = True
    inlines = [PhotoInline]


@admin.action(description="Clear the notes")
def clear_notes(modeladmin, request, queryset):
    modeladmin.message_user(request, f"{queryset.update(note='')} notes are cleared.")


app.admin(
    Photo,
    list_display=["picture", "album", "note"],
    autocomplete_fields=["album"],
    list_per_page=2,
    actions=[clear_notes],
)


@app.get("/", template="album.html")
def photos(request):
    return {"photos": Photo.objects.all(), "form": PhotoForm()}


@app.post("/", template="album.html")
def upload(request):
    form = PhotoForm(request.POST, request.FILES)
    if form.is_valid():
        form.save()
        return redirect("photos")
    return {"photos": Photo.objects.all(), "form": form}, 422


@app.route("/photos/<int:pk>/change/", methods=["GET", "POST"], template="album.html")
def change(request, pk):
    photo = get_object_or_404(Photo, pk=pk)
    form = PhotoForm(request.POST or None, request.FILES or None, instance=photo)
    if form.is_valid():
        form.save()
    return {"form": form, "photos": [photo]}


@app.get("/photos/<int:pk>/file/")
def download(request, pk):
    photo = get_object_or_404(Photo, pk=pk)
    if not photo.picture.storage.exists(photo.picture.name):
        raise Http404
    return FileResponse(photo.picture.open(), as_attachment="save" in request.GET)


@app.post("/raw/")
def raw(request):
    file = request.FILES["file"]
    name = default_storage.save(f"raw/{file.name}", file)
    return {"name": name, "size": file.size, "type": file.content_type, "kind": type(file).__name__}


@app.post("/many/")
def many(request):
    files = request.FILES.getlist("file")
    return [default_storage.save(f"many/{each.name}", each) for each in files]


@app.put("/body/<str:name>/")
def body(request, name):
    return default_storage.save(f"body/{name}", ContentFile(request.body)), 201


@app.post("/stream/")
def stream(request):
    return {"first": request.read(5).decode("latin-1"), "rest": len(request.read())}


@app.post("/prices/")
def prices(request):
    rows = [*csv.DictReader(io.TextIOWrapper(request.FILES["file"], "utf-8"))]
    return {"rows": rows, "total": sum(float(row["price"]) for row in rows)}


@app.error(UnicodeDecodeError)
def no_text(request, exception):
    return "This is no text.", 415


app.templates["album.html"] = """<form method="post" enctype="multipart/form-data">
{% csrf_token %}{{ form }}</form>
{% for photo in photos %}<img src="{{ photo.picture.url }}" width="{{ photo.picture.width }}">
{% if photo.note %}{{ photo.note.url }}{% endif %}{% endfor %}"""
'''
PHOTOS = f"""
from django.core.files.base import ContentFile
GIF = {GIF!r}.encode("latin-1")
for number in range(5):
    made = f"2026-01-0{{number + 1}}"
    album = blog.Album.objects.create(title=f"Album {{number}}", made=made)
    picture = ContentFile(GIF, f"{{number}}.gif")
    blog.Photo.objects.create(album=album, picture=picture, note=ContentFile("note", "note.txt"))
"""


def uploads(path, *files, **options):
    """Requests that upload each of the files to a path."""
    return [{"path": path, "method": "POST", "files": {"file": file}, **options} for file in files]


FILES = [
    ["a.txt", "text"],
    ["a.txt", "the same name"],
    ["../../up.txt", "up"],
    ["é ü.txt", "x"],
    ["", "no name"],
    [".hidden", "x"],
    ["n" * 150 + ".txt", "x"],
    ["empty.txt", ""],
    ["large.bin", "large" * 5000],
    ["page.html", "<script>"],
    ["a.txt.gz", "\x1f\x8b"],
]
PICTURE, NOTE = ["new.gif", GIF], ["n.txt", "note"]
UPLOADS = [
    *uploads("/raw/", *FILES),
    *uploads("/raw/", ["no.txt", "no token"], csrf=False),
    *uploads("/many/", FILES[0], kind="multipart/form-data; boundary=other"),
    *uploads(
        "/prices/", ["p.csv", "item,price\nboat,2\n"], ["p.csv", "price\nx\n"], ["x", "\xff\n1"]
    ),
    {"path": "/raw/", "method": "POST", "data": {"file": "no file"}},
    {"path": "/many/", "method": "POST", "files": {f"file{n}": FILES[0] for n in range(9)}},
    {"path": "/raw/", "method": "POST", "data": {"text": "x" * 30_000}, "files": {"file": NOTE}},
    {
        "path": "/stream/",
        "method": "POST",
        "data": "x" * 30_000,
        "kind": "image/gif",
        "csrf": False,
    },
    {"path": "/body/a.bin/", "method": "PUT", "data": GIF, "kind": "image/gif"},
    {"path": "/", "fill": "valid"},
    {"path": "/", "fill": "valid", "files": {"picture": PICTURE, "note": NOTE}},
    {"path": "/", "fill": "valid", "files": {"picture": NOTE, "note": PICTURE}},
    {"path": "/", "fill": "valid", "files": {"picture": ["empty.gif", ""]}},
    {"path": "/", "fill": "valid", "files": {"picture": ["cut.gif", GIF[:20]], "note": NOTE}},
    {"path": "/photos/3/change/", "fill": "valid", "files": {"picture": PICTURE}},
    {"path": "/photos/3/change/", "fill": "valid", "files": {}, "more": {"note-clear": "on"}},
    {"path": "/photos/3/file/"},
    {"path": "/photos/3/file/?save"},
    {"path": "/photos/3/file/", "method": "HEAD"},
    {"path": "/"},
    *(
        {"path": f"/media/{name}"}
        for name in ("raw/a.txt", "raw/page.html", "raw/a.txt.gz", "raw/up.txt")
    ),
    {"path": "/media/raw/large.bin", "headers": {"Range": "bytes=5-9"}},
    {"path": "/media/albums/3/2.gif", "again": True},
    {"path": "/admin/blog/photo/", "user": "dora"},
]

ASYNC = '''"""A site of async views."""
import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from django.db import models
from django.http import HttpRequest, JsonResponse
from djng import Djng

if TYPE_CHECKING:
    from django.http import HttpResponse

app = Djng()


@app.admin
class Note(models.Model):
    text = models.CharField(max_length=50)


@app.get("/", template="notes.html")
async def index(request: HttpRequest) -> dict[str, object]:
    return {"notes": [note async for note in Note.objects.all()], "count": Note.objects}


async def latest() -> dict[str, str]:
    await asyncio.sleep(0)
    note = await Note.objects.alast()
    return {"text": note.text if note else ""}


@app.get("/latest/")
async def last(request: HttpRequest) -> dict[str, str]:
    return await latest()


@app.post("/notes/")
async def add(request: HttpRequest) -> tuple[dict[str, int], int]:
    note = await Note.objects.acreate(text=request.POST["text"])
    return {"id": note.pk}, 201


@app.get("/notes/")
async def notes(request):
    return Note.objects.values("id", "text")


@app.get("/stream/")
async def stream(request: HttpRequest) -> AsyncIterator[str]:
    for number in range(3):
        yield f"{number} "


@app.get("/own/")
async def own(request: HttpRequest) -> "HttpResponse":
    return JsonResponse({"own": True})


@app.get("/sync/")
def sync(request: HttpRequest) -> list[int]:
    return [Note.objects.count()]


@app.error(404)
async def missing(request: HttpRequest, exception: Exception) -> str:
    return "nothing"


app.templates["notes.html"] = "{{ count.count }}{% for each in notes %}{{ each.text }} {% endfor %}"
'''
NOTES = 'blog.Note.objects.create(text="One")\n'
NOTED = [
    {"path": "/notes/", "method": "POST", "data": {"text": "Two"}},
    {"path": "/notes/", "method": "POST", "data": {"other": "Two"}},
    {"path": "/latest/"},
    {"path": "/notes/"},
]

HTMX = '''
from django import forms
from django.db import models
from djng import Djng

app = Djng(apps=["django_htmx"], middleware=["django_htmx.middleware.HtmxMiddleware"])


class Task(models.Model):
    title = models.CharField(max_length=50)
    done = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]


class TaskForm(forms.ModelForm):
    class Meta:
        model = Task
        fields = ["title"]


def context(form=None):
    return {"tasks": Task.objects.all(), "form": form or TaskForm()}


@app.get("/", template="tasks.html")
def index(request):
    if request.htmx:
        return context(), {"HX-Trigger": "shown"}
    return context()


@app.post("/", template="tasks.html#rows")
def add(request):
    form = TaskForm(request.POST)
    if not form.is_valid():
        return context(form), 422
    form.save()
    return context()


@app.post("/tasks/<int:pk>/done/", template="tasks.html#rows")
def done(request, pk):
    Task.objects.filter(pk=pk).update(done=True)
    return context()


app.templates["tasks.html"] = """<form method="post">{% csrf_token %}{{ form }}</form>
{% partialdef rows inline %}{% for task in tasks %}<li>{{ task.title }} {{ task.done }}</li>
{% endfor %}{% endpartialdef %}"""
'''
TASKS = [
    {"path": "/", "headers": {"HX-Request": "true"}},
    {"path": "/", "method": "POST", "data": {"title": "Write"}},
    {"path": "/", "method": "POST", "data": {"title": ""}},
    {"path": "/tasks/1/done/", "method": "POST"},
]

NINJA = """
from django.db import models
from djng import Djng

app = Djng()

from ninja import NinjaAPI, Router, Schema

api = NinjaAPI(title="Books")
authors = Router()


@app.admin(list_display=["title"])
class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.CharField(max_length=50, default="Ada")


class BookIn(Schema):
    title: str
    author: str = "Ada"


class BookOut(BookIn):
    id: int


def find(text: str):
    return Book.objects.filter(title__icontains=text)


@api.get("/books", response=list[BookOut])
def books(request, q: str = ""):
    return find(q)


@api.post("/books", response={201: BookOut})
def add_book(request, book: BookIn):
    return 201, Book.objects.create(**book.dict())


@authors.get("/{name}", response=list[BookOut])
def by_author(request, name: str):
    return Book.objects.filter(author=name)


api.add_router("/authors", authors)


@app.get("/")
def index(request):
    return f"{find('').count()} books"


app.include("/api/", api.urls)
"""
BOOK = '{"title": "Sails"}'
BOOKS = [
    *({"path": f"/api/{path}"} for path in ("books", "books?q=a", "docs", "authors/Ada", "no")),
    {"path": "/api/books", "method": "POST", "data": BOOK, "kind": "application/json"},
    {"path": "/api/books", "method": "POST", "data": "{}", "kind": "application/json"},
    {"path": "/api/openapi.json"},
]
MAIL = """
from django.db import models
from djng import Djng

app = Djng(users="email", data="data", TIME_ZONE="Europe/Berlin")


class Letter(models.Model):
    to = models.ForeignKey(User, models.CASCADE)


@app.get("/")
def index(request):
    return {"letters": Letter.objects.count(), "users": User.objects.count(), "in": app.data.name}


app.include("/accounts/", "djng.accounts.urls")
app.include("/accounts/", "djng.accounts.login_by_mail")
app.include("/accounts/", "djng.signup")
"""
EVE = {"email": "Eve@Example.com"}
LETTERS = [
    {"path": "/accounts/signup/", "method": "POST", "data": NEW_MEMBER},
    {"path": "/accounts/logout/", "method": "POST"},
    {"path": "/accounts/login/mail/", "method": "POST", "data": EVE},
    {"path": "/accounts/password_reset/", "method": "POST", "data": EVE},
    {"path": "/accounts/login/mail/MQ/wrong/"},
    {"path": "/accounts/login/mail/confirm/", "method": "POST"},
]
LETTERS = [{**each, "user": "eve"} for each in LETTERS]
SEVERAL = """
from django.db import models
from djng import Djng

app = Djng()


class Shelf(models.Model):
    name = models.CharField(max_length=20)


import shop
from parts.staff import router as staff

app.include("/shop/", shop.router)
app.include("/outlet/", shop.router, namespace="outlet")
app.include("/staff/", staff)


@app.get("/")
def index(request):
    return {"items": shop.Item.objects.count(), "shelves": Shelf.objects.count()}


@shop.errors.get("/")
def none(request):
    raise shop.SoldOut("none")


app.include("/errors/", shop.errors)
"""
SHOP_PART = '''"""The shop, a part of the site."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.db import models
from django.shortcuts import get_object_or_404
from django.utils.deprecation import MiddlewareMixin
from django.views.generic import DetailView
from djng import Router

from blog import Shelf, app

# How many are shown.
LIMIT = 3


class Item(models.Model):
    name = models.CharField(max_length=20)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True)
    text = models.FileField(blank=True)

    class Meta:
        app_label = "blog"


class SoldOut(Exception):
    pass


class Stamp(MiddlewareMixin):
    def process_response(self, request, response):
        response["X-A"] = "shop"
        return response


router = Router(app_name="shop", middleware=[Stamp])
members = Router(decorators=[login_required])
errors = Router()


@router.before_request
def closed(request):
    if "closed" in request.GET:
        return "closed", 503


@router.get("/")
def items(request):
    return Item.objects.values("name")[:LIMIT]


@router.post("/")
def add(request):
    item = Item.objects.create(name=request.POST["name"], shelf=Shelf.objects.first())
    return {"id": item.pk}, 201


@router.get("/<int:pk>/", template="item.html")
def item(request, pk):
    if pk > 5:
        raise SoldOut(pk)
    return {"item": get_object_or_404(Item, pk=pk)}


@router.get("/any/<str:kind>/")
def anything(request, kind):
    return {"list": [1], "text": "text"}.get(kind) or {"kind": kind}


@router.route("/view/<int:pk>/")
class ItemView(DetailView):
    model = Item
    template_name = "item.html"


@router.error(SoldOut)
def sold_out(request, exception):
    from blog import index

    return f"sold out: {exception} {len(index(request))}", 409


@members.get("/")
def mine(request):
    return f"yours, {request.user}"


@app.get("/about/")
def about(request):
    return "about"


app.admin(Item, list_display=["name", "shelf"], autocomplete_fields=["shelf"])


@admin.register(Shelf)
class ShelfAdmin(admin.ModelAdmin):
    search_fields = ["name"]


router.include("/members/", members)
'''
STAFF_PART = """
import blog
from django.contrib.auth.decorators import permission_required
from djng import Router

router = Router(app_name="staff", decorators=[permission_required("blog.view_shelf")])


@router.get("/")
def shelves(request):
    return [each.name for each in blog.Shelf.objects.all()]
"""
PARTS = {
    "shop.py": SHOP_PART,
    "parts/__init__.py": "",
    "parts/staff.py": STAFF_PART,
    "templates/item.html": "{{ item.name }} {{ item.shelf.name }} {{ trace }}",
    "test_shop.py": "from shop import Item\n\n\ndef test_items(client, db):\n"
    "    Item.objects.create(name='a')\n    assert len(client.get('/shop/').json()) == 1\n",
}
THINGS = """
shelf = blog.Shelf.objects.create(name="Top")
for number in range(6):
    blog.shop.Item.objects.create(name=f"Item {number}", shelf=shelf)
"""
BOUGHT = [
    {"path": "/shop/", "method": "POST", "data": {"name": "New"}},
    {"path": "/shop/9/"},
    {"path": "/outlet/9/"},
    {"path": "/shop/any/text/"},
    {"path": "/shop/?closed"},
    {"path": "/?closed"},
    {"path": "/staff/", "user": "dora"},
]
START = Template((ROOT / "djng/new/start.py-tpl").read_text()).substitute(name="blog.py")


ARTICLES = """
for number in range(7):
    post = blog.Post.objects.create(title=f"Post {number}", body="Text", picture="a.gif")
    post.comments.create(author="Ada", text="Hi")
"""


class Typist(Learner):
    """Types what the tutorial says, without a server or a browser."""

    def run(self, command, shown):
        pass

    def look(self, sentence):
        pass


def tutorial():
    """The files at the end of the tutorial, by their names."""
    with TemporaryDirectory() as folder:
        typist = Typist(Path(folder), page=None)
        for step in STEPS:
            typist.read(step)
        return {
            str(path.relative_to(folder)): path.read_text()
            for path in Path(folder).rglob("*.*")
            if path.suffix in (".py", ".html", ".css")
        }


FAILING = '''"""A site whose error views are for statuses and for classes."""
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.views.decorators.csrf import csrf_exempt
from djng import Djng, Router

app = Djng()


class Gone(Http404):
    pass


class Signed:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_template_response(self, request, response):
        response.context_data["signed"] = request.path
        return response


inner = Router(middleware=[Signed])
KINDS = {
    "none": Http404,
    "gone": Gone,
    "denied": PermissionDenied,
    "odd": SuspiciousOperation,
    "key": KeyError,
}


@app.get("/fail/<kind>/")
def fail(request, kind):
    raise KINDS.get(kind, ValueError)(kind)


@inner.get("/fail/<kind>/")
def fail_inside(request, kind):
    raise KINDS.get(kind, ValueError)(kind)


@app.get("/search/")
def search(request):
    query = request.GET
    return query["q"]


@inner.get("/search/")
def search_inside(request):
    return request.GET["q"]


@app.get("/page/", template="page.html")
def page(request):
    return {}


@inner.get("/page/", template="page.html")
def page_inside(request):
    return {}


@app.get("/both/")
def both(request):
    return "get"


@app.route("/both/")
@csrf_exempt
def both_else(request):
    return "else"


@app.before_request
def check(request):
    if "fail" in request.GET:
        raise KINDS["none"]("checked")


@app.error(404)
def missing(request, exception):
    return f"missing {request.path}"


@app.error(Exception)
def failed(request, exception):
    return f"failed: {isinstance(exception, KeyError)}"


@app.error(Gone)
def gone(request, exception):
    return "gone", 410


@inner.error(500)
def broken(request, exception):
    return "broken inside"


@inner.error(Exception)
def failed_inside(request, exception):
    return {"failed": request.path}


app.include("/inner/", inner)
app.templates["page.html"] = "{{ request.path }} {{ signed }}"
'''
FAILURES = "none gone denied odd key value"
FAILED = [
    *({"path": f"{place}/fail/{kind}/"} for place in ("", "/inner") for kind in FAILURES.split()),
    {"path": "/search/?fail"},
    {"path": "/inner/nowhere/?fail"},
]


class Example(NamedTuple):
    """A site, with code that fills its database and requests besides the usual ones."""

    source: str
    data: str = ""
    requests: Sequence[dict] = ()
    label: str = "blog"
    beside: dict[str, str] = {}  # noqa: RUF012


MEMBERS_SITE = example("docs/users.md", "members.User").replace(RUN.strip(), ACCOUNTS)
TUTORIAL = tutorial()
SITES = {
    "example": Example(Path(blog.__file__).read_text(), POSTS, COMMENTS),
    "new": Example(START, 'blog.Note.objects.create(text="One")\n'),
    "shop": Example(SHOP_SITE, requests=SHOP, label="shop"),
    "members": Example(MEMBERS_SITE + RUN, requests=MEMBERS, label="members"),
    "mail": Example(MAIL + RUN, requests=LETTERS),
    "routers": Example(ROUTERS + RUN, ITEMS, ROUTED),
    "failing": Example(FAILING + RUN, requests=FAILED),
    "odd": Example(ODD + RUN, BOATS, SAILED),
    "async": Example(ASYNC + RUN, NOTES, NOTED),
    "htmx": Example(HTMX + RUN, requests=TASKS),
    "album": Example(ALBUM + RUN, PHOTOS, UPLOADS),
    "ninja": Example(NINJA + RUN, requests=BOOKS),
    "several": Example(SEVERAL + RUN, THINGS, BOUGHT, beside=PARTS),
    "tested": Example(
        SITE + CASE + FUNCTION + RUN,
        beside={
            "test_more.py": CASE.replace("TestCase\n", "TestCase\n\nfrom blog import Post\n", 1)
        },
    ),
    "tutorial": Example(TUTORIAL["blog.py"], ARTICLES, beside=TUTORIAL),
    "counter": Example(example("docs/from-nanodjango.md", "CountLog"), label="counter"),
}
