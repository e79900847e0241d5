"""The development server shows errors and goes on, whatever is done to the file."""

import contextlib
import copy
import http.client
import os
import re
import signal
import time

import pytest

SITE = """\
from djng import Djng

app = Djng()


@app.get('/')
def index(request):
    return 'first'


if __name__ == "__main__":
    app.run()
"""

# For each mistake: the old text, the new text, and the error.
MISTAKES = {
    "syntax": ("return 'first'", "return 'first", "blog.py:8: SyntaxError: unterminated string"),
    "name": ("@app.get", "nmae\n@app.get", "blog.py:6: NameError: name 'nmae' is not defined"),
    "name below": (
        "@app.get",
        "print(later)\nlater = 1\n@app.get",
        "Line 7 defines later: move it above this line.",
    ),
    "model below": (
        "@app.get",
        "from django.db import models\nclass A(models.Model):\n"
        "    b = models.ForeignKey(B, models.CASCADE)\nclass B(models.Model):\n    pass\n@app.get",
        'Line 9 defines B: move it above this line, or write "B", with quotes.',
    ),
    "no on_delete": (
        "@app.get",
        "from django.db import models\nclass A(models.Model):\n"
        "    b = models.ForeignKey('A')\n@app.get",
        "Write models.CASCADE as the second argument",
    ),
    "fastapi": ("@app.get", "import fastapi\n@app.get", "docs/guide/json.md"),
    "package": ("@app.get", "import nosuch\n@app.get", "pip install nosuch"),
    "route": ("'/'", "'/<int:pk>/'", 'blog.py:6: the route "/<int:pk>/" gives request, pk'),
    "twice": ("@app.get('/')", "@app.get('/')\n@app.get('/')", "two functions answer GET"),
    "order": (
        "@app.get('/')",
        "from django.contrib.auth.decorators import login_required\n@login_required\n@app.get('/')",
        "Move line 8, the route",
    ),
    "setting": ("Djng()", "Djng(DEBUGG=True)", "blog.py:3: DEBUGG is not a Django setting."),
    "app": ("Djng()", "Djng(apps=['nosuch'])", "Install it (pip install nosuch)"),
    "middleware": (
        "Djng()",
        "Djng(middleware=['nosuch.M'])",
        "blog.py:3: the middleware 'nosuch.M'",
    ),
    "include": ("@app.get", "app.include('/x/', 'nosuch')\n@app.get", 'blog.py:6: the URLs "/x/"'),
    "check": (
        "@app.get",
        "from django.db import models\nclass M(models.Model):\n"
        "    f = models.CharField(max_length=-1)\n@app.get",
        "blog.py:8: SystemCheckError: System check identified",
    ),
    "no run": ("app.run()", "pass", "the file ends without app.run()."),
    "exit with a code": ("@app.get", "import sys\nsys.exit(3)\n@app.get", "SystemExit: 3"),
    "exit without sys": ("@app.get", "exit()\n@app.get", "SystemExit: None"),  # it closes stdin
    "exit with another": ("@app.get", "import sys\nsys.exit(7)\n@app.get", "SystemExit: 7"),
    "exit with a text": ("@app.get", "import sys\nsys.exit('oh')\n@app.get", "SystemExit: oh"),
}


def view(answer):
    """A view for `Site.write`. The answer is an expression."""
    return f"@app.get('/')\ndef index(request):\n    return {answer}\n"


PID = "import os\n" + view("str(os.getpid())")


@pytest.fixture(scope="module")
def developed(module_site):
    with module_site.put("blog.py", SITE).develop() as server:
        server.shows("first")
        yield server


@pytest.fixture
def server(developed):
    """The running server of `module_site`. Its log begins with the test.

    Each test writes the file anew, with an answer that no other test has.
    """
    server, start = copy.copy(developed), len(developed.log())
    server.log = lambda: developed.log()[start:]
    return server


@pytest.mark.parametrize("name", MISTAKES)
def test_an_error_is_shown_after_each_save(module_site, server, name):
    old, new, message = MISTAKES[name]
    module_site.put("blog.py", SITE.replace(old, new))
    server.shows(message, "/any/", Accept="text/plain")
    page = server.request("/", Accept="text/html")
    assert page.status == 500
    assert "reloads when the file is saved" in page.text
    assert server.log().count(message) == 1
    assert "Traceback" not in server.log()


def test_an_error_is_shown_until_the_file_is_fixed(module_site, server):
    module_site.put("blog.py", SITE.replace("'first'", "'fixed"))
    server.shows("SyntaxError")
    module_site.put("blog.py", SITE.replace("'first'", "'fixed'"))
    server.until(lambda answer: (answer.status, answer.text) == (200, "fixed"))


def test_a_caret_points_to_a_syntax_error(module_site, server):
    module_site.put("blog.py", SITE.replace("'first'", "len('a' 1)"))
    shown = "    return len('a' 1)\n               ^^^^^\n"
    server.shows(shown, Accept="text/plain")
    assert shown in server.log()
    page = server.request("/", Accept="text/html").text
    assert '<span class="it"><i></i>               ^^^^^</span>' in page


def test_the_new_version_is_served_after_each_save(module_site, server):
    for text in ("version 1", "version 2", "version 1"):
        module_site.put("blog.py", SITE.replace("first", text))
        server.until(lambda answer, text=text: answer.text == text)


def test_a_module_beside_the_file_is_watched(module_site, server):
    module_site.put("helper.py", "TEXT = 'one'").write("import helper\n" + view("helper.TEXT"))
    server.shows("one")
    module_site.edit("'one'", "'one", "helper.py")
    assert "helper.py:1: SyntaxError" in server.shows("SyntaxError").text
    module_site.edit("'one", "'two'", "helper.py")
    server.shows("two")


def test_a_missing_module_can_be_added(site):
    site.write("import helper\n" + view("helper.TEXT"))
    with site.develop() as server:
        assert "No module named 'helper'" in server.shows("ModuleNotFoundError").text
        site.put("helper.py", "TEXT = 'one'")
        server.shows("one")


def test_a_missing_module_in_a_package_can_be_added(module_site, server):
    module_site.put("a/__init__.py", "").put("a/b/__init__.py", "")
    module_site.write("from a.b.c import TEXT\n" + view("TEXT"))
    server.shows("ModuleNotFoundError")
    module_site.put("a/b/c.py", "TEXT = 'deep'")
    server.shows("deep")


def test_a_template_needs_no_restart(module_site, server):
    module_site.put("templates/a.html", "template 1").write(
        "@app.get('/', template='a.html')\ndef index(request):\n    return {}"
    )
    server.shows("template 1")
    restarts = server.log().count("reloading")
    module_site.edit("1", "2", "templates/a.html")
    server.shows("template 2")
    assert server.log().count("reloading") == restarts


@pytest.mark.parametrize("path", ["static/site.css", "public/robots.txt"])
def test_the_first_static_file_needs_no_restart_by_hand(site, path):
    site.write(view("'x'"))
    with site.develop() as server:
        server.shows("x")
        site.put(path, "first file")
        address = f"/{path.removeprefix('public/')}"
        server.until(lambda answer: answer.text == "first file", address)


def test_a_deleted_module_is_a_change(module_site, server):
    module_site.put("gone.py", "TEXT = 'not gone'").write("import gone\n" + view("gone.TEXT"))
    server.shows("not gone")
    (module_site.folder / "gone.py").unlink()
    server.shows("No module named 'gone'")
    module_site.put("gone.py", "TEXT = 'back'")
    server.shows("back")


def test_saves_of_one_size_in_one_second_are_all_seen(site):
    site.put("pair.py", "TEXT = 'pair 0'").write("import pair\n" + view("pair.TEXT"))
    with site.develop(PYTHONDONTWRITEBYTECODE="") as server:
        server.shows("pair 0")
        for number in range(1, 9):
            site.put("pair.py", f"TEXT = 'pair {number}'")
            server.shows(f"pair {number}")


def test_a_change_while_the_site_starts_is_noticed(module_site, server):
    source = "import time\nprint('starting early')\ntime.sleep(1)\n" + view("'early'")
    module_site.write(source)
    server.says("starting early")
    module_site.write(source.replace("early", "late"))
    server.shows("late")
    assert "early" not in server.log().split("starting late")[1]


def test_two_changes_of_a_module_in_a_row_are_both_noticed(module_site, server):
    module_site.put("pair.py", "TEXT = 'pair 1'").write(
        "import pair, time\nprint('imported', pair.TEXT)\ntime.sleep(0.7)\n" + view("pair.TEXT")
    )
    server.shows("pair 1")
    module_site.edit("pair 1", "pair 2", "pair.py")
    server.says("imported pair 2")
    module_site.edit("pair 2", "pair 3", "pair.py")
    server.shows("pair 3")


def test_a_site_that_writes_a_module_when_it_starts_restarts_only_once(module_site, server):
    module_site.put("stamp.py", "").write(
        "import time\nprint('read')\nopen('stamp.py', 'w').write(f'AT = {time.time_ns()}')\n"
        "import stamp\n" + view("'stamped'")
    )
    server.shows("stamped")
    time.sleep(2)  # by then it would have restarted again
    assert server.log().count("read\n") <= 2


def test_a_file_that_never_ends_can_be_fixed(module_site, server):
    module_site.write("print('endless')\nwhile True: pass\n" + view("'endless'"))
    server.says("endless")
    log = server.says("It has come to this line.\n    while True: pass")
    assert "blog.py:6: the site is still starting." in log
    module_site.write(view("'it ends'"))
    server.shows("it ends")


def test_a_thread_that_never_ends_does_not_stop_a_reload(module_site, server):
    module_site.write(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        + view("'with a thread'")
    )
    server.shows("with a thread")
    module_site.write(view("'without a thread'"))
    server.shows("without a thread")


def test_a_query_at_the_top_of_the_file_is_explained(module_site, server):
    source = "from django.db import models\nclass Post(models.Model): ...\n" + view("'no query'")
    module_site.write(source.replace("@app", "Post.objects.count()\n@app"))
    answer = server.shows("no such table: blog_post", Accept="text/plain")
    assert "ask the database in a function" in answer.text
    module_site.write(source)
    server.shows("no query")


def test_no_request_is_refused_during_a_reload(module_site, server):
    module_site.write(view("'before'"))
    server.shows("before")
    module_site.write(view("'after'"))
    end, text = time.monotonic() + 20, ""
    while text != "after" and time.monotonic() < end:
        with contextlib.suppress(ConnectionResetError, http.client.HTTPException):
            text = server.request("/").text  # the reload may interrupt one
    assert text == "after"


def test_a_file_that_is_gone_for_a_moment_is_still_watched(module_site, server):
    module_site.write(view("'here'"))
    server.shows("here")
    away = module_site.folder / "away.txt"
    (module_site.folder / "blog.py").rename(away)
    time.sleep(0.5)  # the server looks at the files at least once
    away.rename(module_site.folder / "blog.py")
    server.until(lambda answer: answer.text == "here")
    module_site.edit("here", "here again")
    server.shows("here again")


def test_the_page_reloads_itself_in_a_browser(module_site, server, browser):
    module_site.write(view("'unclosed"))
    server.shows("unclosed")
    page = browser(f"http://127.0.0.1:{server.port}/")
    assert page.shows("unterminated string literal")
    module_site.write(view("'closed'"))
    assert page.shows("closed")


def test_an_error_is_not_shown_under_another_host_name(module_site, server):
    module_site.write("nmae_of_host\n" + view("'first'"))
    server.shows("nmae_of_host", Host="127.0.0.1")
    assert "nmae_of_host" in server.request("/", Host="blog.localhost:8000").text
    answer = server.request("/", Host="evil.example.org")
    assert (answer.text, answer.headers["X-Djng-Error"]) == ("Server Error (500)\n", None)


def test_an_error_is_not_shown_with_debug_off(site):
    site.write(view("'first'"))
    with site.develop(DJANGO_DEBUG="0") as server:
        server.shows("first")
        site.edit("@app.get", "nmae\n@app.get")
        server.says("NameError: name 'nmae'")
        answer = server.until(lambda answer: answer.status == 500, Accept="text/html")
        assert answer.text == "Server Error (500)\n"


@pytest.mark.parametrize("mistake", ["name", "check"])
def test_a_mistake_at_the_first_start_says_what_the_server_waits_for(site, mistake):
    old, new, message = MISTAKES[mistake]
    with site.put("blog.py", SITE.replace(old, new)).develop() as server:
        log = server.says("Stop: CONTROL-C.\n")
        url = f"http://127.0.0.1:{server.port}/"
        assert f"  Waiting for the file to be fixed: {url}\n  Stop: CONTROL-C.\n" in log
        assert message in log
        site.put("blog.py", SITE)
        server.shows("first")
        assert f"site      {url}" in server.log()


def test_the_first_start_runs_the_file_once(site):
    site.write(
        "import os\nfrom djng import Djng\nos.chdir('/')\napp = Djng()\nprint('the file runs')\n"
        "from django.core.checks import Warning, register\n@register()\n"
        "def check(app_configs, **kwargs):\n    return [Warning('careful', id='x.W1')]\n"
        + view("'first'")
    )
    with site.develop() as server:
        server.shows("first")
        assert server.log().count("the file runs") == 1
        assert server.log().count("careful") == 1
        assert "no issues" not in server.log()


def test_the_child_process_is_started_like_its_parent(site):
    site.put("sites/helper.py", "TEXT = 'helped'").put("sites/__init__.py", "").write(
        "import sys\nfrom . import helper\n# UTF-8, whatever the terminal uses: \u201d\n"
        + view("f'{helper.TEXT} {sys.warnoptions} {sys.argv[1:]} caf\u00e9'"),
        "sites/blog.py",
    )
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = ("-W", "error", "-m", "sites.blog", "runserver", "PORT")
    with site.serve(*command, **locale) as server:
        answer = server.until(lambda answer: answer.status == 200)
    assert re.fullmatch(r"helped \['error'\] \['runserver', '\d+'\] caf\u00e9", answer.text)


def test_a_script_without_a_server_just_runs(site):
    site.put("count.py", "from djng import Djng\n\napp = Djng()\nprint('counted')\n1 / 0")
    done = site.python("count.py")
    assert done.returncode == 1
    assert done.stdout == "counted\n"
    assert "ZeroDivisionError" in done.stderr


def test_a_script_with_routes_and_no_server_gets_a_warning(site):
    site.put("blog.py", f"from djng import Djng\n\napp = Djng()\n{view('1')}")
    done = site.fork("blog.py")
    assert done.returncode == 0
    assert done.stderr.startswith("blog.py:6: the file ends without app.run().")
    assert site.fork("-c", "import blog").stderr == ""


@pytest.mark.parametrize("code", [7, 3])  # 3 is what Django restarts for
def test_a_script_that_exits_ends_the_server(site, code):
    assert site.write(f"import sys\nsys.exit({code})").run().returncode == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(site, number):
    with site.write(PID).develop() as server:
        child = int(server.until(lambda answer: answer.text.isdigit()).text)
        assert child != server.pid
        os.kill(server.pid, number)
        for _ in range(100):
            if not os.path.exists(f"/proc/{child}"):
                break
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{child}")
    assert "Traceback" not in server.log()
