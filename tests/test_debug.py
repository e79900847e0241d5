"""Errors while developing are explained in the browser and in the terminal."""

import json

import pytest
from conftest import Site

SITE = """
from django.db import models
from django.contrib.auth.models import User
from django.forms import modelform_factory
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template import RequestContext, Template
from django.urls import reverse
from django.views.decorators.cache import never_cache


class Post(models.Model):
    title = models.CharField(max_length=100)


app.templates["post.html"] = "<p>{{ post }}</p>"
app.templates["list.html"] = '''<ul>
  <li>{% url "psot" %}</li>
</ul>'''
app.templates["bare.html"] = "{% url crash %}"
app.templates["nothing.html"] = "{% url 'post' psot.pk %}"
app.templates["static.html"] = "{% static 'site.css' %}"
app.templates["calls.html"] = "{{ calls }}"


@app.get("/static-tag/", template="static.html")
def static_tag(request):
    return {}


@app.get("/crash/")
def crash(request):
    return helper()


def helper():
    return 1 / 0


@app.get("/bare/", template="bare.html")
@app.get("/nothing/", template="nothing.html")
def empty_page(request):
    return {}


@app.get("/in-folder/", template="templates/post.html")
def in_folder(request):
    return {}


@app.get("/no-key/")
def no_key(request):
    return get_object_or_404(User, 1)


@app.get("/no-is-valid/")
def no_is_valid(request):
    return modelform_factory(Post, fields=["title"])({}).cleaned_data


@app.get("/no-parentheses/")
def no_parentheses(request):
    return [post.title for post in Post.objects.all]


@app.get("/no-request/")
def no_request(request):
    return render("post.html")


class Nameless:
    def __str__(self):
        "no return"


@app.get("/nameless/")
def nameless(request):
    return str(Nameless())


@app.get("/typo/")
def typo(request):
    return helpre()


@app.get("/typo-in-field/")
def typo_in_field(request):
    return models.CharField(max_lenght=9)


@app.get("/typo-in-option/")
def typo_in_option(request):
    return models.IntegerField(defualt=9)


@app.get("/typo-in-model/")
def typo_in_model(request):
    return Post(titel="a")


@app.get("/typo-in-import/")
def typo_in_import(request):
    from django.db import conection


app.templates["filter.html"] = "{{ request|lenght }}"


app.templates["empty.html"] = "[{{ titel }}][{{ request.metod }}][{{ titles }}]"


@app.get("/empty/", template="empty.html")
def empty(request):
    return {"title": "a"}


@app.get("/typo-in-filter/", template="filter.html")
def typo_in_filter(request):
    return {}


@app.get("/typo-in-attribute/")
def typo_in_attribute(request):
    return request.metod


@app.get("/forgotten-import/")
def no_import(request):
    return random.choice("ab")


@app.get("/template/", template="psot.html")
def no_template(request):
    return {}


@app.get("/render/")
def no_template_either(request):
    return render(request, "psot.html")


@app.get("/name/", template="list.html")
def unknown_name(request):
    return {}


@app.get("/cached/")
@never_cache
def cached(request):
    return "text"


@app.get("/space/")
def unknown_namespace(request):
    return reverse("admn:index")


@app.get("/post/<int:pk>/")
def post(request, pk):
    return str(pk)


@app.get("/argument/")
def no_argument(request):
    return reverse("post")


@app.get("/misnamed/")
def misnamed(request):
    return reverse("post", kwargs={"id": 1})


@app.get("/called/", template="calls.html")
def called(request):
    return {"calls": lambda: 1 / 0}


@app.get("/none/")
def forgotten(request):
    "no return"


@app.get("/int/")
def number(request):
    return 7


@app.post("/form/")
def form(request):
    return request.POST["title"]


PAGE = "<form method=post>{% csrf_token %}<button>Send</button></form>"


@app.route("/text/")
def text_form(request):
    return PAGE, 200


@app.get("/parts/")
def parts(request):
    return in_page("{% csrf_token %}")


def in_page(text):
    return f"<form method=post action=/other/>{text}</form>"


@app.post("/other/")
def other(request):
    return "sent"


@app.route("/itself/")
def renders_itself(request):
    return Template(PAGE).render(RequestContext(request))


class SoldOut(Exception):
    pass


@app.error(SoldOut)
def sold_out(request, error):
    return f"sold out: {error}", 409


@app.get("/buy/")
def buy(request):
    raise SoldOut("the last one")


@app.get("/stream/")
async def stream(request):
    yield "one "
    yield "two"


@app.get("/found/<int:pk>/")
def found(request, pk):
    return get_object_or_404(User, pk=pk).username


@app.get("/missing/")
def missing(request):
    raise Http404("no such thing")


@app.get("/recursion/<int:depth>/")
def recursion(request, depth):
    return recursion(request, depth - 1) if depth else 1 // 0


@app.get("/query/")
async def query(request):
    return request.GET["q"]


@app.get("/table/")
def table(request):
    return str(Post.objects.count())


@app.get("/async/")
async def asynchronous(request):
    return str(Post.objects.count())


@app.get("/only/<int:pk>/")
def only(request, pk):
    return "only"
"""

# For each path: the text of the line with the error, the message, and what to do
CRASHES = {
    "/crash/": ("return 1 / 0", "ZeroDivisionError: division by zero", "called by blog.py:"),
    "/typo/": ("helpre()", "NameError: name 'helpre' is not defined", "Did you mean"),
    "/typo-in-field/": ("max_lenght", "argument 'max_lenght'", "Did you mean"),
    "/typo-in-option/": ("defualt", "argument 'defualt'", "Did you mean"),
    "/typo-in-model/": ("Post(titel", "arguments: 'titel'", "Did you mean title?"),
    "/typo-in-import/": ("import conection", "cannot import name 'conection'", "Did you mean"),
    "/typo-in-filter/": ("|lenght", "Invalid filter: 'lenght'", "Did you mean length?"),
    "/typo-in-attribute/": ("return request.metod", "has no attribute 'metod'", "Did you mean"),
    "/forgotten-import/": ("random", "'random' is not defined", "Did you forget to import"),
    "/template/": ('template="psot.html"', "TemplateDoesNotExist: psot.html", "mean post.html?"),
    "/render/": (
        'render(request, "psot.html")',
        "TemplateDoesNotExist: psot.html",
        "Searched: app.templates, ",
    ),
    "/name/": ('{% url "psot" %}', "Reverse for 'psot' not found.", "Did you mean post?"),
    "/bare/": ("{% url crash %}", "Reverse for '' not found", "{% url 'crash' ... %}"),
    "/nothing/": ("psot.pk", "arguments '('',)' not found", "An argument is empty: is it miss"),
    "/in-folder/": ("templates/post.html", "templates/post.html", "Did you mean post.html?"),
    "/no-key/": ("get_object_or_404(User, 1)", "cannot unpack", "Did you forget `pk=`?"),
    "/no-is-valid/": (".cleaned_data", "no attribute 'cleaned_data'", "Call is_valid() first."),
    "/no-parentheses/": (
        "Post.objects.all]",
        "object is not iterable",
        "Did you forget the parentheses?",
    ),
    "/no-request/": ('render("post.html")', "'template_name'", "Did you forget `request`?"),
    "/nameless/": ("str(Nameless())", "__str__ returned", "Did you forget `return` in"),
    "/space/": ('"admn:index"', "'admn' is not a registered namespace", "Did you mean admin?"),
    "/cached/": ('@app.get("/cached/")', "has no attribute 'h", "return an HttpResponse"),
    "/argument/": ('reverse("post")', "with no arguments not found", "{% url 'post' pk=... %}"),
    "/misnamed/": ('kwargs={"id": 1}', "'{'id': 1}' not found", "It takes pk:"),
    "/called/": ("lambda: 1 / 0", "ZeroDivisionError", "lambda"),
    "/none/": ("def forgotten", "forgotten() returned None.", "Did you forget `return`?"),
    "/int/": ("def number", "number() returned a value of type int.", "Return str(...)"),
    "/table/": (
        "def table",
        "no such table: blog_post",
        "python blog.py makemigrations, then python blog.py migrate",
    ),
    "/async/": ("def asynchronous", "from an async context", "Write `def` instead of `async def`"),
}


def line_of(text):
    """The number of the line that has the text."""
    source = f"from djng import Djng\n\napp = Djng()\n\n{SITE}"
    (number,) = [n for n, line in enumerate(source.split("\n"), start=1) if text in line]
    return number


@pytest.fixture(scope="module")
def developed(module_site):
    module_site.write(SITE)
    with module_site.develop("runserver", "--noreload", "--no-migrate") as server:
        yield server


@pytest.fixture(scope="module")
def produced(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("produced")).write(SITE)
    with site.develop("runserver", "--noreload", DJANGO_DEBUG="0") as server:
        yield server


@pytest.mark.parametrize("path", CRASHES)
def test_a_crash_is_explained_as_text(developed, path):
    place, message, hint = CRASHES[path]
    answer = developed.request(path, Accept="text/plain")
    assert answer.status == 500
    number = int(answer.text.split(":")[1])
    assert abs(number - line_of(place)) <= 1, answer.text  # it may be the line of the decorator
    assert message in answer.text.splitlines()[0]
    assert hint in answer.text
    assert len(answer.text.splitlines()) <= 5


@pytest.mark.parametrize("path", CRASHES)
def test_a_crash_is_explained_in_the_terminal(developed, path):
    before = len(developed.log())
    answer = developed.request(path, Accept="text/plain")
    developed.says(f"500 GET    {path}\n")
    log = developed.log()[before:]
    assert f"Internal Server Error: {path}\n{answer.text}" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("path", CRASHES)
def test_a_crash_is_explained_on_a_page(developed, path):
    page = developed.request(path, Accept="text/html").text
    above, _, below = page.partition("<details>")
    assert "blog.py:" in above
    assert f"<i>{above.split('blog.py:')[1].split('<')[0]}</i>" in above
    assert "Request Method:" in below  # Django's own page


@pytest.mark.parametrize("path", CRASHES)
def test_nothing_is_explained_with_debug_off(produced, path):
    for accept in ("text/plain", "text/html"):
        answer = produced.request(path, Accept=accept)
        assert answer.status == 500
        assert "blog.py" not in answer.text
        assert "python" not in answer.text.lower()


def test_the_log_has_the_traceback_with_debug_off(produced):
    produced.request("/crash/")
    assert "Traceback (most recent call last)" in produced.says("ZeroDivisionError")


def test_the_static_tag_needs_no_load(developed):
    assert developed.request("/static-tag/").text == "/static/site.css"


def test_a_folder_called_template_gets_a_hint(site):
    site.write("@app.get('/', template='a.html')\ndef index(request):\n    return {}")
    site.put("template/a.html", "here")
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        assert "rename it to templates" in server.shows("TemplateDoesNotExist").text


def test_a_template_is_not_suggested_to_itself(site):
    site.put("templates/index.html", '{% extends "indexx.html" %}')
    site.write("""
        app.templates["home.html"] = '{% include "homee.html" %}'

        @app.get("/", template="index.html")
        def index(request):
            return {}

        @app.get("/home/", template="home.html")
        def home(request):
            return {}
    """)
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        for path in ("/", "/home/"):
            shown = server.request(path, Accept="text/plain").text
            assert "Searched: app.templates" in shown
            assert "Did you mean index" not in shown
            assert "Did you mean home" not in shown


def test_a_name_is_not_suggested_in_place_of_itself(site):
    site.write("""
        from django.contrib.auth.models import User

        @app.get("/")
        def index(request):
            return User().objects.all()
    """)
    with site.develop("runserver", "--noreload") as server:
        shown = server.request("/", Accept="text/plain").text
    assert "Manager isn't accessible via User instances" in shown
    assert "Did you mean" not in shown


def test_templates_that_extend_each_other_are_explained(site):
    site.put("templates/index.html", '{% extends "base.html" %}')
    site.put("templates/base.html", '{% extends "index.html" %}')
    site.write("@app.get('/', template='index.html')\ndef index(request):\n    return {}")
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        shown = server.request("/", Accept="text/plain").text
    assert "templates/base.html:1: " in shown
    assert "templates cannot extend each other in a circle." in shown


def test_a_template_that_is_not_utf_8_is_named(site):
    site.put("templates/index.html", "").write("""
        @app.get("/", template="index.html")
        def index(request):
            return {}
    """)
    (site.folder / "templates/index.html").write_bytes("größer".encode("latin-1"))
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        shown = server.request("/", Accept="text/plain").text
    assert "Save templates/index.html as UTF-8." in shown


FORM = {"Content_Type": "application/x-www-form-urlencoded"}
TOKEN = {"Cookie": f"csrftoken={'a' * 32}", "X_CSRFToken": "a" * 32}


def test_a_wrong_method_shows_the_decorator_to_change(developed):
    answer = developed.request("/only/1/", "POST", Accept="text/plain", **TOKEN)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert 'POST is not among the methods of "/only/<int:pk>/"' in answer.text
    assert '@app.route("/only/<int:pk>/", methods=["GET", "POST"])' in answer.text
    assert '@app.post("/only/<int:pk>/")' in answer.text
    log = developed.says("405 POST   /only/1/\n")
    assert answer.text in log
    assert "Method Not Allowed (POST): /only/1/" not in log
    assert "Traceback" not in log


def test_a_wrong_method_without_a_token_shows_the_decorator_too(developed):
    answer = developed.request("/only/1/", "POST", Accept="text/plain")
    assert answer.status == 403  # Django looks for the token first
    assert '@app.post("/only/<int:pk>/")' in answer.text
    assert "csrf" not in answer.text.lower()


def test_a_wrong_method_is_a_page_for_browsers(developed):
    answer = developed.request("/only/1/", "POST", Accept="text/html")
    assert "<h1>POST is not among the methods" in answer.text
    assert "@app.get(&quot;/only/&lt;int:pk&gt;/&quot;)" in answer.text


def test_a_wrong_method_is_an_empty_page_with_debug_off(produced):
    answer = produced.request("/only/1/", "POST", Accept="text/html", **TOKEN)
    assert (answer.status, answer.text) == (405, "")


def test_a_missing_token_shows_the_line_to_add(developed):
    answer = developed.request("/form/", "POST", "title=a", Accept="text/html", **FORM)
    assert answer.status == 403
    assert "&lt;form method=&quot;post&quot;&gt;{% csrf_token %}" in answer.text
    assert "def form(request):" in answer.text
    text = developed.request("/form/", "POST", "title=a", Accept="application/json", **FORM).text
    assert "X-CSRFToken" in text
    assert text in developed.says("POST refused: CSRF cookie not set.")


@pytest.mark.parametrize(
    ("path", "referer", "name"), [("/text/", "", "text_form"), ("/other/", "/parts/", "parts")]
)
def test_a_form_in_a_returned_text_needs_a_template(developed, path, referer, name):
    page = f"http://127.0.0.1:{developed.port}{referer}"
    answer = developed.request(path, "POST", "a=1", Accept="text/plain", Referer=page, **FORM)
    assert answer.status == 403
    assert f'("{referer or path}")' in answer.text.splitlines()[1]
    assert f"{name}() returns text, which is not rendered: the browser gets {{% csrf" in answer.text
    assert f'write template="{name}.html" in the route' in answer.text
    assert "A form needs a line" not in answer.text


@pytest.mark.parametrize("path", ["/other/", "/itself/"])
def test_another_form_gets_the_usual_hint(developed, path):
    answer = developed.request(path, "POST", "a=1", Accept="text/plain", **FORM)
    assert "A form needs a line: " in answer.text


def test_a_missing_token_is_django_s_page_with_debug_off(produced):
    answer = produced.request("/form/", "POST", "title=a", **FORM)
    assert answer.status == 403
    assert "CSRF verification failed" in answer.text
    assert "blog.py" not in answer.text


def test_a_missing_key_of_a_form_is_a_400(developed, produced):
    answer = developed.request("/form/", "POST", "titel=hush", Accept="text/plain", **FORM, **TOKEN)
    assert answer.status == 400
    assert f"blog.py:{line_of('request.POST[')}: the request has no 'title'." in answer.text
    assert "The request has titel." in answer.text
    assert "hush" not in answer.text
    answer = produced.request("/form/", "POST", "titel=hush", **FORM, **TOKEN)
    assert answer.status == 400
    assert "titel" not in answer.text


def test_a_missing_key_of_the_query_is_a_400_in_an_async_view(developed, produced):
    answer = developed.request("/query/?p=1", Accept="text/plain")
    assert answer.status == 400
    assert f"blog.py:{line_of('request.GET[')}: the request has no 'q'." in answer.text
    assert produced.request("/query/").status == 400


def test_a_request_without_any_key_says_what_it_lacks(developed):
    answer = developed.request("/form/", "POST", "{}", Accept="text/plain", **TOKEN)
    assert "The request has no form fields. For a key that may be missing, use" in answer.text
    answer = developed.request("/query/", Accept="text/plain")
    assert "The request has no query. For a key that may be missing, use .get()." in answer.text


def test_json_that_a_view_reads_as_a_form_names_the_way_to_read_it(developed):
    json = {"Content-Type": "application/json", "Accept": "text/plain"}
    answer = developed.request("/form/", "POST", '{"title": "a"}', **json, **TOKEN)
    assert answer.status == 400
    assert "The request has JSON: read it with json.loads(request.body)." in answer.text


def test_a_missing_slash_keeps_the_body(developed, produced):
    for server in (developed, produced):
        answer = server.request("/form?a=b", "POST", "title=a", **FORM)
        assert (answer.status, answer.headers["Location"]) == (308, "/form/?a=b")
        answer = server.request("/crash")
        assert (answer.status, answer.headers["Location"]) == (301, "/crash/")


def test_an_unknown_host_shows_the_variable_to_set(developed, produced):
    answer = developed.request("/", Host="blog.example.com", Accept="text/plain")
    assert answer.status == 400
    assert "set DJANGO_ALLOWED_HOSTS=.localhost,127.0.0.1,blog.example.com\n" in answer.text
    assert "Traceback" not in developed.log()
    answer = produced.request("/", Host="blog.example.com")
    assert answer.status == 400
    assert "DJANGO_ALLOWED_HOSTS" not in answer.text


def test_a_host_is_added_to_those_of_the_variable(site):
    hosts = "example.com,127.0.0.1"
    with site.write("").develop("runserver", "--noreload", DJANGO_ALLOWED_HOSTS=hosts) as server:
        answer = server.request("/", Host="other.example", Accept="text/plain")
        assert f"set DJANGO_ALLOWED_HOSTS={hosts},other.example\n" in answer.text


def test_a_host_is_added_to_those_of_the_file(site):
    site.write("from djng import Djng\n\napp = Djng(ALLOWED_HOSTS=['example.com'])")
    with site.develop("runserver", "--noreload") as server:
        for host in ("other.example:80", "[::2]:80"):
            answer = server.request("/", Host=host, Accept="text/plain")
            added = host.removesuffix(":80")
            hint = f'write Djng(ALLOWED_HOSTS=["example.com", "{added}"])\n'
            assert hint in answer.text


def test_an_unknown_host_is_one_line_in_the_log(developed, produced):
    for server in (developed, produced):
        server.request("/", Host="other.example.org")
        (line,) = [each for each in server.log().splitlines() if "other.example.org" in each]
        assert "Set DJANGO_ALLOWED_HOSTS" in line
        assert "Traceback" not in server.log().split("other.example.org")[1]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/pots/1/", "the site has no URL /pots/1/"),
        ("/static-tog/", "Did you mean /static-tag/? All URLs: python blog.py routes"),
        ("/missing/", "Http404: no such thing"),
        ("/media/nothing.txt", "Http404: 'nothing.txt' is no file in MEDIA_ROOT."),
    ],
)
@pytest.mark.parametrize(
    "accept", ["application/json", "text/plain", "application/json, */*;q=0.1"]
)
def test_a_404_names_its_cause_to_a_program(developed, path, cause, accept):
    answer = developed.request(path, Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer.headers["X-Frame-Options"] == "DENY"  # the site's middleware has seen it
    assert answer.headers["Content-Length"] == f"{len(answer.text.encode())}"
    assert cause in answer.text
    assert len(answer.text.splitlines()) <= 4


def test_a_404_for_a_slash_too_many_names_the_path_without_it(site):
    view = "@app.get('/posts/<int:pk>')\ndef post(request, pk):\n    return f'{pk}'"
    with site.write(view).develop() as server:
        assert "Did you mean /posts/1?" in server.request("/posts/1/").text


def test_a_404_shows_the_line_that_has_raised_it(developed):
    answer = developed.request("/missing/", Accept="application/json")
    assert answer.text.startswith(f"blog.py:{line_of('raise Http404')}: ")


def test_a_404_is_django_s_page_for_a_browser(developed):
    for path in ("/pots/1/", "/missing/"):
        answer = developed.request(path, Accept="text/html,application/xhtml+xml,*/*;q=0.8")
        assert "Page not found" in answer.text


def test_a_404_says_nothing_with_debug_off(produced):
    answer = produced.request("/missing/", Accept="application/json")
    assert answer.status == 404
    assert "blog.py" not in answer.text
    assert "no such thing" not in answer.text


@pytest.mark.parametrize("headers", [{"Accept": "application/json"}, {"Accept": "*/*"}, {}])
def test_an_error_names_its_cause_to_a_program(developed, headers):
    for path, status, cause in [
        ("/crash/", 500, "ZeroDivisionError: division by zero"),
        ("/pots/1/", 404, "the site has no URL /pots/1/"),
        ("/query/", 400, "the request has no 'q'."),
    ]:
        answer = developed.request(path, **headers)
        assert (answer.status, answer.headers["Content-Type"]) == (
            status,
            "text/plain; charset=utf-8",
        )
        assert cause in answer.text.splitlines()[0]
        assert len(answer.text.splitlines()) <= 5


def test_a_misspelled_variable_of_a_template_gets_a_suggestion(developed):
    before = len(developed.log())
    assert developed.request("/empty/").text == "[][][]"
    developed.request("/empty/")
    log = developed.says("200 GET    /empty/")[before:]
    place = f"blog.py:{line_of('{{ titel }}')}: "
    assert f"{place}titel shows nothing: there is no variable of that name.\n" in log
    assert "  Did you mean title?\n" in log
    assert f"{place}metod shows nothing" in log
    assert log.count("shows nothing") == 2


def test_an_empty_variable_of_a_package_is_no_mistake(developed):
    before = len(developed.log())
    developed.request("/admin/login/")
    assert "shows nothing" not in developed.says("200 GET    /admin/login/")[before:]


def test_a_misspelled_static_file_gets_a_suggestion(developed):
    developed.request("/static/admin/css/bsae.css")
    log = developed.says("404 GET    /static/admin/css/bsae.css")
    assert "There is no static file /static/admin/css/bsae.css.\n  Did you mean" in log
    assert "/static/admin/css/base.css? Searched: static/, the static folders of the apps.\n" in log


def test_what_browsers_ask_for_by_themselves_is_not_logged(developed):
    paths = ("/favicon.ico", "/apple-touch-icon.png", "/.well-known/appspecific/com.chrome.json")
    for path in paths:
        assert developed.request(path).status == 404
    developed.request("/found.ico")
    log = developed.says("404 GET    /found.ico\n")
    for path in paths:
        assert path not in log


def test_an_exception_that_an_error_view_answers_is_no_fault(developed):
    answer = developed.request("/buy/")
    assert (answer.status, answer.text) == (409, "sold out: the last one")
    log = developed.says("409 GET    /buy/\n")
    assert "SoldOut" not in log


def test_no_line_is_named_twice(developed):
    text = developed.request("/recursion/3/", Accept="text/plain").text
    assert text.count("called by") == 0
    assert text.count("blog.py:") == 1


def test_an_async_generator_names_the_server_that_streams_it(developed):
    for _ in range(2):
        assert developed.request("/stream/").text == "one two"
    log = developed.says("uvicorn blog:app")
    assert f"blog.py:{line_of('/stream/')}: stream() returns an async generator" in log
    assert log.count("uvicorn blog:app") == 1
    assert "StreamingHttpResponse must consume" not in log


def test_an_answer_of_a_middleware_to_an_error_stays_as_it_is(site):
    site.write("""
from django.http import JsonResponse


@app.middleware
def as_json(get_response):
    def middleware(request):
        response = get_response(request)
        return JsonResponse({"error": 1}, status=500) if response.status_code == 500 else response

    return middleware


@app.get("/")
def index(request):
    return 1 / 0
""")
    with site.develop() as server:
        assert json.loads(server.request("/", Accept="*/*").text) == {"error": 1}
