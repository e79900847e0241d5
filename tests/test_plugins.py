"""The page of the docs on plugins, and the example package."""

import re

import pytest
from conftest import ROOT, Site
from visitor import Visitor

PAGE = (ROOT / "docs/plugins.md").read_text()
PING, PING_SITE, SITE, INIT = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PLUGINS = ROOT / "tests/plugins"
PATH = {"PYTHONPATH": str(PLUGINS)}


@pytest.fixture(scope="module")
def guests(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("guests")).put("blog.py", SITE)
    site.succeed("migrate", "-v0", **PATH)
    return site


def test_the_smallest_plugin_adds_a_route(site):
    site.put("ping.py", PING).put("blog.py", PING_SITE)
    with site.serve() as server:
        assert server.request("/ping/").text == '{"ok": true}'


def test_the_package_adds_a_model_a_route_a_tag_and_a_setting(guests):
    with guests.serve(**PATH) as server:
        visitor = Visitor(server)
        assert 'maxlength="50"' in visitor.open("/guestbook/").text
        page = visitor.fill_in("/guestbook/", text="I was <here>." + "!" * 90)
        assert f"<p>I was &lt;here&gt;.{'!' * 37}</p>" in page.text


def test_its_migrations_are_complete(guests):
    assert "No changes detected" in guests.succeed("makemigrations", "--check", **PATH)


def test_its_check_names_the_wrong_setting(site):
    done = site.put("blog.py", SITE.replace("=50", "=0")).run("check", **PATH)
    assert "(guestbook.E001) GUESTBOOK_MAX_LENGTH is from 1 to 1000." in done.stderr


def test_it_says_if_the_site_has_not_installed_it(site):
    done = site.put("blog.py", SITE.replace('["guestbook"]', "[]")).run("check", **PATH)
    assert 'Write Djng(apps=["guestbook"]).' in done.stderr


def test_the_page_shows_the_files_whose_types_are_checked():
    assert (PLUGINS / "guests.py").read_text().split() == SITE.split()
    assert (PLUGINS / "guestbook/__init__.py").read_text() == INIT
