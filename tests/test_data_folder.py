"""One folder holds what a site writes: DJANGO_DATA, or Djng(data=...)."""

import shutil
import subprocess
import sys

import pytest
from conftest import environment

SITE = """
    from django.core.files.storage import default_storage
    from django.db import models
    from django.views.decorators.csrf import csrf_exempt

    class Entry(models.Model):
        text = models.CharField(max_length=20)

    @app.post("/")
    @csrf_exempt
    def upload(request):
        Entry.objects.create(text="kept")
        return default_storage.save("report.txt", request)
"""
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
SERVERS = [
    "-m gunicorn -b 127.0.0.1:0 blog:app",
    "-m uvicorn --port 0 blog:app",
    "blog.py serve",
    "blog.py",
]
HEAD = "from djng import Djng\n\napp = Djng(data={!r})"
SAYS = "blog.py:3: the site cannot write to its data folder, {}: "
SHOW = """
    from django.conf import settings
    print(blog.app.data, settings.DATABASES["default"]["NAME"], settings.MEDIA_ROOT)
"""


@pytest.fixture
def data(tmp_path_factory):
    """A folder that does not exist yet, elsewhere than the site."""
    return tmp_path_factory.mktemp("volume") / "data"


def names(folder):
    """All that is below a folder, except for the log of SQLite, which comes and goes."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(str(path) for path in found if not str(path).endswith(("-wal", "-shm")))


@pytest.mark.parametrize("command", [GUNICORN, ("blog.py", "runserver", "PORT")])
def test_everything_that_the_site_writes_is_in_the_folder(site, data, command):
    site.write(SITE).succeed("makemigrations", DJANGO_DATA=str(data))
    site.succeed("migrate", DJANGO_DATA=str(data))
    with site.serve(*command, DJANGO_DATA=str(data)) as server:
        assert server.request("/", "POST", "uploaded").text == "report.txt"
    assert names(data) == ["blog.secret", "blog.sqlite3", "media", "media/report.txt"]
    migrations = ["blog/migrations/0001_initial.py", "blog/migrations/__init__.py"]
    assert site.files() == ["blog", "blog.py", "blog/migrations", *migrations, "server.log"]


def test_runserver_says_where_the_data_is(site, data):
    with site.write("").develop(DJANGO_DATA=str(data)) as server:
        assert f"  data      {data}\n  database  {data}/blog.sqlite3\n" in server.says("Stop:")


def test_runserver_does_not_name_the_folder_of_the_file(site):
    with site.write("").develop() as server:
        assert "  data  " not in server.says("Stop:")


def test_a_relative_folder_is_relative_to_the_file(site, tmp_path_factory):
    elsewhere, folder = tmp_path_factory.mktemp("elsewhere"), site.folder
    shown = f"{folder}/data {folder}/data/blog.sqlite3 {folder}/data/media"
    variables = {"cwd": elsewhere, "PYTHONPATH": str(folder)}
    assert site.write("").shell(SHOW, DJANGO_DATA="data", **variables) == shown
    assert site.write(HEAD.format("x/../data")).shell(SHOW, **variables) == shown
    assert not [*elsewhere.iterdir()]


def test_the_keyword_wins_over_the_variable(site, data):
    shown = site.write(HEAD.format("mine")).shell(SHOW, DJANGO_DATA=str(data))
    assert shown.startswith(f"{site.folder}/mine ")
    assert not data.exists()


def test_an_sqlite_file_of_database_url_is_in_the_folder(site, data):
    variables = {"DJANGO_DATA": str(data), "DATABASE_URL": "sqlite:///other.sqlite3"}
    site.write("").succeed("migrate", **variables)
    assert names(data) == ["blog.secret", "other.sqlite3"]


def test_a_tilde_is_the_home_folder(site, data):
    site.write(HEAD.format("~/data")).succeed("migrate", HOME=str(data.parent))
    assert (data / "blog.sqlite3").exists()


def test_a_new_folder_is_for_its_owner_alone(site, data):
    site.write("").succeed("migrate", DJANGO_DATA=str(data))
    assert data.stat().st_mode & 0o777 == 0o700
    data.chmod(0o755)
    site.succeed("migrate", DJANGO_DATA=str(data))
    assert data.stat().st_mode & 0o777 == 0o755


def test_a_backup_goes_to_the_folder(site, data):
    site.write("").succeed("migrate", DJANGO_DATA=str(data))
    done = site.succeed("backup", DJANGO_DATA=str(data))
    (copy,) = data.glob("blog-*-*-*-*.sqlite3")
    assert done == f"Wrote {copy}.\n"
    assert copy.stat().st_size == (data / "blog.sqlite3").stat().st_size


def test_without_a_folder_a_backup_is_beside_the_file(site, tmp_path_factory):
    site.write("").succeed("migrate")
    script = site.folder / "blog.py"
    done = site.fork(script, "backup", cwd=tmp_path_factory.mktemp("elsewhere"))
    (copy,) = site.folder.glob("blog-*.sqlite3")
    assert done.stdout == f"Wrote {copy}.\n"


@pytest.fixture
def read_only(data):
    """A command that runs another one which cannot write to the data folder."""
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv here to drop root's privileges")
    data.mkdir(mode=0o555)
    return ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")


def run_under(under, site, command, data):
    return subprocess.run(
        [*under, sys.executable, *command.split()],
        cwd=site.folder,
        env=environment(DJANGO_DATA=str(data), DJANGO_SECRET_KEY="given" * 10),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", SERVERS)
def test_a_server_that_cannot_write_to_the_folder_does_not_start(site, data, read_only, command):
    done = run_under(read_only, site.write(""), command, data)
    assert done.returncode != 0
    assert f"{SAYS.format(data)}Permission denied.\n" in done.stderr
    assert "Let the site write there, or name another folder in DJANGO_DATA" in done.stderr


@pytest.mark.parametrize("command", SERVERS)
def test_a_server_whose_folder_cannot_be_created_does_not_start(site, data, command):
    data.write_text("a file")
    done = run_under((), site.write(""), command, data)
    assert done.returncode != 0
    assert f"{SAYS.format(data)}it is a file.\n" in done.stderr


@pytest.mark.parametrize("command", ["migrate", "makemigrations", "shell -c print(1)"])
def test_a_command_that_cannot_write_to_the_folder_says_only_that(site, data, read_only, command):
    done = run_under(read_only, site.write(""), f"blog.py {command}", data)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{SAYS.format(data)}Permission denied.\n")
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize("command", ["check", "collectstatic -v0", "routes", "test", "--version"])
def test_commands_that_build_images_need_no_folder(site, data, command):
    site.write("").put(
        "tests.py", "from django.test import *\n\nclass T(TestCase):\n def test(s):0"
    )
    done = site.run(*command.split(), DJANGO_DATA=str(data))
    assert done.returncode == 0, done.stderr
    assert not data.exists()


@pytest.mark.parametrize("name", ["public", "static/data", "staticfiles", "static/../public"])
def test_a_folder_that_the_site_serves_is_refused(site, name):
    done = site.write("").run("check", DJANGO_DATA=name)
    assert "blog.py:3: visitors could download the data from " in done.stderr
    assert "Serve another folder, or keep the data elsewhere" in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "STATICFILES_DIRS=[HERE]",
        "STATICFILES_DIRS=[('own', HERE)]",
        "STATICFILES_DIRS=['link']",
        "WHITENOISE_ROOT=str(HERE)",
    ],
)
def test_a_file_whose_own_folder_is_served_is_refused(site, setting):
    (site.folder / "link").symlink_to(".")
    site.write(f"""
        from pathlib import Path
        from djng import Djng

        HERE = Path(__file__).parent
        app = Djng({setting})
    """)
    done = site.run("check")
    assert "blog.py:6: visitors could download the data from " in done.stderr
    assert f"the site serves {site.folder}.\n" in done.stderr


def test_data_among_the_uploaded_files_is_refused(site, data):
    done = site.write(f"from djng import Djng\n\napp = Djng(MEDIA_ROOT={str(data)!r})").run(
        "check", DJANGO_DATA=str(data)
    )
    assert f"{data}: the site serves {data}." in done.stderr


def test_the_folder_is_text_or_a_path(site):
    done = site.write("from djng import Djng\n\napp = Djng(data=True)").run("check")
    assert done.stderr == 'blog.py:3: data is the path of a folder.\n  Write data="data".\n'
