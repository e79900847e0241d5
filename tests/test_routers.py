"""Routers nest, are mounted more than once, and are views by themselves."""

import pytest
from conftest import Site

SITE = """
from djng import Djng, Router
from django.urls import path, reverse

app = Djng()

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.csrf import csrf_exempt

from shop import router, reviews


@app.get("/")
def index(request):
    return [reverse("shop:item", args=[1]), reverse("outlet:item", args=[1])]


staff = Router()


@staff.get("/")
def home(request):
    return "staff only"


hooks = Router()


@hooks.post("/pay/")
def pay(request):
    return "paid"


@hooks.post("/both/")
async def wait(request):
    return "waited"


app.include("/shop/", router)
app.include("/outlet/", router, namespace="outlet")
app.include("/staff/", staff, namespace="staff", decorators=[login_required])
app.include("/hooks/", hooks, decorators=[csrf_exempt])
app.include("/<slug:city>/", reviews)
app.include("/list/", [path("x/", lambda request: HttpResponse("x"), name="x")])
app.include("/named/", ([path("y/", lambda request: HttpResponse("y"), name="y")], "named"))
"""
SHOP = """
from djng import Router

router = Router(app_name="shop")
reviews = Router()
nested = Router()


@router.get("/<int:pk>/", template="item.html")
def item(request, pk):
    return {"pk": pk}


@router.post("/<int:pk>/")
def buy(request, pk):
    return f"bought {pk}", 201


@router.get("/later/")
async def later(request):
    return "later"


@nested.get("/deep/")
def deep(request):
    return request.resolver_match.route


@reviews.get("/reviews/<int:stars>/")
def listing(request, city, stars):
    return f"{stars} in {city}"


router.include("/nested/", nested, namespace="nested")
router.include("/", nested)
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
    "uvicorn": ("-W", "error", "-m", "uvicorn", "--port", "PORT", "blog:app"),
}


@pytest.fixture(scope="module")
def shop_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE).put("shop.py", SHOP)
    return site.put("templates/item.html", "{{ pk }} {% url 'shop:item' pk %}")


@pytest.fixture(scope="module", params=SERVERS)
def server(request, shop_site):
    with shop_site.serve(*SERVERS[request.param]) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", '["/shop/1/", "/outlet/1/"]'),
        ("/shop/7/", "7 /shop/7/"),
        ("/outlet/7/", "7 /outlet/7/"),
        ("/shop/later/", "later"),
        ("/shop/nested/deep/", "shop/nested/deep/"),
        ("/shop/deep/", "shop/deep/"),
        ("/london/reviews/5/", "5 in london"),
        ("/list/x/", "x"),
        ("/named/y/", "y"),
    ],
)
def test_a_prefix_is_stripped_and_names_are_found(server, path, text):
    assert server.request(path).text == text


def test_methods_are_told_apart_below_a_prefix(server):
    answer = server.request("/shop/7/", "DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert server.request("/shop/7/", "POST").status == 403  # there is no token


def test_a_missing_slash_is_added_below_a_prefix(server):
    assert server.request("/shop/7").headers["Location"] == "/shop/7/"


def test_a_decorator_stands_before_all_of_its_router(server):
    answer = server.request("/staff/")
    assert (answer.status, answer.headers["Location"]) == (302, "/accounts/login/?next=/staff/")


@pytest.mark.parametrize(("path", "text"), [("/hooks/pay/", "paid"), ("/hooks/both/", "waited")])
def test_an_exemption_of_a_router_is_one_of_its_views(server, path, text):
    assert server.request(path, "POST").text == text


def test_names_of_nested_routers_have_all_their_namespaces(shop_site):
    code = """
        from django.urls import resolve, reverse
        print(reverse("shop:nested:deep"), reverse("outlet:nested:deep"), reverse("shop:deep"))
        match = resolve("/outlet/nested/deep/")
        print(match.namespaces, match.app_names, match.view_name)
    """
    assert shop_site.shell(code).splitlines() == [
        "/shop/nested/deep/ /outlet/nested/deep/ /shop/deep/",
        "['outlet', 'nested'] ['shop', 'nested'] outlet:nested:deep",
    ]


def test_a_router_is_a_view(shop_site):
    code = """
        from django.test import RequestFactory
        from shop import router
        page = router(RequestFactory().get("/7/"))
        print(page.status_code, page.content.decode())
        print(router(RequestFactory().get("/later/")).content.decode())
        print(router(RequestFactory().get("/nested/deep/")).content.decode())
        print(router(RequestFactory().delete("/7/")).status_code)
    """
    lines = ["200 7 /shop/7/", "later", "nested/deep/", "405"]
    assert shop_site.shell(code).splitlines() == lines


def test_a_router_alone_raises_what_its_views_raise(shop_site):
    code = """
        from django.http import Http404
        from django.test import RequestFactory
        from shop import router
        try:
            router(RequestFactory().get("/nowhere/"))
        except Http404:
            print("not found")
    """
    assert shop_site.shell(code) == "not found"


def test_routes_shows_where_the_views_of_a_router_are(shop_site):
    lines = [line.split() for line in shop_site.succeed("routes").splitlines()]
    assert ["GET", "/shop/<int:pk>/", "shop:item", "item", "shop.py:9"] in lines
    assert ["GET", "/outlet/nested/deep/", "outlet:nested:deep", "deep", "shop.py:24"] in lines


REFUSED = {
    "a placeholder of the prefix": (
        "@part.get('/')\ndef index(request):\n    return ''\n\napp.include('/<int:pk>/', part)",
        'blog.py:7: the route "/<int:pk>/" gives pk to index(request).',
    ),
    "a circle": (
        "other = Router()\npart.include('/a/', other)\nother.include('/b/', part)\n"
        "app.include('/', part)",
        "blog.py:9: a router is included in itself.",
    ),
    "a view": (
        "app.include('/', print)",
        "blog.py:7: print has no URLs to include.\n  Write app.route(...) for a view",
    ),
    "a decorator above a route": (
        "from functools import wraps\n\ndef loud(view):\n    @wraps(view)\n"
        "    def inner(request):\n        return view(request)\n    return inner\n\n"
        "@loud\n@part.get('/')\ndef index(request):\n    return ''\n\napp.include('/', part)",
        "blog.py:16: a decorator of index() is above its route and does nothing.",
    ),
    "a text for a list": (
        "@part.get('/', middleware='shop.Basket')\ndef index(request):\n    return ''",
        "blog.py:7: middleware='shop.Basket' is not a list.",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_with_its_line(site, mistake):
    source, message = REFUSED[mistake]
    site.write(f"from djng import Djng, Router\n\napp = Djng()\n\npart = Router()\n\n{source}")
    done = site.run("check")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_route_that_another_one_takes_is_warned_of_below_a_prefix(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        part = Router()


        @part.get("/<slug:name>/")
        def any(request, name):
            return name


        @part.get("/new/")
        def new(request):
            return "new"


        app.include("/a/", part)
    """)
    assert 'blog.py:13: "/a/new/" is never reached.' in site.run("check").stderr


def test_a_route_that_comes_too_late_is_refused(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        part = Router()
        app.include("/", part)
    """)
    late = """
        import blog
        from django.urls import resolve

        resolve("/admin/")


        @blog.part.get("/late/")
        def late(request): ...
    """
    done = site.put("late.py", late).python("late.py")
    assert "late.py:8: too late: late.py:5 has resolved a URL." in done.stderr


MODEL = """
from django.db import models
from djng import Router

router = Router()


class Item(models.Model):
    name = models.TextField()


@router.get("/")
def index(request):
    return f"{Item.objects.count()} items"
"""
TWO_FILES = (
    'from djng import Djng\n\napp = Djng()\n\nimport shop\n\napp.include("/shop/", shop.router)'
)


def test_a_model_beside_the_file_is_one_of_its_app(site):
    labelled = "models.TextField()\n\n    class Meta:\n        app_label = 'blog'"
    site.put("shop.py", MODEL.replace("models.TextField()", labelled)).write(TWO_FILES)
    site.succeed("makemigrations")
    site.succeed("migrate", "-v0")
    with site.serve(*SERVERS["gunicorn"]) as server:
        assert server.request("/shop/").text == "0 items"


def test_a_model_that_is_in_no_app_is_told_what_to_write(site):
    site.put("shop.py", MODEL).write("")
    with site.develop() as server:
        site.write(TWO_FILES)
        page = server.shows("declare an explicit app_label", Accept="text/html")
    assert "Write in the model: class Meta: app_label = &quot;blog&quot;" in page.text
