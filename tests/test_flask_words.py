"""Flask's words get an error that says what to write instead."""

import pytest

HEAD = "from djng import Djng, Router\n\napp = Djng()\n"
IN_THE_FILE = [
    ("from djng import jsonify, Djng", "Write instead: return the dict or list itself"),
    ("from djng import Djng, Flask", "Write instead: Djng()"),
    ("from djng import Djng\napp = Djng(__name__)", "Write `app = Djng()`: it knows its file."),
    (f"{HEAD}app.secret_key = 'secret'", "Write Djng(SECRET_KEY=...)."),
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
    "request.form['text']": "request.POST[&quot;text&quot;]",
    "request.args['q']": "request.GET[&quot;q&quot;]",
    "request.get_json()": "json.loads(request.body)",
    "request.json": "json.loads(request.body)",
    "render_template('index.html')": "template=&quot;page.html&quot; in the route",
    "url_for('index')": "reverse(&quot;post&quot;, args=[1]), from django.urls",
    "jsonify({})": "return the dict or list itself",
    "abort(404)": "raise Http404",
    "flash('Saved.')": "messages.success(request, &quot;Saved.&quot;), from django.contrib",
    "session['seen']": "request.session[&quot;seen&quot;]",
    "g.started": "request.started = 1",
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
            return eval(CODES[number])
    """)
    with module_site.serve() as server:
        yield {code: server.request(f"/{i}/").text for i, code in enumerate(IN_A_VIEW)}


@pytest.mark.parametrize("code", IN_A_VIEW)
def test_a_word_of_flask_in_a_view_is_explained(pages, code):
    hint = pages[code].partition("Write instead: ")[2].partition("\n")[0]
    assert IN_A_VIEW[code] in hint


def test_hasattr_finds_no_word_of_flask(site):
    assert site.write("").shell("import djng; print(hasattr(djng, 'jsonify'))") == "False"
