"""The public names of `djng`, and their docstrings."""

import inspect
import re

import pytest

import djng
from djng import exceptions


def test_all_public_names_exist():
    assert djng.__all__ == ["Djng", "DjngError", "Router"]
    assert all(getattr(djng, name) for name in djng.__all__)


def test_djng_takes_the_documented_keywords():
    parameters = inspect.signature(djng.Djng).parameters
    ours = ["apps", "middleware", "admin", "migrate", "https", "serve_media", "data", "users"]
    assert list(parameters) == [*ours, "overrides"]
    assert parameters["admin"].default == "admin/"


@pytest.mark.parametrize("choice", ["enable", "disable"])
def test_the_import_leaves_the_garbage_collector_as_it_is(site, choice):
    code = f"import gc; gc.{choice}(); from djng import Djng; print(gc.isenabled())"
    assert site.python("-c", code).stdout == f"{choice == 'enable'}\n"


def public(owner):
    return {n: v for n, v in vars(owner).items() if inspect.isfunction(v) and n[0] != "_"}


def test_public_functions_have_docstrings_and_types():
    for kind in (djng.Djng, *djng.Djng.__bases__):
        for name, function in public(kind).items():
            assert function.__doc__, name
            assert inspect.signature(function).return_annotation is not inspect.Signature.empty


def test_every_error_is_documented():
    kinds = [
        v
        for v in vars(exceptions).values()
        if inspect.isclass(v) and v.__module__ == exceptions.__name__
    ]
    assert all(kind.__doc__ for kind in kinds)


def test_the_docstring_of_the_package_is_a_running_site(site):
    example = re.search(r"::\n\n((?:    .*\n|\n)+)", djng.__doc__)[1]
    site.put("blog.py", example)
    with site.serve() as server:
        assert server.request("/").text == "<h1>Hello</h1>"
