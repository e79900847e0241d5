"""How much time routers and their middleware take, through the WSGI callable.

    python tests/benchmarks/routers.py

As in request.py, two processes take turns. Prints the time of a request on a site that has a
router with middleware elsewhere, over a site without one; the goal is 1.00. Then the time that
each level of nested routers adds, and each level of Django's own `include`; the goal is the same.
"""

import statistics
import tempfile
from pathlib import Path

from request import PROCESSES, REQUESTS, duel

LEVELS = 20

PLAIN = """
from djng import Djng, Router

app = Djng(SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"])


@app.route("/")
def index(request):
    return "hello"
"""
PARTS = """

def middleware(get_response):
    return get_response


shop = Router(middleware=[middleware])


@shop.route("/")
@shop.route("/own/", middleware=[middleware])
def front(request):
    return "shop"


@shop.error(404)
def missing(request, exception):
    return "none"


app.include("/shop/", shop)
"""
NESTED_INCLUDES = f"""
from django.http import HttpResponse
from django.urls import include, path
urls = [path("", lambda request: HttpResponse("hello"))]
for level in range({LEVELS}):
    urls = [path("a/", include((urls, "inner")))]
app.include("/", urls)
"""
NESTED = f"""
outer = app
for level in range({LEVELS}):
    inner = Router(app_name="inner")
    outer.include("/a/", inner)
    outer = inner
outer.route("/")(index)
"""


def show(folder):
    sites = {"plain": "", "parts": PARTS, "nested": NESTED, "included": NESTED_INCLUDES}
    for name, text in sites.items():
        Path(folder, f"{name}.py").write_text(PLAIN + text)
    pairs = [pair for _ in range(PROCESSES) for pair in duel(folder, "parts", "plain")]
    print(f"a router with middleware elsewhere: {statistics.median(a / b for a, b in pairs):.3f}")
    path = "/" + LEVELS * "a/"
    for name, what in {"nested": "a router", "included": "an include"}.items():
        pairs = [pair for _ in range(PROCESSES) for pair in duel(folder, name, "plain", path)]
        longer = statistics.median(a - b for a, b in pairs) / REQUESTS / LEVELS
        print(f"{what}: {1e6 * longer:.2f} µs")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        show(name)
