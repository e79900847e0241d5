"""Flask's words get an error that says what to write instead."""

import pytest
from conftest import Site

HEAD = "from djng import Djng, Router\n\napp = Djng()\n"
IN_THE_FILE = [
    ("from djng import jsonify, Djng", "Write instead: return the dict or list itself"),
    ("from djng import Djng, Flask", "Write instead: Djng()"),
    ("from djng import Djng\napp = Djng(__name__)", "Write `app = Djng()`: it knows its file."),
    ("from djng import Djng\napp = Djng(static_folder='s')", "instead: files in static/, or"),
    ("from djng import Djng\napp = Djng\n@app.get('/')\ndef index(request): ...", "`app = Djng()`"),
    (f"{HEAD}app.secret_key = 'secret'", "Write instead: Djng(SECRET_KEY=...); without it,"),
    (f"{HEAD}app.static_folder = 'assets'", "Write instead: files in static/, or Djng(STATIC"),
    (f"{HEAD}app.testing = True", "Write instead: python blog.py test, in the terminal"),
    (f"{HEAD}with app.app_context(): ...", "the code alone: models work without a context"),
    (f"{HEAD}app.wsgi_app = print(app.wsgi_app)", "instead: @app.middleware, or Djng(https=True)"),
    (f"{HEAD}shop = Router('shop', __name__)", 'Write `Router(app_name="shop")`.'),
    (f"{HEAD}shop = Router(url_prefix='/shop')", 'Write instead: app.include("/shop/", router)'),
    (f"{HEAD}@app.get('/', endpoint='home')\ndef index(request): ...", 'instead: name="..."'),
    (f"{HEAD}app.config['PAGE_SIZE'] = 20", "instead: Djng(PAGE_SIZE=20), and read settings."),
    (f"{HEAD}@app.errorhandler(404)\ndef missing(request, exception): ...", "@app.error(404)"),
    (f"{HEAD}@app.cli.command()\ndef greet(): ...", "Write instead: @app.command"),
    (f"{HEAD}app.register_blueprint(Router())", 'instead: app.include("/shop/", router)'),
    (f"{HEAD}app.add_url_rule('/', view_func=print)", 'instead: app.route("/about/")(about)'),
    (f"{HEAD}@app.command()\ndef greet(): ...", "Write @app.command, without parentheses."),
    (
        f"{HEAD}@app.before_request()\ndef first(request): ...",
        "Write @app.before_request, without parentheses.",
    ),
    (f"{HEAD}@app.get\ndef index(request): ...", 'Write @app.route("/...").'),
    (f"{HEAD}@app.error\ndef missing(request, exception): ...", "Write @app.error(404)"),
]
IN_A_VIEW = {
    "request.form['text']": 'request.POST["text"]',
    "request.args['q']": 'request.GET["q"]',
    "request.get_json()": "json.loads(request.body)",
    "request.json": "json.loads(request.body)",
    "render_template('index.html')": 'template="page.html" in the route',
    "url_for('index')": 'reverse("post", args=[1]), from django.urls',
    "jsonify({})": "return the dict or list itself",
    "abort(404)": "raise Http404",
    "flash('Saved.')": 'messages.success(request, "Saved."), from django.contrib',
    "session['seen']": 'request.session["seen"]',
    "g.started": "request.started = 1",
    "db.session": "post.save(), post.delete(), or Post.objects",
    "User.query": "Post.objects, as in Post.objects.all()",
    "HTTPException(404)": "raise Http404, or return a body with its status",
}


@pytest.mark.parametrize(("source", "hint"), IN_THE_FILE)
def test_a_word_of_flask_in_the_file_is_explained(site, source, hint):
    done = site.put("blog.py", f"{source}\n").run("check")
    assert done.returncode == 1
    assert hint in done.stderr


@pytest.fixture(scope="module")
def pages(module_site):
    module_site.write(f"""
        from django.urls import path

        CODES = {[*IN_A_VIEW]!r}

        @app.route("/<int:number>/")
        def index(request, number):
            from django.contrib.auth.models import User

            return eval(CODES[number])
    """)
    with module_site.serve() as server:
        yield {code: server.request(f"/{i}/").text for i, code in enumerate(IN_A_VIEW)}


@pytest.mark.parametrize("code", IN_A_VIEW)
def test_a_word_of_flask_in_a_view_is_explained(pages, code):
    hint = pages[code].partition("Write instead: ")[2].partition("\n")[0]
    assert IN_A_VIEW[code] in hint


IN_A_TEMPLATE = {
    "{{ url_for('static', filename='a') }}": 'Write instead: {% url "post" pk=1 %}, or {% static',
    "{% for m in get_flashed_messages() %}": "Write instead: {% for message in messages %}",
    "{% with all = get_flashed_messages() %}": "Write instead: {% for message in messages %}",
    "{{ super() }}": "Write instead: {{ block.super }}",
    "{{ form.hidden_tag() }}": "Write instead: {% csrf_token %}",
    "{{ text|tojson }}": 'Write instead: {{ data|json_script:"data" }}',
    "{{ text|default('none') }}": "Write |default:'none', with a colon and no spaces.",
    "{{ text|default: 'none' }}": "Write |default:'none', with a colon and no spaces.",
    "{% if post.pk==1 %}": "Write spaces around ==",
    "{% url 'index', 1 %}": "Separate the arguments by spaces, without commas.",
    "{% url \u2018index\u2019 1 %}": "Write straight quotes.",
    "{% elseif post %}": "Write instead: {% elif ... %}",
    "{% set total = 1 %}": "Write instead: {% with total=1 %}...{% endwith %}",
    "{{ post.title() }}": "Write {{ post.title }}, without parentheses.",
    "{{ post.title(1) }}": "Templates pass no arguments to post.title: call it in the view, or",
    "{{ posts[0] }}": "Write {{ posts.0 }}, without brackets.",
    "{{ post['title'] }}": "Write {{ post.title }}, without brackets.",
}
EMPTY = {
    "g.started": "an attribute of the request: {{ request.started }}",
    "session.seen": "{{ request.session.seen }}",
    "current_user.name": "{{ user }}",
    "get_flashed_messages": "{% for message in messages %}",
    "loop.index": "forloop.counter, forloop.first or forloop.last",
}


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("templates"))
    for number, source in enumerate([*IN_A_TEMPLATE, *(f"{{{{ {name} }}}}" for name in EMPTY)]):
        site.put(f"templates/{number}.html", f"<p>\n{source}\n")
    site.write("""
        from django.shortcuts import render

        @app.route("/<int:number>/")
        def index(request, number):
            return render(request, f"{number}.html")
    """)
    with site.serve() as server:
        yield server


@pytest.mark.parametrize("source", IN_A_TEMPLATE)
def test_a_word_of_flask_in_a_template_is_explained(templates, source):
    number = [*IN_A_TEMPLATE].index(source)
    answer = templates.request(f"/{number}/", Accept="text/plain")
    assert answer.text.startswith(f"templates/{number}.html:2: TemplateSyntaxError: ")
    assert IN_A_TEMPLATE[source] in answer.text


@pytest.mark.parametrize("name", EMPTY)
def test_a_variable_of_flask_that_shows_nothing_is_a_warning(templates, name):
    number, before = len(IN_A_TEMPLATE) + [*EMPTY].index(name), len(templates.log())
    for _ in range(2):
        assert templates.request(f"/{number}/").text == "<p>\n\n"
    word = name.partition(".")[0]
    warning = (
        f"templates/{number}.html:2: {word} shows nothing: there is no variable of that"
        f" name.\n    {{{{ {name} }}}}\n  Write instead: {EMPTY[name]}\n"
    )
    assert warning in templates.says(f" /{number}/\n")[before:]
    assert templates.log().count(f"{word} shows nothing") == 1


def test_other_templates_log_nothing(templates):
    before = len(templates.log())
    templates.request("/admin/login/")
    assert "nothing" not in templates.says(" /admin/login/\n")[before:]


def test_hasattr_finds_no_word_of_flask(site):
    assert site.write("").shell("import djng; print(hasattr(djng, 'jsonify'))") == "False"
