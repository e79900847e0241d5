"""`decorators=` of a router or an include applies view decorators to every view below it."""

import pytest

SITE = """
from functools import wraps
from djng import Djng, Router

app = Djng()

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.urls import include, path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

api = NinjaAPI()


@api.get("/hello")
def hello(request):
    return {"hello": "ninja"}


def adding(name):
    '''A decorator that is not async, and works on responses.'''
    def decorator(view):
        @wraps(view)
        def wrapper(request, *args, **kwargs):
            response = view(request, *args, **kwargs)
            assert isinstance(response, HttpResponseBase)
            response.headers["Order"] = response.headers.get("Order", "") + name
            return response
        return wrapper
    return decorator


def without_wraps(view):
    return lambda request, *args, **kwargs: view(request, *args, **kwargs)


inner = Router(decorators=[adding("a"), adding("b")])
outer = Router(decorators=[adding("d")])
hidden = Router(decorators=[without_wraps], middleware=["blog.Seen"])


class Seen:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers["Seen"] = "yes"
        return response


@inner.get("/text/")
def text(request):
    return "text"


@inner.get("/async/")
async def asynchronous(request):
    return "async"


@inner.get("/both/")
def both_get(request):
    return "got"


@inner.post("/both/")
async def both_post(request):
    return "posted"


@inner.get("/template/", template="page.html")
def template(request):
    return {"name": "page"}


@hidden.get("/", name="hidden")
def hidden_view(request):
    return "hidden"


def theirs(request):
    return HttpResponse("theirs")


app.templates["page.html"] = "a {{ name }}"
shared = [path("theirs/", theirs, name="theirs")]
outer.include("/inner/", inner, decorators=[adding("c")])
outer.include("/theirs/", shared)
app.include("/outer/", outer, decorators=[adding("e")])
app.include("/open/", shared, namespace="open")
app.include("/api/", api.urls, decorators=[login_required, never_cache])
app.include("/accounts/", "django.contrib.auth.urls", decorators=[adding("f")])
app.include("/deep/", [path("er/", include(shared))], decorators=[adding("g")])
app.include("/exempt/", inner, namespace="exempt", decorators=[csrf_exempt])
app.include("/hidden/", hidden)
"""
ASK = """
import asyncio, json, sys
from django.test import AsyncClient, Client
from django.urls import reverse

client = {client}(enforce_csrf_checks=True)


def ask(path, method="get"):
    page = getattr(client, method)(path)
    page = asyncio.run(page) if isinstance(client, AsyncClient) else page
    where = page.headers.get("Location", "")
    text = page.content.decode() if len(page.content) < 50 else ""
    return page.status_code, where or text, page.headers.get("Order"), page.headers.get("Seen")


assert ask("/outer/inner/text/") == (200, "text", "abcde", None)
assert ask("/outer/inner/async/") == (200, "async", "abcde", None)
assert ask("/outer/inner/both/") == (200, "got", "abcde", None)
assert ask("/outer/inner/template/") == (200, "a page", "abcde", None)
assert ask("/outer/theirs/theirs/") == (200, "theirs", "de", None)
assert ask("/open/theirs/") == (200, "theirs", None, None)
assert ask("/api/hello") == (302, "/accounts/login/?next=/api/hello", None, None)
assert ask("/accounts/login/")[::2] == (200, "f")
assert ask("/deep/er/theirs/") == (200, "theirs", "g", None)
assert ask("/outer/inner/both/", "post")[0] == 403
assert ask("/exempt/both/", "post")[:2] == (200, "posted")
assert ask("/hidden/") == (200, "hidden", None, "yes")
assert reverse("theirs") == "/deep/er/theirs/"
print("asked")
"""


@pytest.fixture(scope="module")
def decorated(tmp_path_factory):
    from conftest import Site

    return Site(tmp_path_factory.mktemp("site")).write(SITE)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_decorators_wrap_every_view_below(decorated, client):
    assert decorated.shell(ASK.format(client=client)) == "asked"


REFUSED = {
    "Router(decorators=login)": "decorators=login is not a list.\n  Write [login].",
    "app.include('/x/', Router(), decorators=login)": "decorators=login is not a list.",
    "app.include('/x/', [path('', print)], decorators=[nothing])": (
        "the decorator nothing() returned no view.\n  Did you forget `return`?"
    ),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_wrong_decorator_is_an_error(site, code):
    site.write(f"""
        from djng import Djng, Router
        from django.urls import path

        app = Djng()

        def login(view): return view
        def nothing(view): ...
        {code}
    """)
    done = site.run("check")
    assert f"blog.py:9: {REFUSED[code]}" in done.stderr
    assert "Traceback" not in done.stderr
