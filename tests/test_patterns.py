"""Routers: prefixes, names, nested routers, decorators, and a router called as a view."""

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
def test_a_router_answers_below_its_prefix_and_its_names_are_found(server, path, text):
    assert server.request(path).text == text


def test_methods_have_their_own_functions_below_a_prefix(server):
    assert server.request("/shop/7/", "POST").status == 403  # there is no CSRF token
    token = {"Cookie": f"csrftoken={'a' * 32}", "X_CSRFToken": "a" * 32}
    answer = server.request("/shop/7/", "POST", **token)
    assert (answer.status, answer.text) == (201, "bought 7")
    answer = server.request("/shop/7/", "DELETE", **token)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")


def test_a_missing_slash_is_added_below_a_prefix(server):
    assert server.request("/shop/7").headers["Location"] == "/shop/7/"


def test_a_decorator_applies_to_every_view_of_the_router(server):
    answer = server.request("/staff/")
    assert (answer.status, answer.headers["Location"]) == (302, "/accounts/login/?next=/staff/")


@pytest.mark.parametrize(("path", "text"), [("/hooks/pay/", "paid"), ("/hooks/both/", "waited")])
def test_a_decorator_may_exempt_every_view_of_the_router_from_csrf(server, path, text):
    assert server.request(path, "POST").text == text


def test_a_nested_router_has_all_namespaces_in_its_names(shop_site):
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


def test_a_router_may_be_called_as_a_view(shop_site):
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


def test_a_called_router_raises_404_for_unknown_urls(shop_site):
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


def test_the_routes_command_shows_the_routes_of_routers(shop_site):
    lines = [line.split() for line in shop_site.succeed("routes").splitlines()]
    assert ["GET", "/shop/<int:pk>/", "shop:item", "item", "shop.py:9"] in lines
    assert ["GET", "/outlet/nested/deep/", "outlet:nested:deep", "deep", "shop.py:24"] in lines


VIEW = "@router.get('/')\ndef index(request):\n    return ''\n\n\n"
LOUD = "from functools import wraps\n\n\ndef loud(view):\n    @wraps(view)\n"
LOUD += "    def inner(request):\n        return view(request)\n    return inner\n\n\n"
# Each starts at line 7 of the file.
MISTAKES = {
    "a placeholder of the prefix that the view does not take": (
        VIEW + "app.include('/<int:pk>/', router)",
        'blog.py:7: the route "/<int:pk>/" gives request, pk to index(request).',
    ),
    "a circle of routers": (
        "other = Router()\nrouter.include('/a/', other)\nother.include('/b/', router)\n"
        "app.include('/', router)",
        "blog.py:9: a router is included in itself.",
    ),
    "a view that is included": (
        "app.include('/', print)",
        "blog.py:7: print has no URLs to include.\n  To route a view, write app.route(...)",
    ),
    "a decorator above a route": (
        f"{LOUD}@loud\n{VIEW}app.include('/', router)",
        "blog.py:18: a decorator of index() is above its route and does nothing.",
    ),
    "a decorated router": (
        f"{LOUD}app.include('/', loud(router))",
        "blog.py:17: a router cannot be decorated.\n"
        '  Write app.include("/", router, decorators=[loud]).',
    ),
    "an exempted router": (
        "from django.contrib.auth.decorators import login_not_required\n\n"
        "app.include('/', login_not_required(router))",
        'Write app.include("/", router, decorators=[login_not_required]).',
    ),
    "a decorator that hides the router": (
        "app.include('/', (lambda view: lambda request: view(request))(router))",
        "has no URLs to include.",
    ),
    "a prefix without a slash": (
        "app.include('/shop', router)",
        'blog.py:7: the prefix "/shop" does not end with a slash.\n'
        '  Write app.include("/shop/", ...).',
    ),
    "a prefix in second place": (
        "app.include(router, '/shop/')",
        'blog.py:7: the prefix is not a string.\n  Write app.include("/shop/", ...)',
    ),
    "a router that is routed": (
        "app.route('/shop/')(router)",
        "blog.py:7: a router is not a view: it has routes of its own.\n"
        '  Write app.include("/shop/", router).',
    ),
    "a module in place of its router": (
        "import shop\n\napp.include('/shop/', shop)",
        "blog.py:9: shop has no urlpatterns.\n"
        '  To include a router, write app.include("/shop/", shop.router).',
    ),
    "a router that is not included": (
        VIEW,
        "(djng.W002) blog.py:4: this Router is not included anywhere.",
    ),
    "a route without an @": (
        "app.get('/about/')",
        '(djng.W006) blog.py:7: the route "/about/" has no view.\n'
        "\tHINT: Write an @ in front of the line.",
    ),
    "a comma after a field": (
        "from django.db import models\n\n\nclass A(models.Model):\n    a = models.TextField(),",
        "blog.py:11: blog.A.a: (djng.E002) This is not a field.\n"
        "\tHINT: Remove the comma at the end of the line.",
    ),
    "a field without parentheses": (
        "from django.db import models\n\n\nclass A(models.Model):\n    a = models.TextField",
        "blog.py:11: blog.A.a: (djng.W007) This is not a field.\n"
        "\tHINT: Write parentheses after it if it is meant to be one.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_with_its_line(site, mistake):
    source, message = MISTAKES[mistake]
    site.put("shop.py", "from djng import Router\n\nrouter = Router()\n")
    site.write(f"from djng import Djng, Router\n\napp = Djng()\nrouter = Router()\n\n\n{source}")
    done = site.run("check")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_check_warns_of_a_route_that_an_earlier_one_hides_below_a_prefix(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        router = Router()


        @router.get("/<slug:name>/")
        def any(request, name):
            return name


        @router.get("/new/")
        def new(request):
            return "new"


        app.include("/a/", router)
    """)
    assert 'blog.py:13: "/a/new/" is never reached.' in site.run("check").stderr


def test_a_route_after_the_first_resolved_url_is_refused(site):
    site.write("""
        from djng import Djng, Router

        app = Djng()
        router = Router()
        app.include("/", router)
    """)
    late = """
        import blog
        from django.urls import resolve

        resolve("/admin/")


        @blog.router.get("/late/")
        def late(request): ...
    """
    done = site.put("late.py", late).fork("late.py")
    assert "late.py:8: too late: late.py:5 has already looked up a URL." in done.stderr


def test_urls_by_language_may_be_included(site):
    site.write("""
        from djng import Djng

        app = Djng(middleware=["django.middleware.locale.LocaleMiddleware"])

        from django.conf.urls.i18n import i18n_patterns
        from django.http import HttpResponse
        from django.urls import path

        app.include("/", i18n_patterns(path("x/", lambda request: HttpResponse("x"))))
    """)
    code = "from django.test import Client; print(Client().get('/en/x/').text)"
    assert site.shell(code) == "x"


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


def test_another_file_may_define_a_model_of_the_app(site):
    labelled = "models.TextField()\n\n    class Meta:\n        app_label = 'blog'"
    site.put("shop.py", MODEL.replace("models.TextField()", labelled)).write(TWO_FILES)
    with site.serve() as server:  # it makes the migrations
        assert server.request("/shop/").text == "0 items"
    assert "blog/migrations/0001_initial.py" in site.files()


def test_a_model_without_an_app_label_is_shown_what_to_write(site):
    site.put("shop.py", MODEL).write("")
    with site.develop() as server:
        server.says("Stop:")
        site.write(TWO_FILES)
        page = server.shows("declare an explicit app_label", Accept="text/html")
    assert "Write in the model: class Meta: app_label = &quot;blog&quot;" in page.text


def test_a_line_that_needs_the_user_model_too_early_is_shown_where_to_go(site):
    site.write("")
    with site.develop() as server:
        server.says("Stop:")
        site.write("""
            from djng import Djng

            app = Djng(AUTH_USER_MODEL="blog.User")

            from djng.signup import SignUpForm
            from djng.accounts.models import EmailUser

            class User(EmailUser): ...
        """)
        page = server.shows("has not been installed", Accept="text/html")
    assert "If the file defines User, move this line below it." in page.text
