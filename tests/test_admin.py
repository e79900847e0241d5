"""`@app.admin` shows models in the admin."""

import pytest

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
