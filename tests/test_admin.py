"""`@app.admin` shows models in the admin."""

import re

import pytest
from conftest import Site

ADMIN = """
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db import models


@app.admin
class Plain(models.Model):
    pass


@app.admin()
class Called(models.Model):
    pass


@app.admin(list_display=["title", "shout"], search_fields=["title"])
class Post(models.Model):
    title = models.CharField(max_length=50)

    def shout(self):
        return self.title.upper()


class Tag(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)


@app.admin(Tag)
class TagAdmin(admin.ModelAdmin):
    list_select_related = ["post"]


@app.admin(Session)
class SessionAdmin(admin.ModelAdmin):
    list_display = ["expire_date"]


class Note(models.Model):
    pass


class Room(models.Model):
    name = models.CharField(max_length=50)


app.admin(Note)
app.admin(Room, list_display=["name"])

assert isinstance(Plain, type) and isinstance(Post, type) and isinstance(TagAdmin, type)
"""


def test_every_form_of_the_decorator_and_of_the_call_registers_a_model(site):
    assert site.write(ADMIN).shell("""
        from django.contrib import admin
        print(*sorted(m.__name__ for m in admin.site._registry if m._meta.app_label == "blog"))
        print(admin.site.get_model_admin(blog.Post).list_display)
        print(type(admin.site.get_model_admin(blog.Tag)) is blog.TagAdmin)
        print(admin.site.get_model_admin(blog.Session).list_display)
        print(admin.site.get_model_admin(blog.Room).list_display)
    """).splitlines() == [
        "Called Note Plain Post Room Tag",
        "['title', 'shout']",
        "True",
        "['expire_date']",
        "['name']",
    ]


def test_check_finds_mistakes_in_the_admin(site):
    done = site.write(ADMIN.replace('"shout"]', '"shuot"]')).run("check")
    assert done.returncode == 1
    assert "admin.E108" in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "@app.admin()\ndef view(request): ...",
        "@app.admin\ndef view(request): ...",
        "app.admin('blog.Post')",
        "@app.admin()\nclass Thing: ...",
    ],
)
def test_the_admin_refuses_anything_but_models(site, source):
    done = site.write(source).run("check")
    assert done.returncode == 1
    assert done.stderr.startswith("blog.py:5: @app.admin cannot register")


MISTAKES = """
from django.contrib import admin
from django.db import models
from djng import Djng

app = Djng()


@app.admin(list_display=["titel"])
class Post(models.Model):
    title = models.CharField(max_length=20)


class Tag(models.Model):
    name = models.CharField(max_length=20, null=True, primary_key=True)


@app.admin(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["nam"]
"""
LINES = """
blog.py:9: <class 'django.contrib.admin.sites.PostAdmin'>: (admin.E108) ... Did you mean title?
blog.py:15: blog.Tag.name: (fields.E007) ...
blog.py:18: <class 'blog.TagAdmin'>: (admin.E108) ... Did you mean name?
"""


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("mistaken")).write(MISTAKES)


@pytest.mark.parametrize(
    "command",
    [["check"], ["check", "--force-color"], ["migrate"], ["runserver", "--noreload"]],
)
def test_checks_name_the_line_and_a_similar_name(mistaken, command):
    said = re.sub(r"\x1b\[[\d;]*m", "", mistaken.run(*command).stderr)
    for line in LINES.strip().splitlines():
        start, end = line.split("...")
        assert any(each.startswith(start) and each.endswith(end) for each in said.splitlines()), (
            line
        )
