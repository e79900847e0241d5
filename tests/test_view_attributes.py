"""Middleware reads attributes of views, such as csrf_exempt: what it reads is what the user set."""

import json

import pytest

SITE = """
from djng import Djng, Router

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
WAY = "{way}"
app = Djng(
    middleware=[LOGIN, "blog.Audit"] if WAY == "MIDDLEWARE" else [],
    MIDDLEWARE=lambda names: [name for name in names if WAY == "MIDDLEWARE" or name != CSRF],
)

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

audited = []


class Audit:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if getattr(view, "audit", False):
            audited.append(request.path)


def audit(view):
    view.audit = True
    return view


def plain(view):
    return view


part = Router(middleware=[CSRF, LOGIN, Audit] if WAY == "Router" else [])
options = dict(middleware=[CSRF, LOGIN, "blog.Audit"]) if WAY == "route" else dict()
if WAY == "app.middleware":
    for kind in (CsrfViewMiddleware, LoginRequiredMiddleware, Audit):
        app.middleware(kind)


def kinds():
    '''The ways to route a view, each a function that takes the path and a decorator.'''

    def function(path, decorate):
        @part.route(path, name=path, **options)
        @decorate
        def view(request):
            return "reached"

    def methods(path, decorate):
        @part.route(path, name=path, methods=["GET", "POST"], **options)
        @decorate
        def view(request):
            return "reached"

    def get_and_post(path, decorate):
        @part.get(path, name=path, **options)
        @decorate
        def get(request):
            return "reached"

        @part.post(path, name=path, **options)
        @decorate
        def post(request):
            return "reached"

    def get_and_async_post(path, decorate):
        @part.get(path, name=path, **options)
        @decorate
        def get(request):
            return "reached"

        @part.post(path, name=path, **options)
        @decorate
        async def post(request):
            return "reached"

    def asynchronous(path, decorate):
        @part.route(path, name=path, **options)
        @decorate
        async def view(request):
            return "reached"

    def class_based(path, decorate):
        @part.route(path, name=path, **options)
        @method_decorator(decorate, name="dispatch")
        class Page(View):
            def get(self, request):
                return HttpResponse("reached")

            post = get

    def instance(path, decorate):
        class Page:
            def __call__(self, request):
                return "reached"

        part.route(path, name=path, **options)(decorate(Page()))

    def included(prefix, decorate):
        def view(request):
            return HttpResponse("reached")

        if WAY == "route":  # a route's middleware is that of a route
            return function(prefix, decorate)
        part.include(prefix, [path("", decorate(view))])

    yield from [function, methods, get_and_post, get_and_async_post]
    yield from [asynchronous, class_based, instance, included]


MARKS = dict(
    none=plain,
    csrf_exempt=csrf_exempt,
    login_not_required=login_not_required,
    audit=audit,
    both=lambda view: csrf_exempt(login_not_required(view)),
)
for kind in kinds():
    for name, decorate in MARKS.items():
        kind(f"/{{kind.__name__}}/{{name}}/", decorate)
app.include("/part/", part)
"""
ASK = """
import json
from django.test import Client

client = Client(enforce_csrf_checks=True)
found = {}
for kind in blog.kinds():
    for mark in blog.MARKS:
        path = f"/part/{kind.__name__}/{mark}/"
        statuses = [client.get(path).status_code, client.post(path).status_code]
        found[f"{kind.__name__} {mark}"] = [*statuses, path in blog.audited]
print(json.dumps(found))
"""
# GET, POST without a token, and whether a middleware of one's own has read its attribute. Django
# asks for the token before it asks who is signed in.
EXPECTED = {
    "none": [302, 403, False],
    "csrf_exempt": [302, 302, False],
    "login_not_required": [200, 403, False],
    "audit": [302, 403, False],
    "both": [200, 200, False],
}


@pytest.mark.parametrize("way", ["MIDDLEWARE", "Router", "route", "app.middleware"])
def test_middleware_reads_what_the_user_has_set(site, way):
    found = json.loads(site.write(SITE.format(way=way)).shell(ASK))
    assert len(found) == 8 * len(EXPECTED)
    for case, seen in found.items():
        assert seen == EXPECTED[case.split()[1]], f"{way}: {case}"


def test_a_middleware_of_ones_own_reads_its_attribute(site):
    source = SITE.format(way="Router").replace("[CSRF, LOGIN, Audit]", "[Audit]")
    found = json.loads(site.write(source).shell(ASK))
    assert all(seen[:2] == [200, 200] for seen in found.values())
    assert {case for case, seen in found.items() if seen[2]} == {
        case for case in found if case.endswith(" audit")
    }


DIFFERENT = """
from django.contrib.auth.decorators import login_not_required, login_required
from django.db.transaction import non_atomic_requests
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt


def audit(view):
    view.audit = True
    return view


def plain(view):
    return view


@app.{first}("/things/")
@{one}
def first(request):
    return "first"


@app.{second}("/things/")
@{other}
def second(request):
    return "second"
"""
REFUSED = [
    ("get", "login_not_required", "post", "plain", "@login_not_required"),
    ("get", "plain", "post", "login_not_required", "@login_not_required"),
    ("get", "audit", "post", "plain", "the attribute audit"),
    ("get", "plain", "post", "non_atomic_requests", "@transaction.non_atomic_requests"),
    ("get", "no_append_slash", "post", "plain", "@no_append_slash"),
    ("put", "csrf_exempt", "post", "plain", "@csrf_exempt"),
    ("post", "csrf_exempt", "route", "plain", "@csrf_exempt"),
    ("get", "plain", "post", 'login_required(login_url="/in/")', "the login_url of"),
]
ACCEPTED = [
    ("get", "plain", "post", "csrf_exempt"),
    ("get", "csrf_exempt", "post", "plain"),
    ("get", "plain", "post", "login_required"),
    ("get", "audit", "post", "audit"),
]


@pytest.mark.parametrize(("first", "one", "second", "other", "what"), REFUSED)
def test_functions_of_one_url_must_agree(site, first, one, second, other, what):
    source = DIFFERENT.format(first=first, one=one, second=second, other=other)
    done = site.write(source).run("check")
    message, hint = done.stderr.splitlines()
    assert message.startswith('blog.py:27: first() and second() answer the same URL, "/things/"')
    assert f"differ in {what}" in message
    assert hint == "  Decorate both alike, or give one its own URL. The other is at blog.py:21."


@pytest.mark.parametrize(("first", "one", "second", "other"), ACCEPTED)
def test_functions_of_one_url_that_agree_are_accepted(site, first, one, second, other):
    source = DIFFERENT.format(first=first, one=one, second=second, other=other)
    site.write(source).succeed("check")
