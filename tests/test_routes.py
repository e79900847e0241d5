"""``python blog.py routes`` lists the URLs, and ``shell`` has the names of the file."""

import json

import pytest

SITE = """
@app.get("/")
def index(request):
    return "hello"


@app.post("/posts/")
def create(request):
    return "made"


@app.get("/posts/")
def posts(request):
    return "all"


@app.route("/about/", name="info")
def about(request):
    return "about"


app.include("/accounts/", "django.contrib.auth.urls")
"""


@pytest.fixture(scope="module")
def file(module_site):
    return module_site.write(SITE)


@pytest.fixture(scope="module")
def rows(file):
    shown = file.succeed("routes")
    return [line.split() for line in shown.splitlines()]


def test_each_route_has_a_line(rows):
    assert rows[0] == ["METHOD", "URL", "NAME", "VIEW", "WHERE"]
    assert ["GET", "/", "index", "index", "blog.py:6"] in rows
    assert ["POST", "/posts/", "create", "create", "blog.py:11"] in rows
    assert ["GET", "/posts/", "posts", "posts", "blog.py:16"] in rows
    assert ["any", "/about/", "info", "about", "blog.py:21"] in rows


def test_included_urls_have_the_module_of_their_view(rows):
    (login,) = [row for row in rows if row[1] == "/accounts/login/"]
    assert login[2:4] == ["login", "LoginView"]
    assert login[4] == "django.contrib.auth.views"


def test_the_admin_is_one_line_without_an_option(file, rows):
    assert ["any", "/admin/", "admin:index", "django.contrib.admin"] in rows
    assert "/admin/login/" in file.succeed("routes", "--all")


def test_the_list_can_be_json(file):
    rows = json.loads(file.succeed("routes", "--json"))
    assert {
        "method": "GET",
        "url": "/",
        "name": "index",
        "view": "index",
        "where": "blog.py:6",
    } in rows
    assert any(row["name"] == "admin:login" for row in rows)


def test_a_site_without_routes_has_an_empty_list(site):
    assert site.write("").succeed("routes").splitlines()[0].startswith("METHOD")


def test_the_shell_has_the_names_of_the_file(site):
    site.write(
        "from django.db import models\nclass Post(models.Model): ...\ndef helper():\n    return 7\n"
    )
    code = "print(Post.__name__, helper(), app.label, User.__name__)"
    done = site.python("blog.py", "shell", stdin=code)
    assert done.stdout.endswith("Post 7 blog User\n"), done.stderr
