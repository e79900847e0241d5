"""What a view may return, and the response that it becomes, under WSGI and under ASGI."""

import json

import pytest

KITCHEN = """
import datetime, decimal, functools
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.safestring import mark_safe
from django.views import View


class Dish(models.Model):
    name = models.CharField(max_length=50)
    secret = models.CharField(max_length=50, default="hush")


app.templates["dish.html"] = "<p>{{ name }}</p>"

async def count(): ...
forgotten = count()

RETURNED = {
    "response": lambda: HttpResponse("as it is", status=418),
    "str": lambda: "<b>text</b>",
    "safe": lambda: mark_safe("<b>safe</b>"),
    "bytes": lambda: b"bytes",
    "dict": lambda: {"day": datetime.date(2026, 1, 2), "price": decimal.Decimal("1.50")},
    "list": lambda: [1, "two"],
    "values": lambda: Dish.objects.values("name"),
    "status": lambda: ("made", 201),
    "headers": lambda: ("plain", {"Content-Type": "text/plain", "X-Made": "yes"}),
    "both": lambda: ({"a": 1}, 202, {"X-Made": "yes"}),
    "pairs": lambda: ("plain", [("X-Made", "yes")]),
    "response_and_status": lambda: (HttpResponse("x"), 203),
    "nothing": lambda: (None, 204),
    "nothing_of_django": lambda: HttpResponse(status=204),
    "unchanged_of_django": lambda: HttpResponseNotModified(),
    "unchanged": lambda: (None, 304, {"ETag": '"1"'}),
    "iterator": lambda: iter(["a", "b"]),
    "none": lambda: None,
    "none_and_200": lambda: (None, 200),
    "model": lambda: Dish(name="soup"),
    "queryset": lambda: Dish.objects.all(),
    "int": lambda: 42,
    "set": lambda: {1, 2},
    "object": lambda: object(),
    "class": lambda: HttpResponse,
    "nested": lambda: {"dish": Dish(name="soup")},
    "request": lambda: {"q": HttpRequest()},
    "nested_queryset": lambda: {"dishes": Dish.objects.values("name")},
    "nested_coroutine": lambda: {"count": forgotten},
    "tuple": lambda: ("a", "b", "c", "d"),
    "bad_status": lambda: ("a", 999),
    "full_204": lambda: ("text", 204),
    "twice": lambda: ("text", [("X-Made", "yes"), ("X-Made", "no")]),
}


@app.route("/sync/<str:kind>/")
def sync_view(request, kind):
    return RETURNED[kind]()


@app.route("/async/<str:kind>/")
async def async_view(request, kind):
    return RETURNED[kind]()


@app.route("/page/", template="dish.html")
def page(request):
    return {"name": "<soup>"}


@app.route("/page/async/", template="dish.html")
async def async_page(request):
    return {"name": "stew"}, 201


@app.route("/page/list/", template="dish.html")
def page_of_list(request):
    return ["soup"]


@app.route("/streamed/")
def streamed(request):
    yield "one "
    yield "two"


@app.route("/streamed/async/")
async def async_streamed(request):
    yield "one "
    yield "two"


@app.route("/awaited/")
def awaited(request):
    return async_view(request, "str")


@app.route("/class/<str:kind>/")
class ClassView(View):
    def get(self, request, kind):
        return RETURNED[kind]()


@app.route("/class/async/<str:kind>/")
class AsyncClassView(View):
    async def get(self, request, kind):
        return RETURNED[kind]()


app.route("/partial/")(functools.partial(sync_view, kind="str"))


class Instance:
    def __call__(self, request):
        return "from an instance"


class AsyncInstance:
    async def __call__(self, request):
        return "from an async instance"


app.route("/instance/")(Instance())
app.route("/instance/async/")(AsyncInstance())
"""

SERVERS = {
    "wsgi": ("blog.py", "runserver", "--noreload", "PORT"),
    "asgi": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
}


@pytest.fixture(scope="module")
def kitchen(module_site):
    module_site.write(KITCHEN).shell("""
        from importlib import invalidate_caches
        from django.core.management import call_command

        call_command("makemigrations", verbosity=0)
        invalidate_caches()
        call_command("migrate", verbosity=0)
        blog.Dish.objects.create(name="soup")
    """)
    return module_site


@pytest.fixture(scope="module", params=SERVERS)
def get(kitchen, request):
    with kitchen.serve(*SERVERS[request.param], DJANGO_DEBUG="1") as server:
        yield server.request


ways = pytest.mark.parametrize("way", ["sync", "async", "class", "class/async"])


@ways
@pytest.mark.parametrize(
    ("kind", "status", "content_type", "text"),
    [
        ("response", 418, "text/html; charset=utf-8", "as it is"),
        ("str", 200, "text/html; charset=utf-8", "<b>text</b>"),
        ("safe", 200, "text/html; charset=utf-8", "<b>safe</b>"),
        ("bytes", 200, "text/html; charset=utf-8", "bytes"),
        ("dict", 200, "application/json", '{"day": "2026-01-02", "price": "1.50"}'),
        ("list", 200, "application/json", '[1, "two"]'),
        ("values", 200, "application/json", '[{"name": "soup"}]'),
        ("status", 201, "text/html; charset=utf-8", "made"),
        ("headers", 200, "text/plain", "plain"),
        ("both", 202, "application/json", '{"a": 1}'),
        ("response_and_status", 203, "text/html; charset=utf-8", "x"),
        ("nothing", 204, None, ""),
        ("unchanged", 304, None, ""),
        ("iterator", 200, "text/html; charset=utf-8", "ab"),
    ],
)
def test_what_a_view_returns_becomes_a_response(get, way, kind, status, content_type, text):
    response = get(f"/{way}/{kind}/")
    assert (response.status, response.headers["Content-Type"]) == (status, content_type)
    assert response.text == text


@pytest.mark.parametrize("client", ["Client().get(path)", "asyncio.run(AsyncClient().get(path))"])
def test_a_response_without_a_body_has_no_content_type_in_tests_either(kitchen, client):
    kinds = ["nothing", "nothing_of_django", "unchanged", "unchanged_of_django"]
    shown = kitchen.shell(f"""
        import asyncio
        from django.test import AsyncClient, Client

        for kind in {kinds}:
            for way in ["sync", "async", "class", "class/async"]:
                path = f"/{{way}}/{{kind}}/"
                print({client}.headers.get("Content-Type"))
    """)
    assert shown.split() == ["None"] * 16


@pytest.mark.parametrize("kind", ["headers", "both", "pairs"])
def test_the_headers_of_a_tuple_are_sent(get, kind):
    assert get(f"/sync/{kind}/").headers["X-Made"] == "yes"


@ways
@pytest.mark.parametrize(
    ("kind", "problem", "hint"),
    [
        ("none", "returned None", "Did you forget `return`?"),
        ("none_and_200", "returned None", "Did you forget `return`?"),
        ("model", "returned a value of type Dish", "the fields that visitors may see"),
        ("queryset", "returned a value of type QuerySet", "values("),
        ("int", "returned a value of type int", "str(...)"),
        ("set", "returned a value of type set", "sorted(...)"),
        ("object", "returned a value of type object", "a Django response"),
        ("class", "returned a value of type type", "not the class"),
        ("nested", "returned something that is not JSON", "plain values"),
        ("request", "returned something that is not JSON", "The first parameter of "),
        ("nested_queryset", "QuerySet is not JSON", "list(...)"),
        ("nested_coroutine", "coroutine is not JSON", "`await` it"),
        ("tuple", "returned the tuple (str, str, str, str).", "(body, status)"),
        ("bad_status", "returned the tuple (str, 999).", "from 200 to 599"),
        ("twice", "returned the tuple (str, list).", "the headers are a dict"),
        ("full_204", "returned a body with status 204", "return None"),
    ],
)
def test_an_error_names_the_view_and_what_to_return_instead(get, way, kind, problem, hint):
    response = get(f"/{way}/{kind}/", Accept="text/plain")
    assert response.status == 500
    message = response.text
    assert message.startswith("blog.py:")
    assert len(message.splitlines()) <= 3
    assert problem in message
    assert hint in message
    assert "hush" not in message


def test_the_template_shows_a_dict(get):
    response = get("/page/")
    assert (response.status, response.text) == (200, "<p>&lt;soup&gt;</p>")


def test_the_template_shows_a_dict_with_a_status(get):
    response = get("/page/async/")
    assert (response.status, response.text) == (201, "<p>stew</p>")


def test_a_template_cannot_show_a_list(get):
    assert "The template dish.html takes a dict" in get("/page/list/", Accept="text/plain").text


@pytest.mark.parametrize("path", ["/streamed/", "/streamed/async/"])
def test_a_generator_is_streamed(get, path):
    response = get(path)
    assert (response.status, response.text) == (200, "one two")
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/partial/", "<b>text</b>"),
        ("/instance/", "from an instance"),
        ("/instance/async/", "from an async instance"),
    ],
)
def test_everything_that_can_be_called_with_a_request_can_be_routed(get, path, text):
    assert get(path).text == text


def test_a_coroutine_that_was_not_awaited_is_an_error(get):
    response = get("/awaited/", Accept="text/plain")
    assert response.status == 500
    assert "`await` it in an `async def`" in response.text


def test_a_dict_becomes_json(get):
    assert json.loads(get("/sync/dict/").text)["price"] == "1.50"
