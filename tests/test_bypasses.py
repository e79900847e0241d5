"""Ways around middleware, decorators and settings that a review has found; each stays closed."""

import pytest
from conftest import Site

SITE = """
from djng import Djng, Router

app = Djng(FORCE_SCRIPT_NAME="/sub", serve_media=True, ASGI_APPLICATION="blog.app")

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

read = []


@app.before_request
def nothing(request): ...


@app.middleware
def again(get_response):
    def call(request):
        response = get_response(request)
        if "again" in request.GET:
            request.path_info = request.GET["again"]
            return get_response(request)
        return response
    return call


def deny(get_response):
    return lambda request: HttpResponse("denied", status=403)


def shared(request, *args, **kwargs):
    return HttpResponse("shared")


def to_shared(view):
    return shared


def method_override(view):
    @csrf_exempt
    def call(request, *args, **kwargs):
        request.method = request.GET.get("method", request.method)
        return view(request, *args, **kwargs)
    return call


class Reading:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        read.append(getattr(view, "scopes", None))


def cors(get_response):
    def call(request):
        response = get_response(request)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
    return call


closed, opened = Router(middleware=[deny], decorators=[to_shared]), Router(decorators=[to_shared])
changing, reading = Router(decorators=[method_override]), Router(middleware=[Reading])


@closed.get("/")
@opened.get("/", name="other")
def page(request):
    return "page"


@changing.post("/")
def post(request):
    return "posted"


@changing.delete("/", middleware=[deny])
def delete(request):
    return "deleted"


@reading.get("/")
def scoped(request):
    return "scoped"


scoped.scopes = ["read"]


@app.get("/cors/", middleware=[cors])
def with_cors(request):
    return "cors"


@app.route("/options/", methods=["GET", "OPTIONS"])
@csrf_exempt
def options(request):
    return "options"


@app.route("/missing/")
def missing(request):
    from django.http import Http404

    raise Http404


app.include("/closed/", closed)
app.include("/opened/", opened)
app.include("/changing/", changing)
app.include("/reading/", reading)
app.include("/office/", admin.site.urls, namespace="office")
"""


@pytest.fixture(scope="module")
def closed_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    return site.put("media/note.txt", "uploaded")


@pytest.fixture(scope="module")
def server(closed_site):
    with closed_site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as running:
        yield running


def test_a_decorator_that_returns_one_function_for_two_routers(server):
    assert server.request("/closed/").text == "denied"
    assert server.request("/opened/").text == "shared"


def test_a_decorator_that_changes_the_method(server):
    assert server.request("/changing/?method=DELETE", "POST").text == "posted"
    assert server.request("/changing/", "DELETE").text == "denied"


def test_a_middleware_that_asks_again_for_another_path(server):
    assert server.request("/missing/?again=/closed/").text == "denied"


def test_attributes_of_the_user_stay_the_users(closed_site):
    code = "from django.test import Client; Client().get('/reading/'); print(blog.read)"
    assert closed_site.shell(code) == "[['read']]"


def test_a_routes_middleware_answers_preflight_requests(server):
    answer = server.request("/cors/", "OPTIONS")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_allow_names_each_method_once(server):
    assert server.request("/options/", "PUT").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_uploads_below_a_script_name(server):
    assert server.request("/media/note.txt").text == "uploaded"


def test_a_second_admin_has_its_namespace(closed_site):
    code = "from django.urls import reverse; print(reverse('office:index'))"
    assert closed_site.shell(code) == "/sub/office/"


def test_a_decorator_above_a_route_whose_name_is_used_again(site):
    site.write("""
        from django.contrib.auth.decorators import login_required


        @login_required
        @app.get("/x/")
        def x(request):
            return "secret"


        @app.post("/x/")
        def x(request):
            return "posted"
    """)
    done = site.run("check")
    assert "blog.py:10: a decorator of x() is above its route and does nothing." in done.stderr


def test_another_urlconf_with_a_site_of_its_own(site):
    urls = "from django.contrib.admin import site\nfrom django.urls import path\n\n"
    site.put("urls.py", f"{urls}urlpatterns = [path('office/', site.urls)]\n")
    site.write("""
        from djng import Djng

        app = Djng(ROOT_URLCONF="urls")


        @app.before_request
        def nothing(request): ...


        @app.get("/x/")
        def x(request):
            return "x"
    """)
    site.succeed("check")
    code = "from django.test import Client; print(Client().get('/office/').status_code)"
    assert site.shell(code) == "302"


def test_a_registration_may_decorate_two_models(site):
    site.write("""
        from django.db import models

        listed = app.admin(list_display=["pk"])


        @listed
        class One(models.Model): ...


        @listed
        class Two(models.Model): ...
    """)
    site.succeed("check")
