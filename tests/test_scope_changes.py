"""Middleware that changes the request never leads around the middleware of what answers."""

import json

import pytest
from conftest import Site

SITE = """
from djng import Djng, Router

app = Djng(middleware=["blog.SiteWide"])

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt


def change(request, where):
    '''Change what the query says, if it says so for this place.'''
    if request.GET.get("in") == where:
        request.path_info = request.GET.get("path", request.path_info)
        request.method = request.GET.get("method", request.method)
        request.urlconf = request.GET.get("urlconf")


class Changing:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        change(request, f"{self.name} call")
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        change(request, f"{self.name} view")


class SiteWide(Changing):
    name = "site"


class OfRouter(Changing):
    name = "router"


class OfRoute(Changing):
    name = "route"


app.middleware(type("OfApp", (Changing,), {"name": "app"}))


def guard(get_response):
    return lambda request: HttpResponse("guarded", status=403)


@app.post("/item/", middleware=[OfRoute])
@csrf_exempt
def change_item(request):
    return "changed"


@app.delete("/item/", middleware=[guard])
@csrf_exempt
def delete_item(request):
    return "deleted"


@app.route("/public/")
@csrf_exempt
def public(request):
    return "public"


part, staff = Router(middleware=[OfRouter]), Router(middleware=[guard])


@part.route("/")
@csrf_exempt
def inside(request):
    return "inside"


@part.route("/other/")
@csrf_exempt
def other(request):
    return "other"


@staff.route("/")
@csrf_exempt
def secret(request):
    return "secret"


app.include("/part/", part)
app.include("/staff/", staff)
"""
OTHER = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("part/", lambda request: HttpResponse("another site"))]
"""
REFUSED = [500, "Server Error (500)"]
CASES = {
    # A middleware of the site may lead anywhere: the URL's own scopes follow.
    "/item/?in=site+call&method=DELETE": [403, "guarded"],
    "/item/?in=app+call&method=DELETE": [403, "guarded"],
    "/public/?in=site+call&path=/staff/": [403, "guarded"],
    "/public/?in=app+call&path=/staff/": [403, "guarded"],
    "/public/?in=app+call&path=/part/": [200, "inside"],
    # In process_view the URL is resolved, so the method alone changes, and too late.
    "/item/?in=site+view&method=DELETE": REFUSED,
    "/item/?in=app+view&method=DELETE": REFUSED,
    "/item/?in=route+view&method=DELETE": REFUSED,
    # A middleware of a router or of a route stays in its own scopes.
    "/item/?in=route+call&method=DELETE": REFUSED,
    "/item/?in=route+call&path=/staff/": REFUSED,
    "/part/?in=router+call&path=/staff/": REFUSED,
    "/part/?in=router+call&path=/public/": REFUSED,
    "/part/?in=router+call&urlconf=other": REFUSED,
    "/part/?in=router+call&path=/part/other/": [200, "other"],
    "/part/?in=router+view&method=PUT": [200, "inside"],
    # Nothing is changed.
    "/item/": [200, "changed"],
    "/part/": [200, "inside"],
    "/staff/": [403, "guarded"],
    "/public/": [200, "public"],
}
ASK = """
import asyncio, json, sys
from django.test import AsyncClient, Client

client = {client}(raise_request_exception=False)


def ask(path):
    if isinstance(client, AsyncClient):
        return asyncio.run(client.post(path))
    return client.post(path)


for path in json.loads({paths!r}):
    page = ask(path)
    text = "Server Error (500)" if page.status_code == 500 else page.content.decode()
    print(json.dumps([page.status_code, text]))
"""


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site")).write(SITE).put("other.py", OTHER)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_a_changed_request_meets_the_middleware_of_its_view(changing, client):
    shown = changing.shell(ASK.format(client=client, paths=json.dumps([*CASES])))
    answers = [json.loads(line) for line in shown.splitlines()]
    for (path, expected), answer in zip(CASES.items(), answers, strict=True):
        assert answer == expected, path


def test_a_refused_request_is_explained_in_the_log(changing):
    with changing.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/part/?in=router+call&path=/staff/", "POST").status == 500
        log = server.says("a request reached secret() without the middleware of its URL.")
    assert "Do this in a middleware of the whole site" in log
