"""What type checkers know without a plugin: decorators keep the types of what they decorate."""

from typing import assert_type

from django.db import models
from django.http import HttpRequest

from djng import Djng, Router

app = Djng()
part = Router()


@app.admin
class Bare(models.Model):
    def shout(self) -> str:
        return "bare"


@app.admin(ordering=["pk"])
class Optioned(models.Model):
    def shout(self) -> str:
        return "optioned"


@app.get("/")
@part.post("/", name="other")
def index(request: HttpRequest) -> str:
    return "hello"


@app.post("/", templat="index.html")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
def misspelled(request: HttpRequest) -> str:
    return "never"


@part.middleware
class Timing:
    seconds = 1

    def __init__(self, get_response: object) -> None: ...


@app.task
def welcome(email: str) -> int:
    return 1


@app.task(priority=1)
async def later(email: str) -> int:
    return 2


def check_types(request: HttpRequest) -> None:
    assert_type(Bare().shout(), str)
    assert_type(Optioned().shout(), str)
    assert_type(index(request), str)
    assert_type(Timing(print).seconds, int)
    assert_type(welcome.call("a@example.com"), int)
    welcome.enqueue("a@example.com")
    later.enqueue(email="a@example.com")
