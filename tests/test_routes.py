"""``python blog.py routes`` and ``shell`` know what is in the file."""

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


@pytest.fixture
def rows(site):
    shown = site.write(SITE).succeed("routes")
    return [line.split() for line in shown.splitlines()]


def test_each_route_has_a_line(rows):
    assert rows[0] == ["METHOD", "URL", "NAME", "VIEW", "WHERE"]
    assert ["GET", "/", "index", "index", "blog.py:6"] in rows
    assert ["POST", "/posts/", "create", "create", "blog.py:11"] in rows
    assert ["GET", "/posts/", "posts", "posts", "blog.py:16"] in rows
    assert ["any", "/about/", "info", "about", "blog.py:21"] in rows


def test_what_is_included_is_there_with_where_it_is(rows):
    (login,) = [row for row in rows if row[1] == "/accounts/login/"]
    assert login[2:4] == ["login", "LoginView"]
    assert login[4] == "django.contrib.auth.views"


def test_the_admin_is_one_line_unless_all_are_wanted(site, rows):
    assert ["any", "/admin/", "admin:index", "django.contrib.admin"] in rows
    assert "/admin/login/" in site.succeed("routes", "--all")


def test_it_speaks_json(site):
    rows = json.loads(site.write(SITE).succeed("routes", "--json"))
    assert {
        "method": "GET",
        "url": "/",
        "name": "index",
        "view": "index",
        "where": "blog.py:6",
    } in rows
    assert any(row["name"] == "admin:login" for row in rows)


def test_a_site_without_routes_has_none(site):
    assert site.write("").succeed("routes").splitlines()[0].startswith("METHOD")


def test_the_shell_has_what_the_file_has(site):
    site.write(
        "from django.db import models\nclass Post(models.Model): ...\ndef helper():\n    return 7\n"
    )
    code = "print(Post.__name__, helper(), app.label, User.__name__)"
    assert site.succeed("shell", stdin=code).endswith("Post 7 blog User\n")
