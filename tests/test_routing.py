"""Routes: their methods, their placeholders, and functions that share a URL."""

import sys

import pytest

SHOP = """
import functools
from django.contrib.auth.decorators import login_not_required, login_required
from django.db import connection, transaction
from django.http import HttpResponse
from django.urls import path, reverse
from django.views import View
from django.views.static import serve
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView


@app.route("/")
@csrf_exempt
def index(request):
    return HttpResponse(request.method)


@app.get("/things/")
def things(request):
    return "all of them"


@app.post("/things/")
@csrf_exempt
def add_thing(request):
    return "added", 201


@app.put("/things/")
@csrf_exempt
def replace_things(request):
    return "replaced"


@app.delete("/things/<int:pk>/")
@csrf_exempt
async def remove(request, pk):
    return None, 204


@app.patch("/things/<int:pk>/")
@csrf_exempt
def change(request, pk):
    return f"changed {pk}"


@app.route("/old/")
@app.route("/new/", name="newer")
def stacked(request):
    return reverse("stacked") + reverse("newer")


@app.get("/mixed/")
def mixed_get(request):
    return "got"


@app.route("/mixed/")
def mixed_other(request):
    return f"other {request.method}"


@app.route("/float/<float:x>/")
def a_float(request, x):
    return repr(x)


@app.route("/string/<string:s>/")
def a_string(request, s):
    return s


@app.route("/any/<any(about,help.me):page>/")
def a_page(request, page):
    return page


@app.route("/some/", methods=["get", "POST"])
@csrf_exempt
def some(request):
    return request.method


@app.route("/no-method/", methods=[])
def no_method(request):
    return "never"


@app.route("/exempt/")
@csrf_exempt
def exempt(request):
    return "exempt"


@app.route("/guarded/")
@login_required(login_url="/sign-in/")
def guarded(request):
    return "secret"


@app.get("/wall/")
@login_not_required
def wall_open(request):
    return "open"


@app.post("/wall/")
@csrf_exempt
@login_not_required
def wall_closed(request):
    return "closed"


@app.get("/wall/async/")
@login_not_required
async def async_wall_open(request):
    return "open"


@app.post("/wall/async/")
@csrf_exempt
@login_not_required
def async_wall_closed(request):
    return "closed"


def with_user(view):
    @functools.wraps(view)
    def inner(request, *args, **kwargs):
        return view(request, "Ada", *args, **kwargs)

    return inner


@app.route("/injected/<int:pk>/")
@with_user
def injected(request, user, pk):
    return f"{user} {pk}"


class Loud:
    def __init__(self, view):
        functools.update_wrapper(self, view)
        self.view = view

    def __call__(self, request):
        return self.view(request).upper()


@app.route("/loud/")
@Loud
def loud(request):
    return "loud"


class Hook:
    csrf_exempt = True

    def __call__(self, request):
        return "hooked"


app.route("/hook/")(Hook())
app.route("/twice/")(csrf_exempt(things))
app.route("/guarded/served/<path:path>")(login_required(serve))
app.route("/served/<path:path>")(functools.partial(serve, document_root="/nowhere"))
app.get("/gone/<path:path>")(serve)


@app.get("/atomic/")
@transaction.non_atomic_requests
def atomic_get(request):
    return str(connection.in_atomic_block)


@app.post("/atomic/")
@csrf_exempt
@transaction.non_atomic_requests
def atomic_post(request):
    return str(connection.in_atomic_block)


@app.route("/class/")
class Page(View):
    def get(self, request):
        return "class"


@app.route("/template/")
class Template(TemplateView):
    template_name = "t.html"


app.templates["t.html"] = "{% url 'stacked' %}"
app.include("/list/", [path("x/", index, name="listed")])
app.include("pair/", ([path("x/", index, name="x")], "pair"))
app.include("/module/", "more")
"""
MORE = """
from django.urls import path
from django.http import HttpResponse
urlpatterns = [path("x/", lambda request: HttpResponse("from a module"))]
"""


@pytest.fixture(scope="module")
def ask(module_site):
    module_site.write(SHOP)
    module_site.put("more.py", MORE)
    with module_site.serve() as server:
        yield server.request


def test_a_route_answers_every_method(ask):
    methods = ["GET", "OPTIONS", "PROPFIND"]
    assert [ask("/", method).text for method in methods] == methods


def test_the_function_for_get_answers_head(ask):
    response = ask("/things/", "HEAD")
    assert (response.status, response.text) == (200, "")


def test_two_functions_may_share_a_url(ask):
    assert ask("/things/").text == "all of them"
    assert ask("/things/", "POST").status == 201


def test_a_method_without_a_function_is_answered_with_405(ask):
    response = ask("/things/", "DELETE")
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, POST, PUT, OPTIONS"


def test_options_lists_the_methods(ask):
    response = ask("/things/1/", "OPTIONS")
    assert (response.status, response.headers["Allow"]) == (200, "PATCH, DELETE, OPTIONS")


def test_every_function_of_a_url_may_be_csrf_exempt(ask):
    assert ask("/things/", "POST").status == 201
    assert ask("/things/", "PUT").text == "replaced"
    assert ask("/things/1/", "PATCH").text == "changed 1"
    assert ask("/things/1/", "DELETE").status == 204


def test_a_single_function_may_be_csrf_exempt(ask):
    assert ask("/exempt/", "POST").text == "exempt"


def test_an_instance_is_csrf_exempt_if_its_class_is(ask):
    assert ask("/hook/", "POST").text == "hooked"


def test_a_decorator_may_add_an_argument(ask):
    assert ask("/injected/3/").text == "Ada 3"


def test_a_decorator_may_be_a_class(ask):
    assert ask("/loud/").text == "LOUD"


def test_a_view_can_be_decorated_for_one_of_its_routes_alone(ask):
    assert ask("/twice/", "POST").text == "all of them"
    assert ask("/guarded/served/a.txt").status == 302
    assert ask("/things/", "DELETE").status == 405


def test_djangos_own_views_can_be_routed(ask):
    assert ask("/served/a.txt").status == 404


def test_methods_may_be_listed(ask):
    assert ask("/some/", "POST").text == "POST"
    assert ask("/some/", "DELETE").status == 405


def test_an_empty_list_of_methods_answers_none(ask):
    assert ask("/no-method/").status == 405


def test_decorators_stack_and_urls_have_names(ask):
    assert ask("/old/").text == "/old//new/"
    assert ask("/new/").text == "/old//new/"


def test_a_route_without_methods_answers_all_other_methods(ask):
    assert ask("/mixed/").text == "got"
    assert ask("/mixed/", "PROPFIND").status == 403
    assert ask("/mixed/", "OPTIONS").text == "other OPTIONS"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/float/1.5/", "1.5"),
        ("/float/2/", "2.0"),
        ("/string/a-b/", "a-b"),
        ("/any/help.me/", "help.me"),
    ],
)
def test_flasks_converters_work(ask, path, text):
    assert ask(path).text == text


def test_any_refuses_other_values(ask):
    assert ask("/any/helpXme/").status == 404


def test_login_required_below_the_route_protects_the_view(ask):
    response = ask("/guarded/")
    assert (response.status, response.headers["Location"]) == (302, "/sign-in/?next=/guarded/")


def test_class_based_views_can_be_routed(ask):
    assert ask("/class/").text == "class"
    assert ask("/class/", "PUT").status == 403
    assert ask("/template/").text == "/old/"


@pytest.mark.parametrize("path", ["/list/x/", "/pair/x/"])
def test_include_takes_every_form_that_djangos_include_takes(ask, path):
    assert ask(path).text == "GET"


def test_a_module_may_be_included_by_its_name(ask):
    assert ask("/module/x/").text == "from a module"


def test_an_unknown_url_is_404(ask):
    assert ask("/nowhere/").status == 404


def answers(site, options, *paths):
    """What GET and POST show for each path on the site with other options."""
    site.put("more.py", MORE)
    site.write(f"from djng import Djng\n\napp = Djng({options})\n{SHOP}")
    return site.shell(f"""
        from django.test import Client
        client = Client(enforce_csrf_checks=True)
        for path in {paths}:
            print(client.get(path).text, client.post(path).text)
        print(client.get("/").status_code)
    """).splitlines()


def test_functions_of_a_url_may_be_exempt_from_login(site):
    wall = 'middleware=["django.contrib.auth.middleware.LoginRequiredMiddleware"]'
    assert answers(site, wall, "/wall/", "/wall/async/") == ["open closed"] * 2 + ["302"]


def test_functions_of_a_url_may_be_non_atomic(site):
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": True}
    atomic = f"DATABASES={{'default': {database}}}"
    assert answers(site, atomic, "/atomic/") == ["False False", "200"]


def test_check_warns_of_a_route_that_an_earlier_one_hides(site):
    site.write(
        "@app.get('/posts/<slug:slug>/')\ndef post(request, slug): return slug\n"
        "@app.post('/posts/new/')\ndef new(request): return 'new'\n"
        "@app.get('/admin/help/')\ndef help(request): return 'help'\n"
        "@app.get('/fine/')\ndef fine(request): return 'fine'"
    )
    shown = site.run("check").stderr
    assert '(djng.W001) blog.py:7: "/posts/new/" is never reached.' in shown
    assert "The route at blog.py:5 matches this URL first. Move this one above it." in shown
    assert '(djng.W001) blog.py:9: "/admin/help/" is never reached.' in shown
    assert "fine" not in shown


NAMESAKES = """
@app.get("/")
def index(request):
    return ""


@app.get("/b/")
def index(request):
    return ""


@app.get("/posts/<int:pk>/", name="index")
def post(request, pk):
    return ""
"""


def test_two_views_of_one_name_are_a_warning(site):
    shown = site.write(NAMESAKES).run("check").stderr
    assert '(djng.W004) blog.py:11: "/b/" and "/" both have the name index.' in shown
    assert "posts" not in shown


ANNOTATED = """
from typing import TYPE_CHECKING

from djng import Djng

if TYPE_CHECKING:
    from django.http import HttpRequest

app = Djng()


@app.get("/")
def index(request: HttpRequest) -> str:
    return "typed"


@app.before_request
def before(request: HttpRequest) -> None: ...
"""


def test_annotations_may_name_what_only_type_checkers_import(site):
    is_lazy = sys.version_info >= (3, 14)  # Python itself reads them only when they are needed
    site.write(ANNOTATED if is_lazy else f"from __future__ import annotations\n{ANNOTATED}")
    ask = "from django.test import Client; print(Client().get('/').content.decode())"
    assert site.shell(ask) == "typed"
