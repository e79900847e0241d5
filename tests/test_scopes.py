"""Middleware, error views and hooks hold for the part of the site that they stand on."""

import pytest
from conftest import Site

MIDDLEWARE = """
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.utils.decorators import sync_and_async_middleware


def trail(name):
    def middleware(get_response):
        def call(request):
            request.trail = [*getattr(request, "trail", []), name]
            response = get_response(request)
            response.headers["Trail"] = response.headers.get("Trail", "") + name
            return response
        return call
    return middleware


@sync_and_async_middleware
def both(get_response):
    async def async_call(request):
        response = await get_response(request)
        response.headers["Called"] = "async"
        return response

    def call(request):
        response = get_response(request)
        response.headers["Called"] = "sync"
        return response

    return async_call if iscoroutinefunction(get_response) else call


class WithHooks:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if "stop" in request.GET:
            return HttpResponse(f"{view.__name__} {kwargs}")

    def process_template_response(self, request, response):
        response.context_data["name"] = "hooked"
        return response

    def process_exception(self, request, exception):
        if isinstance(exception, ValueError):
            return HttpResponse("a value", status=418)


class Unused:
    def __init__(self, get_response):
        raise MiddlewareNotUsed
"""
SITE = """
from djng import Djng, Router

app = Djng()

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse
from django.urls import path
from middleware import Unused, WithHooks, trail

signalled = []
got_request_exception.connect(lambda request, **kw: signalled.append(request.path), weak=False)
app.templates["name.html"] = "name {{ name }}"

shop = Router(middleware=[trail("a"), "middleware.both", Unused])
inner = Router(middleware=[trail("b"), WithHooks])


class SoldOut(Exception):
    pass


class VerySoldOut(SoldOut):
    pass


@app.route("/")
@shop.get("/")
@inner.get("/<int:pk>/")
@shop.post("/one/", name="other")
def show(request, pk=None):
    return getattr(request, "trail", [])


@shop.get("/one/", middleware=[trail("c")])
async def one(request):
    return request.trail


@inner.get("/name/", template="name.html")
def name(request):
    return {"name": "plain"}


@app.get("/raise/<str:name>/", name="a")
@shop.get("/raise/<str:name>/", name="b")
@inner.get("/raise/<str:name>/", name="c")
def fail(request, name):
    kinds = [SoldOut, VerySoldOut, Http404, PermissionDenied, ValueError, RuntimeError]
    raise {kind.__name__: kind for kind in kinds}[name](f"the {name}")


@app.get("/signalled/")
def seen(request):
    return signalled


@app.error(404)
def missing(request, exception):
    return "not on the site"


@app.error(SoldOut)
def sold_out(request, exception):
    return f"site: {exception}"


@shop.error(404)
def shop_missing(request, exception):
    return "not in the shop"


@shop.error(SoldOut)
async def shop_sold_out(request, exception):
    return f"shop: {exception}", 409


@shop.error(VerySoldOut)
def very_sold_out(request, exception):
    return {"shop": str(exception)}


@shop.error(500)
def crashed(request, exception):
    return f"broken: {exception}"


@inner.error(PermissionDenied)
def denied(request, exception):
    return "not for you"


shop.include("/urls/", [path("x/", lambda request: HttpResponse(str(request.trail)))])
shop.include("/inner/", inner)
app.include("/shop/", shop)
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
}


@pytest.fixture(scope="module")
def scoped_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).put("middleware.py", MIDDLEWARE)
    return site.write(SITE)


@pytest.fixture(scope="module", params=SERVERS)
def server(request, scoped_site):
    with scoped_site.serve(*SERVERS[request.param]) as running:
        running.name = request.param
        yield running


@pytest.mark.parametrize(
    ("path", "text", "trail"),
    [
        ("/", "[]", None),
        ("/shop/", '["a"]', "a"),
        ("/shop/inner/7/", '["a", "b"]', "ba"),
        ("/shop/urls/x/", "['a']", "a"),
        ("/shop/one/", '["a", "c"]', "ca"),
        ("/shop/nowhere/", "not in the shop", "a"),
        ("/nowhere/", "not on the site", None),
    ],
)
def test_middleware_is_that_of_the_part_and_of_those_around_it(server, path, text, trail):
    page = server.request(path)
    assert (page.text, page.headers["Trail"]) == (text, trail)


def test_middleware_of_a_route_is_that_of_its_method_alone(server):
    assert server.request("/shop/one/", "HEAD").headers["Trail"] == "ca"
    assert server.request("/shop/one/", "PUT").headers["Trail"] == "a"


def test_middleware_that_may_be_async_is_so_under_asgi(server):
    kinds = {"gunicorn": "sync", "uvicorn": "async"}
    assert server.request("/shop/").headers["Called"] == kinds[server.name]


def test_every_hook_of_middleware_is_called(server):
    assert server.request("/shop/inner/7/?stop").text == "show {'pk': 7}"
    assert server.request("/shop/inner/name/").text == "name hooked"
    assert server.request("/shop/inner/raise/ValueError/").status == 418
    assert server.request("/shop/raise/ValueError/").status == 500


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/raise/SoldOut/", 500, "site: the SoldOut"),
        ("/raise/VerySoldOut/", 500, "site: the VerySoldOut"),
        ("/raise/Http404/", 404, "not on the site"),
        ("/shop/raise/SoldOut/", 409, "shop: the SoldOut"),
        ("/shop/raise/VerySoldOut/", 500, '{"shop": "the VerySoldOut"}'),
        ("/shop/raise/Http404/", 404, "not in the shop"),
        ("/shop/raise/RuntimeError/", 500, "broken: the RuntimeError"),
        ("/shop/inner/raise/SoldOut/", 409, "shop: the SoldOut"),
        ("/shop/inner/raise/PermissionDenied/", 403, "not for you"),
        ("/shop/inner/raise/Http404/", 404, "not in the shop"),
    ],
)
def test_an_error_is_answered_by_the_nearest_view(server, path, status, text):
    page = server.request(path)
    assert (page.status, page.text) == (status, text)


def test_an_error_that_is_answered_is_signalled_and_logged_all_the_same(scoped_site):
    with scoped_site.serve(*SERVERS["gunicorn"]) as server:
        server.request("/raise/SoldOut/")
        server.request("/shop/raise/RuntimeError/")
        server.request("/shop/raise/Http404/")
        signalled = server.request("/signalled/").text
    assert signalled == '["/raise/SoldOut/", "/shop/raise/RuntimeError/"]'
    assert server.log().count("SoldOut: the SoldOut") == 1
    assert server.log().count("RuntimeError: the RuntimeError") == 1


def test_exceptions_of_your_own_are_answered_while_developing_too(scoped_site):
    with scoped_site.serve() as server:
        assert server.request("/shop/raise/SoldOut/").text == "shop: the SoldOut"
        assert "Using the URLconf" in server.request("/shop/nowhere/", Accept="text/html").text


def test_a_transaction_ends_and_process_exception_is_asked_before_the_error_view(site):
    site.write("""
        from django.db import models
        from djng import Djng, Router

        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3"}
        app = Djng(
            middleware=["blog.Asked"],
            DATABASES={"default": {**database, "ATOMIC_REQUESTS": True}},
        )
        part = Router()


        class Row(models.Model):
            pass


        class Asked:
            def __init__(self, get_response):
                self.get_response = get_response

            def __call__(self, request):
                return self.get_response(request)

            def process_exception(self, request, exception):
                request.asked = str(exception)


        @part.get("/add/")
        def add(request):
            Row.objects.create()
            raise LookupError("after it")


        @part.error(LookupError)
        def lost(request, exception):
            return {"rows": Row.objects.count(), "asked": request.asked}


        app.include("/part/", part)
    """)
    site.succeed("makemigrations", "-v0")
    site.succeed("migrate", "-v0")
    with site.serve(*SERVERS["gunicorn"]) as server:
        page = server.request("/part/add/")
    assert (page.status, page.text) == (500, '{"rows": 0, "asked": "after it"}')


HOOKS = """
from djng import Djng, Router

app = Djng()
part = Router()


@app.middleware
def outer(get_response):
    def call(request):
        request.order = ["middleware"]
        return get_response(request)
    return call


@app.before_request
def first(request):
    request.order.append("first")


@app.before_request
async def second(request):
    request.order.append("second")
    if "closed" in request.GET:
        return {"closed": True}, 503


@part.before_request
def third(request):
    request.order.append("third")


@part.after_request
def fourth(request, response):
    response.headers["Order"] = "part"
    return response


@app.after_request
def last(request, response):
    response.headers["Order"] = f"{response.headers.get('Order')} last"
    return response


@app.after_request
async def before_last(request, response):
    response.headers["Order"] = f"{response.headers.get('Order')} before-last"
    return response


@app.route("/")
@part.route("/", name="part")
def index(request):
    return request.order


app.include("/part/", part)
"""


@pytest.mark.parametrize("name", SERVERS)
def test_hooks_are_called_in_the_order_of_flask(site, name):
    with site.write(HOOKS).serve(*SERVERS[name]) as server:
        page = server.request("/part/")
        assert page.text == '["middleware", "first", "second", "third"]'
        assert page.headers["Order"] == "part before-last last"
        assert server.request("/").headers["Order"] == "None before-last last"
        assert server.request("/nowhere/").headers["Order"] == "None before-last last"
        page = server.request("/?closed")
        assert (page.status, page.text) == (503, '{"closed": true}')
        assert page.headers["Order"] == "None before-last last"


REFUSED = {
    "a hook without arguments": (
        "@app.before_request\ndef check(): ...",
        "blog.py:5: check() does not take the arguments that it gets.\n  Write `def check(request)`.",
    ),
    "a hook without a response": (
        "@app.after_request\ndef check(request): ...",
        "Write `def check(request, response)`.",
    ),
    "a status of no error": (
        "@app.error(418)\ndef teapot(request, exception): ...",
        "Write @app.error(404), or 400, 403 or 500, or a class of exceptions.",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_with_its_line(site, mistake):
    source, message = REFUSED[mistake]
    done = site.write(source).run("check")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hook_that_forgets_to_return_the_response_is_named(site):
    site.write("@app.after_request\ndef forgetful(request, response): ...")
    with site.serve(*SERVERS["gunicorn"]) as server:
        assert server.request("/").status == 500
    assert "forgetful() returned None.\n  Did you forget `return`?" in server.log()


def test_a_site_without_parts_has_none_of_it(site):
    code = "from django.conf import settings; print(*settings.MIDDLEWARE)"
    assert "djng.middleware.Scope" not in site.write("").shell(code)
    included = site.write("app.include('/accounts/', 'django.contrib.auth.urls')")
    assert "djng.middleware.Scope" not in included.shell(code)
    assert "djng.middleware.ScopeMiddleware" in site.write(HOOKS).shell(code)


def test_a_router_without_middleware_costs_none(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        part = Router()


        @part.get("/")
        def index(request):
            return "hello"


        app.include("/part/", part)
    """)
    code = "print(blog.app.wsgi._middleware_chain.__wrapped__.__class__.__name__)"
    assert site.shell(code) == "SecurityMiddleware"
