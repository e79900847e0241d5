"""What surrounds a part of a site, changes the request, fails or is called twice."""

import re

import pytest
from conftest import Site

SITE = """
from djng import Djng, Router

app = Djng(middleware=["blog.Tenant"])

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.csrf import csrf_exempt

made = []


def guard(get_response):
    made.append("guard")
    return lambda request: HttpResponse("guarded", status=403)


@app.middleware
def rewrite(get_response):
    made.append("rewrite")

    def call(request):
        request.path_info = request.path_info.removeprefix("/acme")
        request.method = request.GET.get("method", request.method)
        response = get_response(request)
        response.headers["Everywhere"] = "yes"
        return response
    return call


class Tenant:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.get_host() == "other.localhost":
            request.urlconf = "other"
        return self.get_response(request)


@app.route("/any/", name="any")
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


class ApiError(Exception):
    pass


class Gone(Http404):
    pass


class Suspicious(SuspiciousOperation):
    pass


parts = Router()


@parts.before_request
def fail(request):
    request.stack = request.routed = []
    if "fail" in request.GET:
        raise ApiError("before")
    if "template" in request.GET:
        return TemplateResponse(request, "page.html", {"name": "hook"})


@parts.before_request
async def ask(request):
    if "users" in request.GET:
        return User.objects.values("username")


@parts.after_request
def last(request, response):
    response.headers["After"] = "run"
    return response


@parts.get("/raise/<str:name>/")
def fail_in_view(request, name):
    kinds = [ApiError, Gone, Suspicious, ZeroDivisionError, KeyError]
    raise {each.__name__: each for each in kinds}[name]("the view's")


@parts.get("/")
def plain(request):
    return "plain"


@parts.error(ApiError)
def api_error(request, exception):
    return {"error": str(exception)}, 409


@parts.error(Gone)
def gone(request, exception):
    raise Gone("again")


@parts.error(Suspicious)
def suspicious(request, exception):
    return "no"


@parts.error(ZeroDivisionError)
def fine(request, exception):
    return "fine", 200


broad = Router()


@broad.get("/raise/<str:name>/")
def fail_broadly(request, name):
    raise {"404": Http404, "403": PermissionDenied, "500": KeyError}[name]


@broad.error(404)
def missing(request, exception):
    return "the 404 view"


@broad.error(Exception)
def anything(request, exception):
    return f"any {type(exception).__name__}"


class Named:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_template_response(self, request, response):
        response.context_data["name"] = "outer"
        return response


outer, called = Router(middleware=[Named]), Router()
app.templates["page.html"] = "page of {{ name }}"


@called.get("/", template="page.html")
@called.get("/outer/", template="page.html", name="other")
def inner_page(request):
    return {}


@outer.get("/", template="page.html")
def outer_page(request):
    return {"text": called(request).content.decode()}


app.include("/staff/", staff)
app.include("/parts/", parts)
app.include("/broad/", broad)
app.include("/outer/", outer)
"""
OTHER = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("staff/", lambda request: HttpResponse("another site"))]
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-m", "uvicorn", "--port", "PORT", "blog:app"),
}


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE).put("other.py", OTHER)
    site.succeed("migrate", "-v0")
    return site


@pytest.fixture(scope="module", params=SERVERS)
def server(request, edges):
    with edges.serve(*SERVERS[request.param]) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/any/", 403),
        ("HEAD", "/any/", 403),
        ("PUT", "/any/", 403),  # for want of a token
        ("HEAD", "/head/", 403),
        ("GET", "/head/", 405),
        ("GET", "/item/", 200),
        ("DELETE", "/item/", 403),
        ("GET", "/item/?method=DELETE", 403),
        ("GET", "/staff/", 403),
        ("GET", "/acme/staff/", 403),
        ("GET", "/acme/parts/", 200),
    ],
)
def test_no_way_leads_around_a_middleware(server, method, path, status):
    assert server.request(path, method).status == status


def test_middleware_is_made_once_for_a_part(edges):
    code = "blog.app.wsgi; print(*sorted(blog.made))"
    assert edges.shell(code) == "guard guard guard guard rewrite"  # three routes and a router


def test_another_urlconf_has_none_of_the_parts(server):
    page = server.request("/staff/", Host="other.localhost")
    assert (page.text, page.headers["Everywhere"]) == ("another site", "yes")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/parts/raise/ApiError/", 409, '{"error": "the view\'s"}'),
        ("/parts/?fail", 409, '{"error": "before"}'),
        ("/parts/raise/ZeroDivisionError/", 200, "fine"),
        ("/parts/raise/Suspicious/", 400, "no"),
        ("/parts/?template", 200, "page of hook"),
        ("/parts/?users", 200, "[]"),
        ("/broad/raise/404/", 404, "the 404 view"),
        ("/broad/nowhere/", 404, "the 404 view"),
        ("/broad/raise/403/", 403, "any PermissionDenied"),
        ("/broad/raise/500/", 500, "any KeyError"),
    ],
)
def test_an_error_and_a_hook_answer_as_a_view_does(server, path, status, text):
    page = server.request(path)
    assert (page.status, page.text) == (status, text)
    assert path.startswith("/broad") or page.headers["After"] == "run"


def test_a_suspicious_request_is_in_the_log_of_those(server):
    server.request("/parts/raise/Suspicious/")
    server.says("Suspicious: the view's")


def test_an_error_view_that_raises_the_same_again_is_asked_once(server):
    page = server.request("/parts/raise/Gone/")
    assert (page.status, "Server Error (500)" in page.text) == (500, True)
    assert server.log().count("gone() failed to show an error:") == 1


def test_an_exception_of_a_hook_is_answered_while_developing_too(edges):
    with edges.serve() as server:
        assert server.request("/parts/?fail").status == 409
        page = server.request("/parts/raise/Gone/", Accept="text/html")
        assert "again" in page.text  # the mistake in the error view is what is shown


def test_a_router_may_be_called_in_a_view_of_another(server):
    assert server.request("/outer/").text == "page of outer"


def test_a_called_router_raises_what_its_views_raise(edges):
    code = """
        from django.test import RequestFactory
        try:
            blog.called(RequestFactory().get("/nowhere/"))
        except blog.Http404:
            print("raised")
    """
    assert edges.shell(code) == "raised"


def test_a_router_with_middleware_cannot_be_called(edges):
    code = """
        from django.test import RequestFactory
        try:
            blog.parts(RequestFactory().get("/"))
        except Exception as error:
            print(error.message)
    """
    assert edges.shell(code) == "a router that is called does not run its middleware."


PART = "from djng import Djng, Router\n\napp = Djng()\npart = Router({})\n\n\n"
VIEW = "@part.get('/')\ndef index(request):\n    return 'x'\n\n\n"
REFUSED = {
    "a name": (
        PART.format("middleware=['no.such.Thing']") + VIEW + "app.include('/', part)",
        "blog.py:4: the middleware 'no.such.Thing': No module named 'no'.",
    ),
    "a name of a route": (
        PART.format("") + "@app.get('/', middleware=['blog.nothing'])" + VIEW.partition(")")[2],
        "blog.py:7: the middleware 'blog.nothing': Module \"blog\" does not define a",
    ),
    "a middleware as others have it": (
        PART.format("") + "@app.middleware\ndef timing(request, call_next): ...",
        "timing() does not take the arguments that it gets.\n  Write `def timing(get_response)`.",
    ),
    "a decorated router": (
        PART.format("") + "from functools import wraps\n\n\ndef loud(view):\n    @wraps(view)\n"
        "    async def call(request):\n        return view(request)\n    return call\n\n\n"
        "app.include('/', loud(part))",
        "blog.py:17: a router cannot be decorated.\n"
        '  Write app.include("/", part, decorators=[loud]).',
    ),
    "an exempted router": (
        PART.format("") + "from django.contrib.auth.decorators import login_not_required\n\n"
        "app.include('/', login_not_required(part))",
        'Write app.include("/", part, decorators=[login_not_required]).',
    ),
    "a decorator that hides the router": (
        PART.format("") + "app.include('/', (lambda view: lambda request: view(request))(part))",
        "has no URLs to include.",
    ),
    "a prefix without a slash": (
        PART.format("") + "app.include('/shop', part)",
        'blog.py:7: the prefix "/shop" does not end with a slash.\n'
        '  Write app.include("/shop/", ...).',
    ),
    "a prefix in second place": (
        PART.format("") + "app.include(part, '/shop/')",
        'blog.py:7: the prefix is no text.\n  Write app.include("/shop/", ...).',
    ),
    "a router that is routed": (
        PART.format("") + "app.route('/shop/')(part)",
        'blog.py:7: a router has rules of its own.\n  Write app.include("/shop/", router).',
    ),
    "a module in place of its router": (
        PART.format("") + "import shop\n\napp.include('/shop/', shop)",
        'blog.py:9: shop has no urlpatterns.\n  Write app.include("/shop/", shop.router).',
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_with_its_line(site, mistake):
    source, message = REFUSED[mistake]
    site.put("shop.py", "from djng import Router\n\nrouter = Router()\n")
    done = site.write(source).run("check")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "def forgetful(get_response):\n    def call(request): ...",
        "def forgetful(get_response):\n    def forgetful(request): ...\n    return forgetful",
        "class forgetful:\n    def __init__(self, get_response): ...\n"
        "    def __call__(self, request): ...",
    ],
    ids=["factory", "function", "class"],
)
def test_a_middleware_that_returns_nothing_is_named(site, code):
    with site.write(f"@app.middleware\n{code}").develop() as server:
        page = server.shows("the middleware forgetful returned None.", Accept="text/html")
    assert page.status == 500
    assert "Did you forget `return`?" in page.text
    assert re.search("blog.py:[5-8]", page.text)


def test_a_router_that_is_included_nowhere_is_warned_of(site):
    done = site.write(PART.format("") + VIEW).run("check")
    assert "(djng.W002) blog.py:4: this Router is not included anywhere." in done.stderr


def test_urls_by_language_are_included_as_they_are(site):
    site.write("""
        from djng import Djng

        app = Djng(middleware=["django.middleware.locale.LocaleMiddleware"])

        from django.conf.urls.i18n import i18n_patterns
        from django.http import HttpResponse
        from django.urls import path

        app.include("/", i18n_patterns(path("x/", lambda request: HttpResponse("x"))))
    """)
    with site.serve(*SERVERS["gunicorn"]) as server:
        assert server.request("/en/x/").text == "x"
