"""``djng new blog.py`` writes a first file. The command ``djng`` helps those who type another."""

import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import environment

import djng

IGNORED = "*.sqlite3*\n*.secret\nmedia/\nstaticfiles/\n"


def run_djng(site, *args):
    return site.fork("-m", "djng", *args)


def new(site, name):
    return site.fork("-m", "djng", "new", name)


def test_a_new_file_is_a_site(site):
    done = site.python("-m", "djng", "new", "blog.py")
    assert done.stdout.startswith("Wrote blog.py. Run it: python blog.py\n")
    with site.develop("runserver", "--noreload") as server:
        server.shows("There are 0 notes.")


def test_a_new_file_is_short_and_explained(site):
    new(site, "blog")
    source = (site.folder / "blog.py").read_text()
    assert len(source.splitlines()) <= 30
    assert source.count("#") >= 6
    assert source.startswith('# /// script\n# requires-python = ">=3.11"\n')
    assert '# dependencies = ["djng"]\n# ///\n' in source


def test_a_file_that_exists_is_not_overwritten(site):
    done = new(site.put("blog.py", "mine"), "blog.py")
    assert done.returncode == 1
    assert done.stderr.startswith("blog.py is not written: File exists.")
    assert (site.folder / "blog.py").read_text() == "mine"


# Python imports its own site at every start, so that no server and no test could import a site.py.
@pytest.mark.parametrize("name", ["random.py", "django.py", "djng.py", "site.py"])
def test_a_new_file_never_hides_a_module(site, name):
    done = new(site, name)
    assert done.returncode == 1
    assert f"{name} would hide the module {name[:-3]}." in done.stderr
    assert f"Choose another name, such as my_{name}." in done.stderr
    assert site.files() == []


@pytest.mark.parametrize("name", ["auth", "admin", "sessions"])
def test_a_new_file_never_has_the_name_of_a_django_app(site, name):
    assert new(site, name).returncode == 1
    assert site.files() == []


def test_djng_is_a_command(site):
    command = Path(sys.executable).with_name("djng")
    done = subprocess.run([command, "--version"], cwd=site.folder, capture_output=True, text=True)
    assert done.stdout.startswith(f"djng {djng.__version__}, Django ")
    done = subprocess.run([command, "new", "blog.py"], cwd=site.folder, capture_output=True)
    assert done.returncode == 0
    assert site.files() == [".gitignore", "blog.py"]


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_help_shows_how_to_start(site, arguments):
    done = run_djng(site, *arguments)
    assert done.returncode == 0
    assert "djng new blog.py\n  python blog.py" in done.stdout


def test_a_command_of_the_site_is_shown_for_each_site_in_the_folder(site):
    site.write("").put("other.py", "x = 1")
    done = run_djng(site, "runserver", "8001")
    assert done.returncode == 1
    assert done.stderr == (
        "djng has no command 'runserver'. Your site may have it:\n  python blog.py runserver 8001\n"
    )
    site.write("", "my shop.py")
    assert "\n  python 'my shop.py' migrate\n" in run_djng(site, "migrate").stderr


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("runserver", "Start a site: djng new blog.py"),
        ("nwe blog.py", "Did you mean new?"),
        ("blog.py", "Write it: djng new blog.py"),
    ],
)
def test_another_command_gets_what_to_type(site, typed, hint):
    done = run_djng(site, *shlex.split(typed))
    assert done.returncode == 1
    assert hint in done.stderr


def test_a_site_that_exists_gets_how_to_run_it(site):
    assert "Run it: python blog.py" in run_djng(site.write(""), "blog.py").stderr


def test_a_new_gitignore_names_what_a_site_makes(site):
    done = new(site, "blog.py")
    assert "Wrote .gitignore: git ignores" in done.stdout
    assert (site.folder / ".gitignore").read_text() == IGNORED


@pytest.mark.parametrize(
    ("before", "missing"),
    [
        ("", "*.sqlite3* *.secret media/ staticfiles/"),
        ("*.pyc\n*.sqlite3\n/media\n", "*.sqlite3* *.secret staticfiles/"),
        ("*.sqlite3\n*.sqlite3-*\nmedia\n*.secret\n", "staticfiles/"),
        (IGNORED, ""),
    ],
)
def test_a_gitignore_that_exists_is_only_read(site, before, missing):
    done = new(site.put(".gitignore", before), "blog.py")
    assert done.stdout.splitlines()[1:] == ([f"Add to .gitignore: {missing}"] if missing else [])
    assert (site.folder / ".gitignore").read_text() == before


@pytest.mark.parametrize("name", ["blog.txt", ".py", "__init__.py", "__main__", "a.b.py"])
def test_a_name_that_nothing_can_import_is_refused(site, name):
    done = new(site, name)
    assert done.returncode == 1
    assert "Choose a name like blog.py." in done.stderr
    assert site.files() == []


def test_a_name_that_a_package_hides_is_refused(site):
    done = new(site.put("blog/__init__.py", ""), "blog.py")
    assert "blog/__init__.py would hide blog.py from every import." in done.stderr


def test_a_folder_that_is_missing_is_an_error_with_the_way_out(site):
    done = new(site, "sites/blog.py")
    assert "Make the folder first: mkdir -p sites" in done.stderr


def test_a_full_disk_leaves_nothing_half_written(site):
    done = subprocess.run(
        [sys.executable, "-B", "-m", "djng", "new", "blog.py"],
        cwd=site.folder,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        capture_output=True,
        text=True,
    )
    assert done.stderr == "blog.py is not written: File too large.\n  Nothing is written.\n"
    assert site.files() == []
