"""A site's tests stand in its file or beside it, for ``python blog.py test`` and for pytest."""

import pytest

SITE = """
from django.db import models
from djng import Djng

app = Djng()


class Post(models.Model):
    title = models.CharField(max_length=20)


app.templates["index.html"] = "{% static 'site.css' %} {{ number }}"


@app.route("/", template="index.html")
def index(request):
    return {"number": Post.objects.count()}
"""
CASE = """
from django.test import TestCase


class IndexTests(TestCase):
    def test_it_counts(self):
        Post.objects.create(title="one")
        assert self.client.get("/").content == b"/static/site.css 1"
"""
FUNCTION = """
def test_it_counts(client, db):
    Post.objects.create(title="one")
    assert client.get("/").content == b"/static/site.css 1"
    assert client.get("/admin/login/").status_code == 200
"""
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")


@pytest.fixture
def files(site):
    return site.put("static/site.css", "")


def test_cases_in_the_file_are_run(files):
    done = files.write(SITE + CASE).run("test")
    assert (done.returncode, "Ran 1 test in" in done.stderr) == (0, True), done.stderr


def test_cases_beside_the_file_are_run(files):
    files.put("test_more.py", f"from blog import Post\n{CASE}")
    done = files.write(SITE + CASE).run("test")
    assert (done.returncode, "Ran 2 tests in" in done.stderr) == (0, True), done.stderr


def test_a_case_is_run_by_its_name(files):
    files.put("test_more.py", f"from blog import Post\n{CASE}")
    done = files.write(SITE + CASE).run("test", "blog.IndexTests")
    assert "Ran 1 test in" in done.stderr


def test_the_folder_of_the_file_hides_no_case(files):
    files.write(SITE + CASE).succeed("makemigrations")
    assert "Ran 1 test in" in files.run("test").stderr


def test_the_working_directory_makes_no_difference(files, tmp_path_factory):
    files.write(SITE + CASE)
    done = files.python(files.folder / "blog.py", "test", cwd=tmp_path_factory.mktemp("other"))
    assert "Ran 1 test in" in done.stderr


def test_a_case_that_fails_is_the_exit_code(files):
    done = files.write(SITE + CASE.replace("css 1", "css 2")).run("test")
    assert (done.returncode, "FAILED (failures=1)" in done.stderr) == (1, True)


@pytest.mark.parametrize("beside", ["", f"from blog import Post\n{FUNCTION}"])
def test_no_cases_at_all_are_said_to_be_none(files, beside):
    done = files.write(SITE).put("test_more.py", beside).run("test")
    assert done.returncode == 5
    assert "There are no tests: write a TestCase in blog.py, or in test_*.py" in done.stderr


@pytest.mark.parametrize("name", ["blog.py", "test_more.py"])
@pytest.mark.parametrize("source", [CASE, FUNCTION], ids=["case", "function"])
def test_pytest_needs_no_settings(files, name, source):
    own, beside = (SITE + source, "") if name == "blog.py" else (SITE, source)
    files.write(own).put("test_more.py", f"from blog import Post\n{beside}")
    done = files.python(*PYTEST, name)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_test_function_that_asks_for_no_database_has_none(files):
    files.write(SITE).succeed("makemigrations")
    files.succeed("migrate")
    before = (files.folder / "blog.sqlite3").read_bytes()
    code = "from blog import Post\n\n\ndef test_it():\n    Post.objects.create(title='kept')\n"
    done = files.put("test_more.py", code).python(*PYTEST, "test_more.py")
    assert "no such table: blog_post" in done.stdout
    assert (files.folder / "blog.sqlite3").read_bytes() == before


def test_a_server_that_a_test_starts_has_the_real_database(files):
    files.write(SITE).succeed("makemigrations")
    files.succeed("migrate")
    code = """
        import subprocess, sys

        def test_it():
            code = "import blog; print(blog.Post.objects.count())"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert done.stdout == "0\\n"
    """
    done = files.put("test_more.py", code).python(*PYTEST, "test_more.py")
    assert "1 passed" in done.stdout, done.stdout


def test_options_that_leave_no_test_are_django_s_to_report(files):
    done = files.write(SITE + CASE).run("test", "-k", "nothing")
    assert "There are no tests" not in done.stderr


def test_no_test_touches_the_real_database(files):
    files.write(SITE + CASE + FUNCTION).succeed("makemigrations")
    files.succeed("migrate")
    before = (files.folder / "blog.sqlite3").read_bytes()
    files.succeed("test")
    assert files.python(*PYTEST, "blog.py").returncode == 0
    assert (files.folder / "blog.sqlite3").read_bytes() == before


def test_a_client_works_right_after_the_import(files):
    code = """
        from django.test import Client
        print(Client().get("/admin/login/").status_code)
    """
    assert files.write(SITE).shell(code) == "200"


def test_no_server_answers_to_the_clients_host(files):
    with files.write(SITE).serve(
        "-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"
    ) as server:
        assert server.request("/admin/login/", Host="testserver").status == 400
