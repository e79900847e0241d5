"""A file must not hide a module by its name, and mistakes at the start are explained."""

import pytest

from djng.apps import find_call


@pytest.mark.parametrize(
    "name", ["django", "email", "random", "json", "types", "whitenoise", "asgiref", "calendar"]
)
def test_a_site_that_hides_a_module_is_refused(site, name):
    site.write("", f"{name}.py")
    done = site.python(f"{name}.py", "check")
    assert done.returncode == 1
    assert done.stderr == (
        f"{name}.py hides the module {name}, which others import.\n  Rename {name}.py.\n"
    )


def test_a_site_called_djng_is_refused(site):
    site.write("", "djng.py")
    done = site.python("-P", "djng.py", "check")  # without -P it imports itself
    assert "djng.py hides the module djng" in done.stderr


@pytest.mark.parametrize("name", ["random", "calendar", "django", "asgiref"])
def test_a_file_beside_the_site_that_hides_a_module_is_refused(site, name):
    site.write("").put(f"{name}.py", "x = 1")
    done = site.python("blog.py", "check")
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"{name}.py hides the module {name}, which others import.\n  Rename {name}.py.\n"
    )
    assert "Traceback" not in done.stderr


def test_a_file_that_hides_an_unused_module_is_accepted(site):
    site.write("").put("turtle.py", "x = 1").succeed("check")


def test_a_file_with_the_name_of_some_package_is_accepted(site):
    site.put("elsewhere/utils/__init__.py", "").put("utils.py", "x = 1")
    done = site.write("import utils").run("check", PYTHONPATH=str(site.folder / "elsewhere"))
    assert done.returncode == 0, done.stderr


def test_a_link_to_the_site_is_accepted(site):
    site.write("")
    (site.folder / "bin").mkdir()
    (site.folder / "bin/blog.py").symlink_to(site.folder / "blog.py")
    done = site.fork("bin/blog.py", "check", PYTHONPATH=str(site.folder))
    assert done.returncode == 0, done.stderr


def test_an_unknown_command_gets_the_nearest_name(site):
    done = site.write("").run("runsrver")
    assert "Unknown command: 'runsrver'. Did you mean runserver?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_table_is_an_error_with_the_commands_that_create_it(site):
    done = site.write("").run(
        "createsuperuser", "--noinput", "--username", "a", "--email", "a@b.org"
    )
    assert done.returncode == 1
    assert "no such table: auth_user" in done.stderr
    assert "python blog.py makemigrations, then python blog.py migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_table_in_the_shell_has_the_same_hint(site):
    site.write("""
        from django.db import models

        class Post(models.Model):
            title = models.TextField()
    """)
    done = site.run("shell", "-c", "print(Post.objects.count())")
    assert "python blog.py makemigrations, then python blog.py migrate" in done.stderr


MAIN = 'if __name__ == "__main__":\n    '
ENDS_IN_RUN = [
    f"{MAIN}app.run()",
    f"{MAIN}print('hello')\n    app.run()",
    f"{MAIN}if not exists:\n        print('hello')\n    app.run()",
    "if settings.DEBUG:\n    app.include('/debug/', 'debug')\napp.run()",
    f"def main():\n    app.run()\n{MAIN}main()",
]
MAY_SERVE_ITSELF = [
    f"{MAIN}serve(app)",
    f"{MAIN}server.run()",
    f"{MAIN}myapp.run()",
    f"{MAIN}if PRODUCTION:\n        serve(app)\n    else:\n        app.run()",
    f"{MAIN}if PRODUCTION:\n        uvicorn.run('blog:app')\n    else:\n        app.run()",
    f"{MAIN}if PRODUCTION:\n        sys.exit(production())\n    app.run()",
    f"{MAIN}serve(app) if PRODUCTION else app.run()",
    f"if PRODUCTION:\n    serve(app)\n{MAIN}app.run()",
    "if __name__ == '__main__' and PRODUCTION:\n    serve(app)\n"
    "elif __name__ == '__main__':\n    app.run()",
    f"match PRODUCTION:\n    case True:\n        serve(app)\n{MAIN}app.run()",
    f"def main():\n    if PRODUCTION:\n        return serve(app)\n    app.run()\n{MAIN}main()",
    f"def main():\n    main()\n{MAIN}main()",
]


@pytest.mark.parametrize("source", ENDS_IN_RUN)
def test_a_script_that_always_ends_in_run_is_found(source):
    assert find_call("app.run", f"app = Djng()\n{source}")


@pytest.mark.parametrize("source", MAY_SERVE_ITSELF)
def test_a_script_that_may_serve_itself_is_not_taken_for_one(source):
    assert find_call("app.run", f"app = Djng()\n{source}") is None


def test_a_file_that_imports_itself_by_another_one_is_an_error(site):
    site.put("shop.py", "from blog import app").write(
        "import shop\nfrom djng import Djng\n\napp = Djng()"
    )
    done = site.run("check")
    assert "blog.py:1: this line imports blog.py again, before Djng() has run." in done.stderr
    assert "Traceback" not in done.stderr


ROOM = "class Room(models.Model):\n    title = models.TextField()\n"
CIRCULAR = (
    f"from django.db import models\nfrom djng import Djng\n\napp = Djng()\nimport shop\n\n{ROOM}"
)


@pytest.fixture
def circular(site):
    return site.write(CIRCULAR).put("shop.py", "import deep\n")


@pytest.mark.parametrize("use", ["from blog import Room", "import blog\nroom = blog.Room"])
def test_a_circular_import_names_the_import_to_move(circular, use):
    circular.put("deep.py", use)
    hint = [
        "`import shop` in blog.py:5 runs before line 7 defines Room.",
        "Move it below Room, or import Room in the function that uses it.",
    ]
    done = circular.run("check")
    assert done.stderr.endswith("".join(f"  {line}\n" for line in hint))
    with circular.develop() as server:
        page = server.shows("before line 7 defines Room").text
        assert all(line in page for line in hint)
        assert "deep.py" in page
        circular.edit("import shop\n", "").edit(ROOM, f"{ROOM}\n\nimport shop\n")
        server.until(lambda answer: answer.status == 404)


def test_a_name_that_a_file_lacks_is_no_circular_import(circular):
    done = circular.put("deep.py", "from blog import Rom").run("check")
    assert done.stderr.rstrip().splitlines()[-1].startswith("ImportError: cannot import name 'Rom'")


@pytest.mark.parametrize("below", ["@app.get('/')\ndef index(request): ...", "class Post: ..."])
def test_definitions_below_app_run_are_an_error(site, below):
    site.put("blog.py", f"from djng import Djng\n\napp = Djng()\napp.run()\n{below}\n")
    done = site.run("check")
    assert "blog.py:4: app.run() does not return" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["5000", "'127.0.0.1'", "port=5000"])
def test_app_run_takes_no_port(site, arguments):
    site.put("blog.py", f"from djng import Djng\n\napp = Djng()\n{MAIN}app.run({arguments})\n")
    done = site.run("check")
    assert "blog.py:5: app.run() " in done.stderr
    assert "python blog.py runserver 5000 takes a port" in done.stderr
    assert "Traceback" not in done.stderr
