"""Templates, tags, filters and context processors that are written in the file."""

import pytest

PAGES = '''
app.templates["base.html"] = "<title>{% block title %}{% endblock %}</title>"
app.templates["page.html"] = """{% extends "base.html" %}
{% block title %}{{ name|shout }} {% answer %} {% static "a.css" %} {% url "page" %}{% endblock %}
"""


@app.library.filter
def shout(text):
    return text.upper()


@app.library.simple_tag
def answer():
    return 42


@app.route("/", template="page.html")
def page(request):
    return {"name": "<ada>"}


@app.route("/folder/", template="folder.html")
def folder(request):
    return {}


@app.route("/both/", template="base.html")
def both(request):
    return {}


app.templates["admin/login.html"] = "our own {{ town }} {{ site_header }}"
app.templates["index.html"] = "{{ town }} {{ path }} {{ own }}"


@app.context_processor
def name(request):
    return {"town": "Harbour", "own": "processor"}


@app.context_processor
def path(request):
    return {"path": request.path}


@app.context_processor
def sometimes(request):
    return None if "forget" in request.GET else {}


@app.route("/own/", template="index.html")
def own(request):
    return {"own": "view"}
'''


@pytest.fixture(scope="module")
def server(module_site):
    module_site.write(PAGES).put("templates/folder.html", "from {% answer %}")
    module_site.put("templates/base.html", "never seen")
    command = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
    with module_site.serve(*command) as server:
        yield server


def test_templates_and_tags_of_the_file_need_no_load(server):
    title = "<title>&lt;ADA&gt; 42 /static/a.css /</title>"
    assert server.request("/").text.strip() == title
    assert server.request("/folder/").text == "from 42"


def test_a_template_of_the_file_replaces_one_of_the_folder_or_an_app(server):
    assert server.request("/both/").text == "<title></title>"
    assert server.request("/admin/login/").text.startswith("our own")


def test_context_processors_of_the_file_add_to_every_template(server):
    assert server.request("/own/").text == "Harbour /own/ view"
    assert server.request("/admin/login/").text == "our own Harbour Django administration"


def test_a_context_processor_that_returns_no_dict_is_named(server):
    assert server.request("/own/?forget").status == 500
    line = PAGES.partition("def sometimes")[0].count("\n") + 4
    log = server.log()
    assert f"blog.py:{line}: sometimes() returned a value of type NoneType." in log
    assert "\n  A context processor returns a dict." in log


REPLACING = """
from django.apps import AppConfig
from django.conf import settings


class Cotton(AppConfig):
    name = "cotton"

    def ready(self):
        loaders = ["django.template.loaders.filesystem.Loader"]
        settings.TEMPLATES[0]["OPTIONS"]["loaders"] = loaders
"""


def test_an_app_that_replaces_the_loaders_keeps_the_templates_of_the_file(site):
    site.put("cotton/__init__.py", "").put("cotton/apps.py", REPLACING)
    site.write("""
        from djng import Djng

        app = Djng(apps=["cotton"])
        app.templates["index.html"] = "in the file"


        @app.route("/", template="index.html")
        def index(request):
            return {}
    """)
    ask = "from django.test import Client; print(Client().get('/').content.decode())"
    assert site.shell(ask) == "in the file"
