"""The file is an ordinary Django project to every tool that knows its settings module."""

import shutil

import pytest
from conftest import Site

SETTINGS = {"DJANGO_SETTINGS_MODULE": "blog.settings"}
SITE = """
from djng import Djng

app = Djng(TIME_ZONE="Pacific/Honolulu")

import datetime
from django.contrib.auth.models import User
from django.db import models


class Post(models.Model):
    title = models.CharField(max_length=50)
    day = models.DateField(auto_now_add=True)


def square(number):
    return number * number
"""
READY = """
from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        import blog

        print("ready after the file:", hasattr(blog, "square"))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.succeed("makemigrations", "-v0")
    return site


def succeed(site, *arguments, **variables):
    done = site.python(*arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (["check"], "no issues"),
        (["migrate"], "Applying blog.0001_initial... OK"),
        (["shell", "-v0", "-c", "import blog; print(blog.Post.objects.count())"], "0"),
        (["makemigrations", "--check"], "No changes detected"),
        (["test"], "There are no tests"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_django_runs_commands(project, command, output):
    done = project.python("-m", "django", *command, **SETTINGS)
    assert output in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_sets_django_up(site):
    site.put("shop/apps.py", READY).write(SITE.replace("Djng(", "Djng(apps=['shop'], "))
    code = "import django; django.setup(); print('set up')"
    lines = succeed(site, "-c", code, **SETTINGS).splitlines()
    assert lines == ["ready after the file: True", "set up"]


def test_pytest_knows_the_settings(project):
    test = """
        from django.contrib.auth.models import User
        from blog import Post

        def test_it(db):
            assert (User.objects.count(), Post.objects.count()) == (0, 0)
    """
    project.put("test_it.py", test)
    options = ("-q", "-p", "no:cacheprovider", "-W", "error", "--ds=blog.settings")
    assert "1 passed" in succeed(project, "-m", "pytest", *options, "test_it.py")


SPAWN = """
import multiprocessing
from djng import Djng

app = Djng()
from django.db import models


class Post(models.Model):
    pass


def name(number):
    return f"{number} {Post._meta.label} {name.__module__} {__name__}"


@app.command
def spawn():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(*pool.map(name, [1, 2]), sep=", ")
"""


def test_a_spawned_process_runs_the_file(site):
    site.write(SPAWN)
    done = site.python("blog.py", "spawn")
    assert done.stdout == "1 blog.Post blog blog, 2 blog.Post blog blog\n", done.stderr


def test_a_script_beside_the_file_spawns_processes(project):
    project.put(
        "work.py",
        """
        import multiprocessing
        import blog

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(blog.square, [1, 2, 3]))
        """,
    )
    assert succeed(project, "work.py") == "[1, 4, 9]\n"


def test_the_process_has_the_time_zone_of_the_settings(project):
    code = "import time; print(time.tzname[0])"
    assert project.shell(code) == "HST"
    project.succeed("migrate", "-v0")
    code = """
        import datetime
        zone = datetime.timezone(datetime.timedelta(hours=-10))
        days = {datetime.datetime.now(zone).date()}
        assert datetime.date.today() in days
        print(blog.Post.objects.create().day in days)
    """
    assert project.shell(code) == "True"


def test_compilemessages_finds_other_folders(site):
    if not shutil.which("msgfmt"):
        pytest.skip("there is no gettext here")
    site.put("words/de/LC_MESSAGES/django.po", 'msgid "a"\nmsgstr "b"\n')
    site.write("from djng import Djng\n\napp = Djng(LOCALE_PATHS=['words'])\n")
    site.succeed("compilemessages")
    assert "words/de/LC_MESSAGES/django.mo" in site.files()


def test_messages_are_found_where_makemessages_writes_them(site):
    if not shutil.which("msgfmt"):
        pytest.skip("there is no gettext here")
    site.write("from django.utils.translation import gettext\ngettext('evening')\n")
    (site.folder / "locale").mkdir()
    site.succeed("makemessages", "-l", "de")
    said, name = 'msgid "evening"\nmsgstr "', "locale/de/LC_MESSAGES/django.po"
    site.edit(said, f"{said}Abend", name)
    site.succeed("compilemessages")
    code = """
        from django.utils import translation

        with translation.override("de"):
            print(blog.gettext("evening"))
    """
    assert site.shell(code, cwd=site.folder) == "Abend"


def test_migrate_runs_under_other_installed_apps(project):
    code = """
        from django.core.management import call_command
        from django.test import override_settings

        for names in (["blog", "django.contrib.contenttypes"], ["django.contrib.contenttypes"]):
            with override_settings(INSTALLED_APPS=names):
                call_command("migrate", verbosity=0)
        print("migrated")
    """
    assert project.shell(code) == "migrated"


def test_the_variable_of_another_site_is_ignored(project):
    (project.folder / "other.py").write_text("raise SystemExit('the other site was imported')")
    other = {"DJANGO_SETTINGS_MODULE": "other.settings"}
    code = "from django.conf import settings; print(settings.SETTINGS_MODULE)"
    assert project.succeed("shell", "-v0", "-c", code, **other) == "blog.settings\n"
    assert succeed(project, "-c", f"import blog; {code}", **other) == "blog.settings\n"


def test_importing_djng_again_changes_nothing(project):
    code = "import os; from djng import Djng; print(os.environ['DJANGO_SETTINGS_MODULE'])"
    assert project.shell(code) == "blog.settings"


def test_reading_a_setting_too_early_is_explained_whatever_the_variable_is(site):
    site.write(
        "from djng import Djng\nfrom django.contrib.auth.models import User\n\napp = Djng()\n"
    )
    for value in ("blog.settings", "other.settings"):
        done = site.run("check", DJANGO_SETTINGS_MODULE=value)
        assert "blog.py:2: `from django.contrib.auth.models import User` needs" in done.stderr
    done = site.python("-m", "django", "check", **SETTINGS)
    assert "Move it below `app = Djng(...)`, line 4." in done.stderr


def test_a_settings_file_on_the_disk_is_answered(site):
    for name in ("blog/settings/__init__.py", "blog/settings.py"):
        done = site.write("").put(name, "DEBUG = True").run("check")
        assert done.stderr.startswith(f"blog.py:3: {name} is never read.")
        assert 'Move the settings into Djng(), as LANGUAGE_CODE="de", and delete' in done.stderr
        assert "Traceback" not in done.stderr


def test_settings_are_a_module(project):
    code = "from importlib import import_module; made = import_module('blog.settings')\n"
    code += "print(made.TIME_ZONE, made.INSTALLED_APPS[0])"
    assert succeed(project, "-c", code) == "Pacific/Honolulu blog\n"


def test_models_are_a_module(project):
    assert succeed(project, "-c", "import blog; from blog.models import Post; print(Post)") == (
        "<class 'blog.Post'>\n"
    )


def test_models_may_move_to_the_folder(site):
    site.put("blog/models.py", "from django.db import models\n\nclass Tag(models.Model):\n    pass")
    assert "Create model Tag" in site.write("").succeed("makemigrations")


def test_a_file_in_a_package_is_found_in_other_processes(site):
    site.write(SITE, "shop/blog.py")
    code = "import shop.blog, os; print(os.environ['DJANGO_SETTINGS_MODULE'])"
    assert succeed(site, "-c", code) == "shop.blog.settings\n"
    code = "import django; django.setup(); import blog; print(blog.Post._meta.label)"
    assert succeed(site, "-c", code, DJANGO_SETTINGS_MODULE="shop.blog.settings") == "blog.Post\n"
