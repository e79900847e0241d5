"""Features of Django 6: tasks, template partials, the security policy. Django 5.2 gets an error."""

import sys

import django
import pytest

HAS_IT = django.VERSION >= (6, 0)
newer = pytest.mark.skipif(not HAS_IT, reason="this needs Django 6.0")
older = pytest.mark.skipif(HAS_IT, reason="this needs Django 5.2")
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
TASKS = """
@app.task
def note(text):
    open("noted", "a").write(text)


@app.task(priority=10)
async def later(text):
    return text.upper()


@app.route("/")
def index(request):
    note.enqueue("hello")
    result = later.enqueue("hello")
    return [str(result.status), result.return_value, later.priority]
"""
PARTIALS = """
app.templates["page.html"] = \"\"\"<h1>All</h1>
{% partialdef rows inline %}<b>{{ n }}</b>{% endpartialdef %}\"\"\"


@app.route("/", template="page.html")
def page(request):
    return {"n": 1}


@app.route("/rows/", template="page.html#rows")
def rows(request):
    return {"n": 2}
"""
POLICY = """
from djng import Djng

app = Djng(SECURE_CSP={"default-src": ["'self'", "<CSP_NONCE_SENTINEL>"]})
app.templates["page.html"] = "<script nonce='{{ csp_nonce }}'></script>"


@app.route("/", template="page.html")
def page(request):
    return {}
"""


@newer
def test_a_task_runs_at_once_without_a_worker(site):
    with site.write(TASKS).serve(*GUNICORN) as server:
        assert server.request("/").text == '["SUCCESSFUL", "HELLO", 10]'
    assert (site.folder / "noted").read_text() == "hello"


@newer
def test_the_name_of_a_task_begins_with_the_name_of_the_file(site):
    print_it = "\n\n@app.command\ndef where():\n    print(note.module_path)\n"
    assert site.write(TASKS + print_it).succeed("where") == "blog.note\n"


@newer
def test_a_worker_in_another_process_runs_tasks(site):
    pytest.importorskip("django_tasks_db")
    site.write("""
        from djng import Djng

        backend = "django_tasks_db.DatabaseBackend"
        app = Djng(apps=["django_tasks_db"], TASKS={"default": {"BACKEND": backend}})


        @app.task
        def note(text):
            open("noted", "a").write(text)


        @app.command
        def ask():
            print(note.enqueue("hello").status)
    """)
    site.succeed("migrate", "-v0")
    assert site.succeed("ask") == "READY\n"
    assert "noted" not in site.files()
    site.succeed("db_worker", "--batch", "-v0")
    assert (site.folder / "noted").read_text() == "hello"


@newer
def test_a_partial_of_a_template_in_the_file_is_a_template(site):
    with site.write(PARTIALS).serve(*GUNICORN) as server:
        assert server.request("/rows/").text == "<b>2</b>"
        assert "<h1>All</h1>\n<b>1</b>" in server.request("/").text


@newer
def test_a_security_policy_is_a_setting(site):
    sentinel = "from django.utils.csp import CSP\n\n"
    source = sentinel + POLICY.replace('"<CSP_NONCE_SENTINEL>"', "CSP.NONCE")
    with site.write(source).serve(*GUNICORN) as server:
        page = server.request("/")
        policy = page.headers["Content-Security-Policy"]
        nonce = page.text.split("'")[1]
        assert policy == f"default-src 'self' 'nonce-{nonce}'"
        assert server.request("/admin/login/").status == 200


@older
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (TASKS, "blog.py:6: app.task needs Django 6.0, this is 5.2"),
        (POLICY, "blog.py:4: SECURE_CSP needs Django 6.0, this is 5.2"),
    ],
)
def test_a_feature_of_a_newer_django_is_an_error(site, source, message):
    done = site.write(source).run("check")
    assert message in done.stderr
    needed = "needs Python 3.12" if sys.version_info < (3, 12) else 'pip install "django>=6.0"'
    assert needed in done.stderr
    assert "Traceback" not in done.stderr


@older
def test_the_error_page_says_which_django_has_partials(site):
    with site.write(PARTIALS).develop("runserver", "--noreload", "--no-migrate") as server:
        for path in ("/", "/rows/"):
            page = server.request(path, Accept="text/html")
            assert page.status == 500
            assert "Template partials need Django 6.0, this is 5.2" in page.text
