"""Each ejected site answers like its file, with the same data, and has nothing left to migrate."""

import django
import pytest
from eject_sites import SITES
from ejecting import Ejected, assert_same, ruff


@pytest.fixture(scope="module", params=[*SITES])
def ejected(request, tmp_path_factory):
    if request.param == "htmx" and django.VERSION < (6, 0):
        pytest.skip("template partials are new in Django 6.0")
    label, source, data, extra = SITES[request.param]
    site = Ejected(tmp_path_factory.mktemp(request.param), label)
    site.file.put(f"{label}.py", source).put("static/site.css", "a {}").put("media/a.txt", "a")
    site.file.put("public/robots.txt", "User-agent: *")
    site.file.put("helpers.py", "def greet(name):\n    return f'hello {name}'\n")
    site.extra, site.is_async = extra, request.param == "async"
    return site.eject(data)


def test_it_answers_like_the_file(ejected):
    assert_same(ejected, ejected.requests(*ejected.extra), is_async=ejected.is_async)


def test_it_passes_djangos_checks_and_ruffs(ejected):
    assert "No changes" in ejected.manage("makemigrations", "--check")
    assert "No migrations to apply" in ejected.manage("migrate")
    assert ruff(ejected) == ""


def test_it_has_no_djng_inside(ejected):
    for path in ejected.project.folder.rglob("*"):
        if path.suffix in (".py", ".html", ".txt"):
            assert "djng" not in path.read_text(), path
