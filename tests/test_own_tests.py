"""The user's tests, in the file or beside it, run with ``python blog.py test`` and with pytest."""

import pytest
from conftest import Site

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
WITHOUT_DATABASE = """
def test_no_database():
    Post.objects.create(title="kept")
"""
WITH_PROCESS = """
import subprocess, sys

def test_other_process():
    code = "import blog; print(blog.Post.objects.count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "0\\n"
"""
PYTEST = ("-m", "pytest", "-v", "-W", "error", "-p", "no:cacheprovider")
PYTEST += ("-p", "no:hypothesispytest", "-p", "no:xdist")  # they take two seconds to import


@pytest.fixture(scope="module")
def files(module_site):
    """A site with tests in its file and beside it, migrations, and a real database."""
    module_site.put("static/site.css", "")
    module_site.put("test_more.py", f"from blog import Post\n{CASE}{FUNCTION}")
    module_site.put("test_others.py", f"from blog import Post\n{WITHOUT_DATABASE}{WITH_PROCESS}")
    module_site.write(SITE + CASE + FUNCTION).succeed("makemigrations")
    module_site.succeed("migrate")
    return module_site


@pytest.fixture(autouse=True)
def untouched(files):
    """No test changes the real database."""
    before = (files.folder / "blog.sqlite3").read_bytes()
    yield
    assert (files.folder / "blog.sqlite3").read_bytes() == before


def test_the_command_runs_the_cases_in_the_file_and_beside_it(files):
    done = files.run("test")
    assert (done.returncode, "Ran 2 tests in" in done.stderr) == (0, True), done.stderr


def test_the_working_directory_makes_no_difference(files, tmp_path):
    done = files.fork(files.folder / "blog.py", "test", cwd=tmp_path)
    assert (done.returncode, "Ran 2 tests in" in done.stderr) == (0, True), done.stderr


def test_a_case_can_be_run_by_its_name(files):
    assert "Ran 1 test in" in files.run("test", "blog.IndexTests").stderr


def test_the_exit_code_says_that_a_case_has_failed(site):
    case = CASE.replace("TestCase", "SimpleTestCase").replace(
        'Post.objects.create(title="one")', ""
    )
    done = site.write(SITE + case.replace('client.get("/")', 'client.get("/missing/")')).run("test")
    assert (done.returncode, "FAILED (failures=1)" in done.stderr) == (1, True)


@pytest.mark.parametrize("beside", ["", f"from blog import Post\n{FUNCTION}"])
def test_a_site_without_cases_gets_a_hint(site, beside):
    done = site.write(SITE).put("test_more.py", beside).run("test")
    assert done.returncode == 5
    assert "There are no tests: write a TestCase in blog.py, or in test_*.py" in done.stderr


def test_the_hint_has_the_name_of_the_file(site):
    done = site.write("", "my-blog.py").fork("my-blog.py", "test")
    assert "There are no tests: write a TestCase in my-blog.py, or in" in done.stderr


def test_options_that_leave_no_case_get_no_hint(files):
    done = files.run("test", "-k", "nothing")
    assert "Ran 0 tests" in done.stderr
    assert "There are no tests" not in done.stderr


RUNNER = """
class Runner:
    def __init__(self, **options):
        pass

    def run_tests(self, labels):
        print("ran", labels[0])
"""


def test_a_test_runner_needs_only_run_tests(site):
    site.put("runner.py", RUNNER)
    output = site.write(SITE + CASE).succeed("test", "--testrunner", "runner.Runner")
    assert output == "ran blog.IndexTests\n"


def test_pytest_runs_the_file_without_any_settings(files):
    done = files.python(*PYTEST, "blog.py")
    assert "blog.py::IndexTests::test_it_counts PASSED" in done.stdout, done.stdout + done.stderr
    assert "blog.py::test_it_counts PASSED" in done.stdout
    assert "2 passed" in done.stdout


def test_pytest_runs_tests_beside_the_file_without_any_settings(files):
    done = files.fork(*PYTEST, "test_more.py")
    assert "test_more.py::IndexTests::test_it_counts PASSED" in done.stdout, done.stdout
    assert "test_more.py::test_it_counts PASSED" in done.stdout
    assert "2 passed" in done.stdout


@pytest.fixture(scope="module")
def others(files):
    """What pytest prints for tests that do not ask for a database."""
    return files.fork(*PYTEST, "test_others.py").stdout


def test_a_test_function_that_asks_for_no_database_has_none(others):
    assert "test_others.py::test_no_database FAILED" in others, others
    assert "no such table: blog_post" in others


def test_a_process_that_a_test_starts_has_the_real_database(others):
    assert "test_others.py::test_other_process PASSED" in others, others


def test_the_test_client_works_right_after_the_import(files):
    code = """
        from django.test import Client
        print(Client().get("/admin/login/").status_code)
    """
    assert files.shell(code) == "200"


def test_they_run_in_the_project_that_eject_writes(files, tmp_path):
    files.succeed("eject", tmp_path)
    project = Site(tmp_path)
    done = project.python("manage.py", "test")
    assert (done.returncode, "Ran 2 tests in" in done.stderr) == (0, True), done.stderr
    done = project.python(*PYTEST, "blog/tests.py", "test_more.py")
    assert "4 passed" in done.stdout, done.stdout


def test_a_server_does_not_answer_to_the_host_name_of_the_test_client(files):
    with files.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/admin/login/", Host="testserver").status == 400
