"""The app, a router and a route may each have middleware, hooks and error views of their own."""

import re

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
def sync_or_async(get_response):
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

app = Djng(middleware=["blog.Tenant"])

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from middleware import Unused, WithHooks, trail

app.templates["name.html"] = "name {{ name }}"

signals = []
got_request_exception.connect(
    lambda request, **others: signals.append(request.get_full_path()), weak=False
)


# Middleware and hooks of the whole site.
built = []


class Tenant:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.get_host() == "other.localhost":
            request.urlconf = "other"
        return self.get_response(request)


@app.middleware
def rewrite(get_response):
    built.append("rewrite")

    def call(request):
        request.order = ["middleware"]
        request.path_info = request.path_info.removeprefix("/acme")
        request.method = request.GET.get("method", request.method)
        if "forget" in request.GET:
            return
        response = get_response(request)
        response.headers["Everywhere"] = "yes"
        return response
    return call


@app.before_request
def first(request):
    request.order.append("first")


@app.before_request
async def second(request):
    request.order.append("second")
    if "closed" in request.GET:
        return {"closed": True}, 503


@app.after_request
def last(request, response):
    response.headers["Order"] = f"{response.headers.get('Order')} last"
    return response


@app.after_request
async def before_last(request, response):
    response.headers["Order"] = f"{response.headers.get('Order')} before-last"
    return response


# Routers with middleware.
shop = Router(middleware=[trail("a"), "middleware.sync_or_async", Unused])
inner = Router(middleware=[trail("b"), WithHooks])


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


# Errors and error views.
class SoldOut(Exception):
    pass


class VerySoldOut(SoldOut):
    pass


class ApiError(Exception):
    pass


class Gone(Http404):
    pass


class Suspicious(SuspiciousOperation):
    pass


broad, failing = Router(), Router()


@app.get("/raise/<str:name>/", name="a")
@shop.get("/raise/<str:name>/", name="b")
@inner.get("/raise/<str:name>/", name="c")
@broad.get("/raise/<str:name>/", name="d")
@failing.get("/raise/<str:name>/", name="e")
def fail(request, name):
    kinds = [SoldOut, VerySoldOut, Http404, PermissionDenied, ValueError, RuntimeError]
    kinds += [ApiError, Gone, Suspicious, ZeroDivisionError]
    message = request.GET.get("message", f"the {name}")
    raise {kind.__name__: kind for kind in kinds}[name](message)


@app.get("/signals/")
def show_signals(request):
    return [each for each in signals if each.endswith(request.GET["message"])]


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


@broad.error(404)
def broad_missing(request, exception):
    return "the 404 view"


@broad.error(Exception)
def anything(request, exception):
    return f"any {type(exception).__name__}"


@failing.error(ApiError)
def api_error(request, exception):
    return {"error": str(exception)}, 409


@failing.error(Gone)
def gone(request, exception):
    raise Gone("again")


@failing.error(Suspicious)
def suspicious(request, exception):
    return "no"


@failing.error(ZeroDivisionError)
def fine(request, exception):
    return "fine", 200


# Hooks of a router.
@failing.before_request
def third(request):
    request.order.append("third")
    request.stack = request.routed = []  # djng keeps nothing under these names
    if "fail" in request.GET:
        raise ApiError("before")
    if "template" in request.GET:
        return TemplateResponse(request, "name.html", {"name": "hook"})


@failing.before_request
async def list_users(request):
    if "users" in request.GET:
        return User.objects.values("username")


@failing.after_request
def fourth(request, response):
    response.headers["Order"] = "router"
    return response


@app.get("/order/")
@failing.get("/order/", name="order-in-router")
def order(request):
    return request.order


forgetful = Router()


@forgetful.after_request
def forget(request, response): ...


forgetful.get("/", name="forgetful")(order)


# Middleware that must never be left out.
def guard(get_response):
    built.append("guard")
    return lambda request: HttpResponse("guarded", status=403)


@app.route("/any/", name="any")
@csrf_exempt
def any_method(request):
    return "any"


@app.get("/any/", middleware=[guard])
def any_get(request):
    return "unguarded"


@app.route("/head/", methods=["HEAD"], middleware=[guard])
def head(request):
    return "unguarded"


@app.get("/item/")
def item(request):
    return "item"


@app.route("/item/", methods=["DELETE"], middleware=[guard])
@csrf_exempt
def delete_item(request):
    return "deleted"


staff = Router(middleware=[guard])


@staff.get("/")
def secret(request):
    return "secret"


# Middleware that returns no response.
def forgetful_function(get_response):
    def call(request): ...
    return call


class ForgetfulClass:
    def __init__(self, get_response): ...
    def __call__(self, request): ...


for each in (forgetful_function, ForgetfulClass):
    app.get(f"/{each.__name__}/", name=each.__name__, middleware=[each])(order)


# A view that calls another router.
class Named:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_template_response(self, request, response):
        response.context_data["name"] = "outer"
        return response


outer, called = Router(middleware=[Named]), Router()


@called.get("/", template="name.html")
@called.get("/outer/", template="name.html", name="other")
def inner_page(request):
    return {}


@outer.get("/", template="name.html")
def outer_page(request):
    return {"text": called(request).content.decode()}


shop.include("/urls/", [path("x/", lambda request: HttpResponse(str(request.trail)))])
shop.include("/inner/", inner)
app.include("/shop/", shop)
app.include("/broad/", broad)
app.include("/failing/", failing)
app.include("/forgetful/", forgetful)
app.include("/staff/", staff)
app.include("/outer/", outer)
"""
OTHER_URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("staff/", lambda request: HttpResponse("another site"))]
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
}


@pytest.fixture(scope="module")
def scoped_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.put("middleware.py", MIDDLEWARE).put("other.py", OTHER_URLS)
    site.succeed("migrate", "-v0")
    return site


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
def test_a_router_runs_its_own_middleware_and_that_of_outer_routers(server, path, text, trail):
    page = server.request(path)
    assert (page.text, page.headers["Trail"]) == (text, trail)


def test_the_middleware_of_a_route_runs_for_its_methods_only(server):
    assert server.request("/shop/one/", "HEAD").headers["Trail"] == "ca"
    assert server.request("/shop/one/", "PUT").headers["Trail"] == "a"


def test_middleware_that_can_be_async_is_async_under_asgi(server):
    kinds = {"gunicorn": "sync", "uvicorn": "async"}
    assert server.request("/shop/").headers["Called"] == kinds[server.name]


def test_every_hook_of_middleware_is_called(server):
    assert server.request("/shop/inner/7/?stop").text == "show {'pk': 7}"
    assert server.request("/shop/inner/name/").text == "name hooked"
    assert server.request("/shop/inner/raise/ValueError/").status == 418
    assert server.request("/shop/raise/ValueError/").status == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/any/", 403),
        ("HEAD", "/any/", 403),
        ("PUT", "/any/", 200),
        ("HEAD", "/head/", 403),
        ("GET", "/head/", 405),
        ("GET", "/item/", 200),
        ("DELETE", "/item/", 403),
        ("GET", "/item/?method=DELETE", 403),
        ("GET", "/staff/", 403),
        ("GET", "/acme/staff/", 403),
        ("GET", "/acme/failing/order/", 200),
    ],
)
def test_no_request_gets_around_a_middleware(server, method, path, status):
    assert server.request(path, method).status == status


def test_each_middleware_is_built_once(scoped_site):
    built = scoped_site.shell("blog.app.wsgi; print(*sorted(blog.built))")
    assert built == "guard guard guard guard rewrite"  # for three routes, a router and the app


def test_another_urlconf_runs_no_middleware_of_routers(server):
    page = server.request("/staff/", Host="other.localhost")
    assert (page.text, page.headers["Everywhere"]) == ("another site", "yes")


def test_hooks_run_in_the_order_of_flask(server):
    page = server.request("/failing/order/")
    assert page.text == '["middleware", "first", "second", "third"]'
    assert page.headers["Order"] == "router before-last last"
    page = server.request("/order/")
    assert page.text == '["middleware", "first", "second"]'
    assert page.headers["Order"] == "None before-last last"
    assert server.request("/nowhere/").headers["Order"] == "None before-last last"
    page = server.request("/order/?closed")
    assert (page.status, page.text) == (503, '{"closed": true}')
    assert page.headers["Order"] == "None before-last last"


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
        ("/broad/raise/Http404/", 404, "the 404 view"),
        ("/broad/nowhere/", 404, "the 404 view"),
        ("/broad/raise/PermissionDenied/", 403, "any PermissionDenied"),
        ("/broad/raise/RuntimeError/", 500, "any RuntimeError"),
    ],
)
def test_the_nearest_error_view_answers_an_error(server, path, status, text):
    page = server.request(path)
    assert (page.status, page.text) == (status, text)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/failing/raise/ApiError/", 409, '{"error": "the ApiError"}'),
        ("/failing/nowhere/?fail", 409, '{"error": "before"}'),
        ("/failing/order/?fail", 409, '{"error": "before"}'),
        ("/failing/raise/ZeroDivisionError/", 200, "fine"),
        ("/failing/raise/Suspicious/", 400, "no"),
        ("/failing/order/?template", 200, "name hook"),
        ("/failing/order/?users", 200, "[]"),
    ],
)
def test_error_views_and_hooks_return_what_views_return(server, path, status, text):
    page = server.request(path)
    assert (page.status, page.text) == (status, text)
    assert page.headers["Order"] == "router before-last last"


def test_errors_with_an_error_view_are_signalled_and_logged(server):
    for path in ("/raise/SoldOut/", "/shop/raise/RuntimeError/", "/shop/raise/Http404/"):
        server.request(f"{path}?message=once")
    signalled = server.request("/signals/?message=once").text
    assert signalled == (
        '["/raise/SoldOut/?message=once", "/shop/raise/RuntimeError/?message=once"]'
    )
    assert server.log().count("SoldOut: once") == 1
    assert server.log().count("RuntimeError: once") == 1


def test_a_suspicious_request_is_logged_as_suspicious(server):
    server.request("/failing/raise/Suspicious/?message=very")
    server.says("Suspicious: very")


def test_an_error_view_that_raises_the_error_again_runs_once(server):
    page = server.request("/failing/raise/Gone/")
    assert (page.status, "Server Error (500)" in page.text) == (500, True)
    assert server.log().count("gone() failed to show an error:") == 1


def test_a_hook_that_forgets_to_return_the_response_is_named(server):
    assert server.request("/forgetful/").status == 500
    assert "forget() returned None.\n  Did you forget `return`?" in server.log()


def test_a_view_may_call_another_router(server):
    assert server.request("/outer/").text == "name outer"


@pytest.fixture(scope="module")
def debug_server(scoped_site):
    with scoped_site.serve() as running:
        yield running


def test_error_views_for_your_own_exceptions_run_while_developing(debug_server):
    assert debug_server.request("/shop/raise/SoldOut/").text == "shop: the SoldOut"
    assert debug_server.request("/failing/order/?fail").status == 409


def test_while_developing_the_error_page_shows_errors_without_such_a_view(debug_server):
    page = debug_server.request("/shop/nowhere/", Accept="text/html")
    assert "Using the URLconf" in page.text
    page = debug_server.request("/failing/raise/Gone/", Accept="text/html")
    assert "again" in page.text  # the error view itself has failed


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("rewrite", "/?forget"),
        ("forgetful_function", "/forgetful_function/"),
        ("ForgetfulClass", "/ForgetfulClass/"),
    ],
)
def test_a_middleware_that_returns_nothing_is_named(debug_server, name, path):
    page = debug_server.request(path, Accept="text/html")
    assert page.status == 500
    assert f"the middleware {name} returned None instead of a response." in page.text
    assert "Did you forget `return`?" in page.text
    defined = re.search(rf"^(def|class) {name}\b", SITE, re.MULTILINE)
    line = SITE[: defined.start()].count("\n") + 1
    shown = {int(number) for number in re.findall(r"blog\.py:(\d+)", page.text)}
    assert shown & {line, line + 1, line + 2, line + 3}


def test_a_middleware_factory_that_returns_nothing_is_named(site):
    site.write("@app.middleware\ndef forgetful(get_response):\n    def call(request): ...")
    done = site.fork("-c", "import blog; blog.app.wsgi")
    assert "blog.py:5: the middleware forgetful returned None instead of a function." in done.stderr
    assert "Did you forget `return`?" in done.stderr


def test_an_error_view_runs_after_the_rollback_and_after_process_exception(site):
    site.write("""
        from django.db import models
        from djng import Djng, Router

        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3"}
        app = Djng(
            middleware=["blog.Asked"],
            DATABASES={"default": {**database, "ATOMIC_REQUESTS": True}},
        )
        router = Router()


        class Row(models.Model):
            pass


        class Asked:
            def __init__(self, get_response):
                self.get_response = get_response

            def __call__(self, request):
                return self.get_response(request)

            def process_exception(self, request, exception):
                request.asked = str(exception)


        @router.get("/add/")
        def add(request):
            Row.objects.create()
            raise LookupError("after it")


        @router.error(LookupError)
        def lost(request, exception):
            return {"rows": Row.objects.count(), "asked": request.asked}


        app.include("/router/", router)
    """)
    asked = site.shell("""
        from django.core.management import call_command
        from django.test import Client
        call_command("migrate", run_syncdb=True, verbosity=0)
        page = Client(raise_request_exception=False).get("/router/add/")
        print(page.status_code, page.text)
    """)
    assert asked == '500 {"rows": 0, "asked": "after it"}'


def test_scope_middleware_is_only_there_if_it_is_needed(site, scoped_site):
    code = "from django.conf import settings; print(*settings.MIDDLEWARE)"
    without = site.write("app.include('/accounts/', 'django.contrib.auth.urls')").shell(code)
    assert "djng.middleware." not in without.replace("djng.middleware.CommonMiddleware", "")
    assert "djng.middleware.ScopeMiddleware" in scoped_site.shell(code)


def test_a_router_without_middleware_adds_none(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        router = Router()


        @router.get("/")
        def index(request):
            return "hello"


        app.include("/router/", router)
    """)
    code = "print(blog.app.wsgi._middleware_chain.__wrapped__.__class__.__name__)"
    assert site.shell(code) == "SecurityMiddleware"


def test_a_called_router_raises_what_its_views_raise(scoped_site):
    code = """
        from django.test import RequestFactory
        try:
            blog.called(RequestFactory().get("/nowhere/"))
        except blog.Http404:
            print("raised")
    """
    assert scoped_site.shell(code) == "raised"


def test_a_router_with_middleware_cannot_be_called(scoped_site):
    code = """
        from django.test import RequestFactory
        try:
            blog.failing(RequestFactory().get("/order/"))
        except Exception as error:
            print(error.message)
    """
    assert scoped_site.shell(code) == "a router that is called does not run its middleware."


MISTAKES = {
    "a hook without arguments": (
        "@app.before_request\ndef check(): ...",
        "blog.py:7: check() does not take the arguments that it gets.\n"
        "  Write `def check(request)`.",
    ),
    "a hook without a response": (
        "@app.after_request\ndef check(request): ...",
        "Write `def check(request, response)`.",
    ),
    "a status that is no error": (
        "@app.error(418)\ndef teapot(request, exception): ...",
        "Write @app.error(404), or 400, 403 or 500, or a class of exceptions.",
    ),
    "a middleware of a router that does not exist": (
        "router = Router(middleware=['no.such.Thing'])\n\n\n"
        "@router.get('/')\ndef index(request):\n    return ''\n\n\napp.include('/', router)",
        "blog.py:7: the middleware 'no.such.Thing': No module named 'no'.",
    ),
    "a middleware of a route that does not exist": (
        "@app.get('/', middleware=['blog.nothing'])\ndef index(request):\n    return ''",
        "blog.py:7: the middleware 'blog.nothing': Module \"blog\" does not define a",
    ),
    "a middleware written for Starlette": (
        "@app.middleware\ndef timing(request, call_next): ...",
        "timing() does not take the arguments that it gets.\n  Write `def timing(get_response)`.",
    ),
    "a string for a list": (
        "@router.get('/', middleware='shop.Basket')\ndef index(request):\n    return ''",
        "blog.py:7: middleware='shop.Basket' is not a list.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_with_its_line(site, mistake):
    source, message = MISTAKES[mistake]
    site.write(f"from djng import Djng, Router\n\napp = Djng()\nrouter = Router()\n\n\n{source}")
    done = site.run("check")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
