"""``apps=["django_watchfiles"]``: the operating system reports changed files."""

import pytest

pytest.importorskip("django_watchfiles")

SITE = """
from django.db import models
from djng import Djng

app = Djng(apps=["django_watchfiles"])


@app.get("/", template="page.html")
def index(request):
    return {"answer": "answer 0"}
"""


@pytest.fixture(scope="module", params=["fork", "no fork"])
def server(module_site, request):
    module_site.write(SITE).put("templates/page.html", "template 0 {{ answer }}")
    options = ["--no-fork"] * (request.param == "no fork")
    with module_site.develop("runserver", "PORT", *options) as server:
        server.shows("answer 0")
        yield server


def test_each_save_is_served(module_site, server):
    for number in range(1, 4):
        module_site.edit(f"answer {number - 1}", f"answer {number}")
        server.shows(f"answer {number}")
    assert server.log().count("blog.py changed: ") == 3


def test_a_mistake_is_shown_until_it_is_fixed(module_site, server):
    module_site.edit("return {", "return [")
    assert "SyntaxError" in server.shows("blog.py:10").text
    module_site.edit("return [", "return {")
    server.shows("answer")


def test_a_changed_template_is_shown(module_site, server):
    for number in range(1, 4):
        module_site.edit(f"template {number - 1}", f"template {number}", "templates/page.html")
        server.shows(f"template {number}")


def test_a_deleted_module_is_a_change(module_site, server):
    module_site.put("gone.py", "").edit("from djng", "import gone\nfrom djng")
    server.shows("answer")
    (module_site.folder / "gone.py").unlink()
    server.shows("No module named 'gone'")
    module_site.edit("import gone\n", "")
    server.shows("answer")
