"""Each ejected site answers like its file, with the same data, and has nothing left to migrate."""

import json

import django
import pytest
from eject_sites import SITES
from ejecting import Ejected, assert_same, mypy, ruff


@pytest.fixture(scope="module", params=[*SITES])
def ejected(request, tmp_path_factory):
    if request.param == "htmx" and django.VERSION < (6, 0):
        pytest.skip("template partials are new in Django 6.0")
    return make(request.param, tmp_path_factory.mktemp(request.param))


def make(name, folder):
    source, data, requests, label, beside = SITES[name]
    site = Ejected(folder, label)
    site.extra, site.is_async = requests, name == "async"
    site.file.put("static/site.css", "a {}").put("media/a.txt", "a file")
    site.file.put("public/robots.txt", "User-agent: *")
    site.file.put("helpers.py", "def greet(name):\n    return f'hello {name}'\n")
    for path, text in {**beside, f"{label}.py": source}.items():
        site.file.put(path, text)
    return site.eject(data)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def test_it_answers_like_the_file(ejected):
    requests = ejected.requests()
    assert len({json.dumps(each) for each in requests}) >= 300
    assert_same(ejected, requests, is_async=ejected.is_async)


def test_it_passes_djangos_checks_and_ruffs(ejected):
    assert "No changes" in ejected.manage("makemigrations", "--check")
    assert "No migrations to apply" in ejected.manage("migrate")
    assert ruff(ejected) == ""


def test_it_passes_mypy_where_the_file_does(ejected, cache):
    assert mypy(ejected, cache) == []


def test_it_has_no_djng_inside(ejected):
    for path in ejected.project.folder.rglob("*"):
        if path.suffix in (".py", ".html", ".txt"):
            assert "djng" not in path.read_text(), path
