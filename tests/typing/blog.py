"""A site whose types mypy with django-stubs' plugin and pyright must see."""

from typing import TYPE_CHECKING, assert_type

from django.contrib.admin import ModelAdmin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.views.generic import TemplateView

from djng import Djng, Router

app = Djng()
api = Router(app_name="api")


@app.admin
class Tag(models.Model):
    name = models.CharField(max_length=50)


@app.admin(list_display=["title"])
class Post(models.Model):
    title = models.CharField(max_length=200)
    tags = models.ManyToManyField(Tag)


class Comment(models.Model):
    text = models.TextField()


if TYPE_CHECKING:  # only django-stubs gives it a parameter
    CommentAdminBase = ModelAdmin[Comment]
else:
    CommentAdminBase = ModelAdmin


@app.admin(Comment)
class CommentAdmin(CommentAdminBase):
    list_display = ["text"]


class Reader(models.Model):
    name = models.CharField(max_length=50)


class Writer(models.Model):
    name = models.CharField(max_length=50)


app.admin(Reader)
app.admin(Writer, list_display=["name"])


@app.route("/")
def index(request: HttpRequest) -> str:
    return "hello"


@app.get("/posts/<int:pk>/", template="post.html")
def post(request: HttpRequest, pk: int) -> dict[str, Post]:
    return {"post": Post.objects.get(pk=pk)}


@api.post("/posts/")
async def add(request: HttpRequest) -> tuple[str, int]:
    return "added", 201


@app.route("/about/")
class About(TemplateView):
    template_name = "about.html"


@app.error(404)
def missing(request: HttpRequest, exception: Exception) -> str:
    return "missing"


@app.before_request
def count(request: HttpRequest) -> None: ...


@api.after_request
def mark(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    return response


@app.context_processor
def years(request: HttpRequest) -> dict[str, list[int]]:
    return {"years": []}


@app.command
def greet(name: str, times: int = 1) -> str:
    return name * times


@app.library.filter
def shout(text: str) -> str:
    return text.upper()


app.include("/api/", api, namespace="api")
app.templates["post.html"] = "{{ post.title }}"


def check_types(request: HttpRequest) -> None:
    assert_type(index(request), str)
    assert_type(post(request, 1), dict[str, Post])
    assert_type(missing(request, ValueError()), str)
    assert_type(count(request), None)
    assert_type(years(request), dict[str, list[int]])
    assert_type(greet("Ada", times=2), str)
    assert_type(shout("a"), str)
    assert_type(About(), About)
    assert_type(Tag(name="one"), Tag)
    assert_type(Post.objects.get(pk=1), Post)
    assert_type(CommentAdmin, type[CommentAdmin])


async def check_async_types(request: HttpRequest) -> None:
    assert_type(await add(request), tuple[str, int])


if __name__ == "__main__":
    app.run()
