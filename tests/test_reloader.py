"""The server of a developer outlives whatever is done to the file."""

import contextlib
import http.client
import os
import signal
import time

import pytest

HELLO = "@app.get('/')\ndef index(request):\n    return 'first'\n"

BROKEN = {
    "syntax": ("return 'first'", "return 'first", "blog.py:7: SyntaxError: unterminated string"),
    "name": ("@app.get", "nmae\n@app.get", "blog.py:5: NameError: name 'nmae' is not defined"),
    "package": ("@app.get", "import nosuch\n@app.get", "pip install nosuch"),
    "route": ("'/'", "'/<int:pk>/'", 'blog.py:5: the route "/<int:pk>/" gives pk'),
    "twice": ("@app.get('/')", "@app.get('/')\n@app.get('/')", "two functions answer GET"),
    "order": (
        "@app.get('/')",
        "from django.contrib.auth.decorators import login_required\n@login_required\n@app.get('/')",
        "Move line 7, the route",
    ),
    "setting": ("Djng()", "Djng(DEBUGG=True)", "blog.py:3: DEBUGG is not a Django setting."),
    "app": ("Djng()", "Djng(apps=['nosuch'])", "Install it (pip install nosuch)"),
    "middleware": (
        "Djng()",
        "Djng(middleware=['nosuch.M'])",
        "blog.py:3: the middleware 'nosuch.M'",
    ),
    "include": ("@app.get", "app.include('/x/', 'nosuch')\n@app.get", 'blog.py:5: the URLs "/x/"'),
    "check": (
        "@app.get",
        "from django.db import models\nclass M(models.Model):\n"
        "    f = models.CharField(max_length=-1)\n@app.get",
        "blog.py:6: SystemCheckError: System check identified",
    ),
    "no run": ("app.run()", "pass", "the file ends without app.run()."),
}


@pytest.fixture(scope="module")
def developed(module_site):
    module_site.write(HELLO)
    with module_site.develop() as server:
        yield server


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_shown_until_it_is_mended(module_site, developed, name):
    old, new, message = BROKEN[name]
    module_site.write(HELLO)
    developed.until(lambda answer: answer.text == "first")
    before = len(developed.log())
    module_site.edit(old, new)
    page = developed.shows("reloads when the file is saved", Accept="text/html")
    assert page.status == 500
    assert message in developed.request("/any/", Accept="text/plain").text
    module_site.edit(new, old)
    developed.until(lambda answer: (answer.status, answer.text) == (200, "first"))
    said = developed.log()[before:]
    assert said.count(message) == 1
    assert "Traceback" not in said


def test_a_good_save_is_served(module_site, developed):
    developed.shows("first")
    module_site.edit("first", "second")
    developed.shows("second")
    module_site.edit("second", "first")
    developed.shows("first")


def test_a_module_beside_the_file_is_watched(site):
    site.put("helper.py", "TEXT = 'one'").write(
        "import helper\n@app.get('/')\ndef index(request):\n    return helper.TEXT"
    )
    with site.develop() as server:
        server.shows("one")
        site.edit("'one'", "'one", "helper.py")
        assert "helper.py:1: SyntaxError" in server.shows("SyntaxError").text
        site.edit("'one", "'two'", "helper.py")
        server.shows("two")


def test_a_module_that_is_missing_may_be_written(site):
    site.write("import helper\n@app.get('/')\ndef index(request):\n    return helper.TEXT")
    with site.develop() as server:
        assert "No module named 'helper'" in server.shows("ModuleNotFoundError").text
        site.put("helper.py", "TEXT = 'one'")
        server.shows("one")


def test_a_template_needs_no_restart(site):
    site.put("templates/a.html", "one").write(
        "@app.get('/', template='a.html')\ndef index(request):\n    return {}"
    )
    with site.develop() as server:
        server.shows("one")
        site.edit("one", "two", "templates/a.html")
        server.shows("two")
        assert "reloading" not in server.log()


def test_what_changes_while_the_site_starts_is_seen(site):
    site.write("import time\ntime.sleep(1)\n" + HELLO)
    with site.develop() as server:
        server.shows("first")
        site.edit("first", "second")
        server.says("reloading")
        time.sleep(0.7)  # it has been read, and is not served yet
        site.edit("second", "third")
        server.shows("third")


def test_nothing_runs_twice(site):
    site.write("print('the file runs')\n" + HELLO)
    with site.develop() as server:
        server.shows("first")
        assert server.log().count("the file runs") == 1


def test_a_warning_of_a_check_is_printed_once(site):
    site.write(
        "from django.core.checks import Warning, register\n@register()\n"
        "def check(app_configs, **kwargs):\n    return [Warning('careful', id='x.W1')]\n" + HELLO
    )
    with site.develop() as server:
        server.shows("first")
        assert server.log().count("careful") == 1
        assert "no issues" not in server.log()


def test_nothing_of_a_broken_file_leaks_with_debug_off(site):
    site.write(HELLO)
    with site.develop(DJANGO_DEBUG="0") as server:
        server.shows("first")
        site.edit("@app.get", "nmae\n@app.get")
        server.says("NameError: name 'nmae'")
        answer = server.until(lambda answer: answer.status == 500, Accept="text/html")
        assert answer.text == "Server Error (500)\n"


def test_a_broken_file_is_not_shown_to_another_name(site):
    site.write("nmae\n" + HELLO)
    with site.develop() as server:
        server.shows("NameError", Host="127.0.0.1")
        assert "NameError" in server.request("/", Host="blog.localhost:8000").text
        assert server.request("/", Host="evil.example.org").text == "Server Error (500)\n"


def test_options_of_python_reach_the_site(site):
    site.write("import warnings\nwarnings.warn('careful')\n" + HELLO)
    with site.serve("-W", "error", "blog.py", PORT="PORT") as server:
        assert "UserWarning: careful" in server.shows("UserWarning").text


def test_a_module_runs_by_its_name_too(site):
    site.put("sites/helper.py", "TEXT = 'helped'").put("sites/__init__.py", "")
    site.write("from . import helper\n" + HELLO.replace("'first'", "helper.TEXT"), "sites/blog.py")
    with site.serve("-m", "sites.blog", PORT="PORT") as server:
        server.shows("helped")


def test_a_script_that_serves_nothing_just_runs(site):
    site.put("count.py", "from djng import Djng\n\napp = Djng()\nprint('counted')\n1 / 0")
    done = site.python("count.py")
    assert done.returncode == 1
    assert done.stdout == "counted\n"
    assert "ZeroDivisionError" in done.stderr


def test_a_script_that_ends_itself_ends_the_server(site):
    assert site.write("import sys\nsys.exit(7)").run().returncode == 7
    assert site.write("import sys\nsys.exit(3)").run().returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_behind(site, number):
    site.write("import os\n@app.get('/')\ndef index(request):\n    return str(os.getpid())")
    with site.develop() as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        assert child != server.pid
        os.kill(server.pid, number)
        for _ in range(100):
            if not os.path.exists(f"/proc/{child}"):
                break
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{child}")
    assert "Traceback" not in server.log()


def test_the_page_reloads_itself_in_a_browser(site, browser):
    site.write(HELLO)
    with site.develop() as server:
        server.shows("first")
        site.edit("return 'first'", "return 'first")
        server.shows("SyntaxError")
        page = browser(f"http://127.0.0.1:{server.port}/")
        assert page.shows("unterminated string literal")
        site.edit("return 'first", "return 'first'")
        assert page.shows("first")


def test_no_request_is_refused_meanwhile(site):
    site.write(HELLO)
    with site.develop() as server:
        server.shows("first")
        site.edit("first", "second")
        end, text = time.monotonic() + 20, ""
        while text != "second" and time.monotonic() < end:
            with contextlib.suppress(ConnectionResetError, http.client.HTTPException):
                text = server.request("/").text  # one that is under way may break off
        assert text == "second"


def test_a_file_that_goes_and_comes_back_is_watched(site):
    site.write(HELLO)
    with site.develop() as server:
        server.shows("first")
        away = site.folder / "away.txt"
        (site.folder / "blog.py").rename(away)
        time.sleep(0.5)
        away.rename(site.folder / "blog.py")
        server.until(lambda answer: answer.text == "first")
        site.edit("first", "second")
        server.shows("second")


def test_a_file_that_never_ends_may_be_mended(site):
    site.write(HELLO)
    with site.develop() as server:
        server.shows("first")
        site.edit("@app.get", "while True: pass\n@app.get")
        server.says("reloading")
        time.sleep(1)
        site.edit("while True: pass\n@app.get", "@app.get")
        server.shows("first")


def test_a_site_in_another_encoding_than_the_terminals(site):
    site.write("NAME = 'caf\u00e9 \u201d'\n" + HELLO.replace("'first'", "NAME"))
    with site.develop(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") as server:
        server.shows("caf\u00e9")


def test_a_query_at_the_top_of_the_file_is_explained(site):
    site.write(
        "from django.db import models\nclass Post(models.Model): ...\nPost.objects.count()\n"
        + HELLO
    )
    with site.develop() as server:
        answer = server.shows("no such table: blog_post", Accept="text/plain")
        assert "ask the database in a function" in answer.text
        site.edit("Post.objects.count()\n", "")
        server.shows("first")


def test_routes_that_nothing_serves_are_said(site):
    site.put("blog.py", f"from djng import Djng\n\napp = Djng()\n{HELLO}")
    done = site.python("blog.py")
    assert done.returncode == 0
    assert done.stderr.startswith("blog.py:6: the file ends without app.run().")
    assert site.python("-c", "import blog").stderr == ""


def test_two_saves_of_a_module_in_a_row_are_both_seen(site):
    site.put("helper.py", "TEXT = 'one'").write(
        "import helper, time\ntime.sleep(0.7)\n" + HELLO.replace("'first'", "helper.TEXT")
    )
    with site.develop() as server:
        server.shows("one")
        site.edit("one", "two", "helper.py")
        server.says("reloading")
        time.sleep(0.6)  # it has been imported by now
        site.edit("two", "three", "helper.py")
        server.shows("three")


def test_a_site_that_writes_a_module_as_it_starts_starts_once_more_at_most(site):
    site.put("stamp.py", "").write(
        "import time\nprint('read')\nopen('stamp.py', 'w').write(f'AT = {time.time_ns()}')\n"
        "import stamp\n" + HELLO
    )
    with site.develop() as server:
        server.shows("first")
        time.sleep(2)
        assert server.log().count("read\n") <= 2


def test_a_thread_that_goes_on_keeps_nothing_from_starting_again(site):
    site.write(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n" + HELLO
    )
    with site.develop() as server:
        server.shows("first")
        site.edit("first", "second")
        server.shows("second")


@pytest.mark.parametrize("code", ["3", "7", "'set FOO'"])
def test_a_file_that_ends_itself_later_is_shown(site, code):
    site.write(HELLO)
    with site.develop() as server:
        server.shows("first")
        site.edit("@app.get", f"import sys\nsys.exit({code})\n@app.get")
        assert "SystemExit" in server.shows("SystemExit", Accept="text/plain").text
        site.edit(f"import sys\nsys.exit({code})\n@app.get", "@app.get")
        server.shows("first")


def test_a_child_ends_with_its_parent(site):
    site.write("import os\n@app.get('/')\ndef index(request):\n    return str(os.getpid())")
    with site.develop() as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        os.kill(server.pid, signal.SIGKILL)
        for _ in range(100):
            if not os.path.exists(f"/proc/{child}"):
                break
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{child}")


def test_a_file_that_changes_the_folder_is_found(site):
    site.put("sub/x.txt", "").write(
        "import os\nos.chdir('/')\nfrom djng import Djng\n\napp = Djng()\n" + HELLO
    )
    with site.develop() as server:
        server.shows("first")


def test_a_package_that_is_missing_deep_down_may_be_written(site):
    site.put("a/__init__.py", "").put("a/b/__init__.py", "").write("from a.b.c import X\n" + HELLO)
    with site.develop() as server:
        server.shows("ModuleNotFoundError")
        site.put("a/b/c.py", "X = 1")
        server.shows("first")
