"""Templates, tags and filters written in the file."""

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
'''


def test_templates_and_tags_of_the_file_need_no_load(site):
    site.write(PAGES).put("templates/folder.html", "from {% answer %}")
    site.put("templates/base.html", "never seen")
    with site.serve() as server:
        title = "<title>&lt;ADA&gt; 42 /static/a.css /</title>"
        assert server.request("/").text.strip() == title
        assert server.request("/folder/").text == "from 42"
        assert server.request("/both/").text == "<title></title>"


def test_a_template_of_the_file_replaces_an_apps(site):
    site.write('app.templates["admin/login.html"] = "our own"')
    with site.serve() as server:
        assert server.request("/admin/login/").text == "our own"


PROCESSED = """
app.templates["index.html"] = "{{ town }} {{ asked }} {{ own }}"


@app.context_processor
def name(request):
    return {"town": "Harbour", "own": "processor"}


@app.context_processor
def path(request):
    return {"asked": request.path}


@app.route("/", template="index.html")
def index(request):
    return {"own": "view"}
"""


def test_context_processors_of_the_file_add_to_every_template(site):
    site.write(PROCESSED).put("templates/admin/login.html", "{{ town }} {{ site_header }}")
    with site.serve() as server:
        assert server.request("/").text == "Harbour / view"
        assert server.request("/admin/login/").text == "Harbour Django administration"


def test_a_context_processor_that_returns_no_dict_is_named(site):
    site.write(PROCESSED + "\n\n@app.context_processor\ndef forgetful(request): ...\n")
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/").status == 500
    line = "blog.py:24: forgetful() returned a value of type NoneType."
    assert f"{line}\n  A context processor returns a dict." in server.log()
