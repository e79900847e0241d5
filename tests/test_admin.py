"""Models come into the admin by a decorator."""

import pytest

ADMIN = """
from django.contrib import admin
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


assert isinstance(Plain, type) and isinstance(Post, type) and isinstance(TagAdmin, type)
"""


def test_every_form_of_the_decorator_registers(site):
    assert site.write(ADMIN).shell("""
        from django.contrib import admin
        print(*sorted(m.__name__ for m in admin.site._registry if m._meta.app_label == "blog"))
        print(admin.site.get_model_admin(blog.Post).list_display)
        print(type(admin.site.get_model_admin(blog.Tag)) is blog.TagAdmin)
    """).splitlines() == ["Called Plain Post Tag", "['title', 'shout']", "True"]


def test_another_apps_model_is_registered_by_its_admin(site):
    site.write("""
        from django.contrib import admin
        from django.contrib.sessions import models

        @app.admin(models.Session)
        class SessionAdmin(admin.ModelAdmin):
            list_display = ["expire_date"]
    """)
    assert (
        site.shell("""
        from django.contrib import admin
        print(admin.site.get_model_admin(blog.models.Session).list_display)
    """)
        == "['expire_date']"
    )


def test_checks_cover_the_admin(site):
    done = site.write(ADMIN.replace('"shout"]', '"shuot"]')).run("check")
    assert done.returncode == 1
    assert "admin.E108" in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "@app.admin()\ndef view(request): ...",
        "@app.admin\ndef view(request): ...",
        "@app.admin()\nclass Thing: ...",
    ],
)
def test_what_is_no_model_is_refused(site, source):
    done = site.write(source).run("check")
    assert done.returncode == 1
    assert done.stderr.startswith("blog.py:5: @app.admin cannot register")
