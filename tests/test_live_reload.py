"""A page in the browser shows each change by itself while its site is developed."""

import contextlib
import http.client
import json
import re
import time

import django
import pytest

SITE = """\
import gzip
import time
from pathlib import Path
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from djng import Djng

app = Djng(
    middleware=[
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
    ]
)
policies = {
    "none": "default-src 'none'",
    "self": "default-src 'self'",
    "nonce": "script-src 'nonce-abc'; connect-src 'self'",
    "dynamic": "default-src 'none', script-src 'strict-dynamic' 'sha256-abc'",
}


@app.get("/")
def index(request):
    return "<p>version 0</p>"


@app.get("/page/", template="page.html")
def page(request):
    return {}


@app.get("/plot/")
def plot(request):
    Path("static/plot.svg").write_text(f"<svg><!-- {time.time_ns()} --></svg>")
    return "a plot"


@csrf_exempt
def form(request):
    html = "<form method=post><input name=a><input name=b><button>Send</button></form>version 0"
    return f"{html} by {request.method}"


app.route("/form/")(form)


@app.get("/csp/<str:name>/")
def csp(request, name):
    headers = {"Content-Security-Policy": policies[name]}
    return "<!doctype html><body>version 0</body></html>", headers


@app.get("/kinds/<str:kind>/")
def kinds(request, kind):
    body = "<h1>caf\\xe9</h1>"
    return {
        "json": {"a": 1},
        "text": HttpResponse(body, content_type="text/plain"),
        "stream": iter([body]),
        "latin": HttpResponse(body, content_type="text/html; charset=latin-1"),
        "utf-16": HttpResponse(body, content_type="text/html; charset=utf-16"),
        "unknown": HttpResponse(body.encode(), content_type="text/html; charset=nonesuch"),
        "gzip": (gzip.compress(body.encode()), {"Content-Encoding": "gzip"}),
        "attachment": (body, {"Content-Disposition": "attachment; filename=a.html"}),
        "nothing": HttpResponse(status=204),
        "missing": (body, 404),
    }[kind]


if __name__ == "__main__":
    app.run()
"""
PAGE = """\
<!doctype html>
<title>Page</title>
<link rel="stylesheet" href="{% static 'site.css' %}">
<body><h1>template 0</h1><p style="height: 3000px"></p>
<script src="{% static 'site.js' %}"></script>
</body>
"""
DOCUMENT = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
SCRIPT = b' src="/__reload__/live_reload.js"'
EVENTS = "/__reload__/events/"


@pytest.fixture(scope="module")
def server(module_site):
    module_site.put("blog.py", SITE).put("templates/page.html", PAGE)
    module_site.put("static/site.css", "h1 { color: rgb(0, 0, 0) }")
    module_site.put("static/site.js", "js = 0").put("public/about.html", "<p>about 0</p>")
    with module_site.develop() as server:
        server.shows("version 0")
        yield server


@pytest.fixture
def visit(server, module_browser):
    """Opens a path of the site in the browser, in a window of its own, until the test ends."""
    pages = []

    def visit(path="/", **options):
        pages.append(module_browser(f"http://127.0.0.1:{server.port}{path}", **options))
        pages[-1].until("document.readyState + location.pathname", f"complete{path}")
        return pages[-1]

    yield visit
    for page in pages:
        with contextlib.suppress(AssertionError):  # the test has closed it
            close(page)


@pytest.fixture
def save(module_site):
    """Gives every page of the site another version, as its developer does."""
    path = module_site.folder / "blog.py"

    def save():
        version = f"version {time.time_ns()}"
        path.write_text(re.sub(r"version \d+", version, path.read_text()))
        return version

    return save


def close(page):
    page.call("Target.closeTarget", targetId=page.target)


def fetch(server, path, method="GET", **headers):
    """The status, headers and bytes of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def count(server, line=r"GET +/\n"):
    return len(re.findall(line, server.log()))


def test_twenty_saves_in_a_row_are_all_seen(visit, save):
    page = visit()
    for _ in range(20):
        assert page.shows(save())


def test_a_changed_template_is_shown_where_the_reader_was(module_site, server, visit):
    page, restarts = visit("/page/"), count(server, "changed: ")
    page.evaluate("scrollTo(0, 500)")
    module_site.edit("template 0", "template 1", "templates/page.html")
    assert page.shows("template 1")
    page.until("scrollY", 500)
    assert count(server, "changed: ") == restarts


def test_a_changed_script_is_run(module_site, visit):
    page = visit("/page/")
    module_site.edit("js = 0", "js = 1", "static/site.js")
    page.until("js", 1)


def test_a_changed_stylesheet_is_swapped_without_a_reload(module_site, visit):
    page = visit("/page/")
    page.evaluate("mark = 1")
    color = "getComputedStyle(document.querySelector('h1')).color"
    for number in (1, 2):
        module_site.edit(f"rgb({number - 1},", f"rgb({number},", "static/site.css")
        page.until(color, f"rgb({number}, 0, 0)")
    page.until("document.querySelectorAll('link').length", 1)
    assert page.evaluate("mark") == 1


def test_a_page_in_public_is_shown_anew(module_site, server, visit):
    page = visit("/about.html")
    module_site.edit("about 0", "about 1", "public/about.html")
    assert page.shows("about 1")
    body, headers = fetch(server, "/about.html", **DOCUMENT)[2:0:-1]
    assert (SCRIPT in body, int(headers["Content-Length"])) == (True, len(body))
    assert fetch(server, "/about.html")[2] == b"<p>about 1</p>"
    assert SCRIPT not in fetch(server, "/about.html", Range="bytes=0-4", **DOCUMENT)[2]


@pytest.mark.parametrize(
    ("path", "name", "error"),
    [
        ("/about.html", "public/about.html", "Page not found"),
        ("/page/", "templates/page.html", "TemplateDoesNotExist"),
    ],
)
def test_a_deleted_file_is_a_change(module_site, visit, path, name, error):
    file, away = module_site.folder / name, module_site.folder / "away"
    page = visit(path)
    file.rename(away)
    assert page.shows(error)
    away.rename(file)
    page.until(f"document.body.innerText.includes('{error}')", False)


def test_files_that_editors_write_for_themselves_reload_nothing(module_site, server, visit):
    page = visit("/page/")
    for name in ("static/.site.css.swp", "static/site.js~", "templates/page.html~"):
        module_site.put(name, "1")
    time.sleep(1)
    page.evaluate("mark = 1")
    restarts = count(server, "changed: ")
    for name in ("static/.site.css.swp", "static/site.js~", "templates/page.html~"):
        module_site.put(name, "2")
    time.sleep(1)
    assert page.evaluate("mark") == 1
    assert count(server, "changed: ") == restarts


def test_a_file_that_each_request_writes_does_not_reload_the_page_forever(server, visit):
    visit("/plot/")
    time.sleep(3)
    assert 1 <= count(server, r"GET +/plot/\n") <= 3


def test_a_mistake_is_shown_and_then_its_fix(module_site, visit, save):
    page = visit()
    module_site.edit("def index(request):", "def index(request:")
    assert page.shows("SyntaxError: '(' was never closed")
    module_site.edit("def index(request:", "def index(request):")
    page.until("document.body.innerText.startsWith('version')", True)
    assert page.shows(save())


def test_a_view_that_fails_is_shown_again_once_it_is_fixed(module_site, visit):
    page = visit()
    module_site.edit('return "<p>', 'return missing or "<p>')
    assert page.shows("NameError: name 'missing' is not defined")
    module_site.edit('return missing or "<p>', 'return "<p>')
    page.until("document.body.innerText.startsWith('version')", True)


def test_a_form_that_is_being_filled_in_waits(visit, save):
    page = visit("/form/")
    page.evaluate("document.querySelector('[name=a]').focus()")
    page.call("Input.insertText", page.session, text="typed")
    version = save()
    assert page.shows("This page reloads when you leave the form.")
    page.evaluate("document.querySelector('[name=b]').focus()")
    time.sleep(0.5)
    assert page.evaluate("document.querySelector('[name=a]').value") == "typed"
    page.evaluate("document.activeElement.blur()")
    assert page.shows(version)


def test_a_page_that_answers_a_post_is_not_posted_again(server, visit, save):
    page = visit("/form/")
    page.evaluate("document.querySelector('button').click()")
    assert page.shows("by POST")
    save()
    assert page.shows("Send the form again to see the change.")
    assert count(server, r"POST +/form/\n") == 1


def test_ten_windows_leave_the_server_free(server, visit, save):
    windows = [visit(new_window=True) for _ in range(10)]
    assert not any(window.evaluate("document.hidden") for window in windows)
    start = time.monotonic()
    for window in windows:
        assert "template" in window.evaluate("fetch('/page/').then(answer => answer.text())")
    assert time.monotonic() - start < 20  # without free connections, it would take forever
    version = save()
    for window in windows:
        assert window.shows(version)
    for window in windows[:-1]:  # also the one that listened for all
        close(window)
    assert windows[-1].shows(save())


def test_a_hidden_tab_reloads_when_it_is_looked_at(server, visit, save):
    hidden, visible = visit("/form/"), visit("/")
    assert hidden.evaluate("document.hidden")
    requests = count(server, r"GET +/form/\n")
    version = save()
    assert visible.shows(version)
    assert count(server, r"GET +/form/\n") == requests
    hidden.call("Page.bringToFront", hidden.session)
    assert hidden.shows(version)


def test_going_back_leads_to_the_new_version(visit, save):
    page = visit()
    page.evaluate("location = '/form/'")
    assert page.shows("by GET")  # before that, a save would reload the first page
    version = save()
    assert page.shows(f"{version} by GET")
    page.evaluate("history.back()")
    page.until("document.body.innerText", version)


def test_a_content_security_policy_allows_the_script(visit, save):
    windows = [
        visit(f"/csp/{name}/", new_window=True) for name in ("none", "self", "nonce", "dynamic")
    ]
    version = save()
    for window in windows:
        assert window.shows(version)


def test_a_page_is_not_loaded_twice(server, visit):
    loads = count(server)
    visit()
    time.sleep(1)
    assert count(server) == loads + 1


def test_a_policy_that_suffices_stays_as_it_is(server):
    for name in ("self", "nonce"):
        bare = fetch(server, f"/csp/{name}/")[1]["Content-Security-Policy"]
        _, headers, body = fetch(server, f"/csp/{name}/", **DOCUMENT)
        assert headers["Content-Security-Policy"] == bare
    assert b'nonce="abc"' in body


@pytest.mark.parametrize(
    "path", ["/", "/kinds/latin/", "/kinds/missing/", "/nowhere/", "/admin/login/", "/page/"]
)
def test_documents_have_the_script(server, path):
    _, headers, body = fetch(server, path, **DOCUMENT)
    bare = fetch(server, path)[2] if path != "/nowhere/" else b""
    assert body.count(SCRIPT) == 1
    assert body.decode("latin-1").rstrip().endswith("></script>")
    assert body.startswith(bare[:200])
    assert int(headers["Content-Length"]) == len(body)
    if path == "/nowhere/":
        return  # this page names the method
    _, headers, nothing = fetch(server, path, "HEAD", **DOCUMENT)
    assert (int(headers["Content-Length"]), nothing) == (len(body), b"")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Dest": "iframe"}, {"Upgrade-Insecure-Requests": "1"}]
)
def test_frames_and_phones_get_the_script(server, headers):
    assert SCRIPT in fetch(server, "/", **headers)[2]


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "embed"}])
def test_fragments_have_no_script(server, headers):
    body = fetch(server, "/", HX_Request="true", Accept="text/html", **headers)[2]
    assert re.fullmatch(rb"<p>version \d+</p>", body)


@pytest.mark.parametrize("kind", "json text stream utf-16 unknown gzip attachment nothing".split())
def test_other_responses_have_no_script(server, kind):
    status, headers, body = fetch(server, f"/kinds/{kind}/", **DOCUMENT)
    assert status in (200, 204)
    assert SCRIPT not in body
    assert headers["Content-Type"] == fetch(server, f"/kinds/{kind}/")[1]["Content-Type"]


def test_a_document_is_never_taken_from_the_cache(server):
    tag = fetch(server, "/", **DOCUMENT)[1]["ETag"]
    assert fetch(server, "/", If_None_Match=tag)[0] == 304
    status, _, body = fetch(server, "/", If_None_Match=tag, **DOCUMENT)
    assert (status, SCRIPT in body) == (200, True)


def test_the_stream_is_one_of_events_and_is_not_logged(server):
    start = len(server.log())
    with server.open(EVENTS) as answer:
        line = answer.readline().decode()
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert not {"Vary", "Set-Cookie"} & {*answer.headers}
    assert json.loads(line.removeprefix("data: ")).keys() == {"page", "styles"}
    assert fetch(server, EVENTS, "HEAD")[2] == b""
    assert server.request("/__reload__/live_reload.js").status == 200
    assert "__reload__" not in server.log()[start:]


def test_the_stream_answers_only_allowed_hosts(server):
    assert fetch(server, EVENTS, Host="evil.example.org")[0] == 400
    status, _, body = fetch(server, "/", Host="evil.example.org", **DOCUMENT)
    assert (status, SCRIPT in body) == (400, False)


@pytest.mark.parametrize(
    ("options", "debug"),
    [(["--no-reload-page"], "1"), (["--noreload"], "1"), (["--nothreading"], "1"), ([], "0")],
)
def test_it_is_off_where_it_cannot_help(site, options, debug):
    site.write("@app.get('/')\ndef index(request):\n    return '<p>hello</p>'")
    with site.develop("runserver", *options, "PORT", DJANGO_DEBUG=debug) as server:
        answer = server.until(lambda answer: answer.status == 200, **DOCUMENT)
        assert answer.text == "<p>hello</p>"
        assert server.request(EVENTS).status == 404


STRICT = """
from django.utils.csp import CSP
from djng import Djng

app = Djng(
    middleware=["django.contrib.auth.middleware.LoginRequiredMiddleware"],
    SECURE_CSP={"default-src": ["'none'"], "script-src": [CSP.NONCE, "'strict-dynamic'"]},
    SESSION_SAVE_EVERY_REQUEST=True,
)

from django.contrib.auth.decorators import login_not_required


@app.get("/with/")
@login_not_required
def with_nonce(request):
    return f'<script nonce="{request.csp_nonce}"></script>version 0'


@app.get("/without/")
@login_not_required
def without_nonce(request):
    return "version 0"
"""


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has no CSP before 6.0")
def test_a_strict_site_reloads_too(site, module_browser):
    with site.write(STRICT).develop() as server:
        pages = [
            module_browser(f"http://127.0.0.1:{server.port}/{path}/", new_window=True)
            for path in ("with", "without")
        ]
        assert all(page.shows("version 0") for page in pages)
        site.edit("version 0", "version 1")
        assert all(page.shows("version 1") for page in pages)
        with server.open(EVENTS) as answer:
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers


def test_the_browser_is_opened_once(site):
    browser = site.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >> "{site.folder}/opened"\n')
    browser.chmod(0o755)
    site.write("@app.get('/')\ndef index(request):\n    return 'one'")
    with site.develop("runserver", "--open", "PORT", BROWSER=str(browser)) as server:
        server.shows("one")
        site.edit("'one'", "'two'")
        server.shows("two")
        server.says("blog.py changed")
    assert (site.folder / "opened").read_text() == f"http://127.0.0.1:{server.port}/\n"


def test_a_missing_browser_is_no_error(site):
    site.write("@app.get('/')\ndef index(request):\n    return 'one'")
    with site.develop("runserver", "--open", "PORT", BROWSER="false", PATH="/nowhere") as server:
        log = server.says("There is no browser that Python can open.")
    assert f"Open this yourself: http://127.0.0.1:{server.port}/" in log
