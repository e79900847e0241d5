"""The one file is a Django app, however it starts."""

import pytest
from conftest import Site

POSTS = """
from django.db import models


def make_slug():
    return "slug"


class Dated(models.Model):
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-created"]


class Post(Dated):
    class Status(models.TextChoices):
        DRAFT = "d"

        @staticmethod
        def first():
            return "d"

    def make_title():
        return "title"

    title = models.CharField(max_length=50, default=make_title)
    slug = models.SlugField(default=make_slug)
    status = models.CharField(max_length=1, choices=Status, default=Status.DRAFT)

    class Meta(Dated.Meta):
        verbose_name = "article"


@app.route("/")
def index(request):
    return f"{__name__} {Post.__module__} {Post._meta.label}"
"""


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """The site with its migrations and its tables."""
    site = Site(tmp_path_factory.mktemp("posts")).write(POSTS)
    site.first_output = site.succeed("makemigrations")
    site.shell("""
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
    """)
    return site


@pytest.fixture(scope="module")
def unmigrated(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("unmigrated")).write(POSTS)


def test_a_first_migration_needs_no_label(posts):
    assert "Create model Post" in posts.first_output
    assert "No changes detected" in posts.succeed("makemigrations")


def test_migrations_name_the_file_and_never_main(posts):
    migration = (posts.folder / "blog/migrations/0001_initial.py").read_text()
    assert "import blog" in migration
    assert "blog.make_slug" in migration
    assert "blog.Post.make_title" in migration
    assert "__main__" not in migration


def test_migrations_are_the_same_for_a_script_and_for_an_import(posts):
    assert posts.shell("print(blog.Post.objects.create().slug)") == "slug"
    assert "No changes detected" in posts.succeed("makemigrations", "--check")
    assert "No planned migration operations" in posts.succeed("migrate", "--plan")


def test_makemigrations_writes_nothing_into_packages_outside_the_environment(site):
    site.put("home/site-packages/guest/__init__.py", "")
    site.put(
        "home/site-packages/guest/models.py",
        """
        from django.db import models

        class Guest(models.Model):
            name = models.TextField()
        """,
    )
    site.write("""
        from django.db import models
        from djng import Djng

        app = Djng(apps=["guest"])

        class Post(models.Model):
            title = models.TextField()
    """)
    shown = site.succeed("makemigrations", PYTHONPATH=str(site.folder / "home/site-packages"))
    assert "Create model Post" in shown
    assert "guest" not in shown


def test_makemigrations_keeps_djangos_options(site):
    site.write(POSTS)
    assert "Create model Post" in site.succeed("makemigrations", "--dry-run")
    assert site.run("makemigrations", "--check").returncode == 1
    assert not (site.folder / "blog").exists()
    site.succeed("makemigrations", "blog", "--name", "first")
    assert "blog/migrations/0001_first.py" in site.files()
    site.succeed("makemigrations", "--empty", "blog", "--name", "second")
    assert "blog/migrations/0002_second.py" in site.files()


def test_a_file_without_models_gets_no_migrations(site):
    assert "No changes detected" in site.write("").succeed("makemigrations")
    assert not (site.folder / "blog").exists()


@pytest.mark.parametrize("command", [["--help"], ["help", "migrate"], ["check"], ["--version"]])
def test_commands_that_only_show_something_write_no_file(site, command):
    unmigrated = site.write(POSTS)
    unmigrated.succeed(*command)
    assert unmigrated.files() == ["blog.py"]


def test_an_import_writes_only_the_secret_key(unmigrated):
    unmigrated.shell("")
    assert unmigrated.files() == ["blog.py", "blog.secret"]


@pytest.mark.parametrize(
    "command",
    [("blog.py", "shell", "-v0", "-c"), ("-m", "blog", "shell", "-v0", "-c")],
    ids=["script", "module"],
)
def test_a_program_is_the_app(unmigrated, command):
    code = "import blog, __main__; assert blog is __main__; print(blog.Post._meta.label)"
    done = unmigrated.python(*command, code)
    assert done.stdout.strip() == "blog.Post", done.stderr


def test_an_imported_file_is_the_app(unmigrated):
    meta = "blog.Post._meta"
    shown = unmigrated.shell(f"print({meta}.label, {meta}.ordering, {meta}.verbose_name)")
    assert shown == "blog.Post ['-created'] article"


def test_a_file_in_a_package_is_the_app(site):
    site.write(POSTS, "shop/blog.py")
    code = "import shop.blog, blog; assert blog is shop.blog; print(blog.Post._meta.label)"
    assert site.fork("-c", code).stdout.strip() == "blog.Post"


def test_a_file_started_from_another_folder_writes_nothing_there(site, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = site.write(POSTS, "my-blog.py").folder / "my-blog.py"
    assert site.fork(path, "makemigrations", cwd=elsewhere).returncode == 0
    assert site.fork(path, "migrate", cwd=elsewhere).returncode == 0
    assert list(elsewhere.iterdir()) == []
    assert {"my-blog.sqlite3", "my-blog/migrations/0001_initial.py"} <= set(site.files())
    migration = (site.folder / "my-blog/migrations/0001_initial.py").read_text()
    assert "my_blog.make_slug" in migration  # the name of the file is no identifier


def test_a_notebook_is_the_app(site):
    cells = """
from djng import Djng
app = Djng()
from django.db import models
class Note(models.Model):
    text = models.TextField()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
Note.objects.create(text="kept")
class Later(models.Model):
    pass
print(Note.objects.get().text, Note._meta.label)
"""
    done = site.python("-", stdin=cells)
    assert done.stdout.strip() == "kept notebook.Note", done.stderr
    assert site.files() == ["notebook.sqlite3"]


def test_a_cell_of_a_notebook_that_runs_again_says_to_restart_the_kernel(site):
    done = site.python("-", stdin="from djng import Djng\napp = Djng()\napp = Djng()\n")
    assert "restart the notebook's kernel to run this cell again." in done.stderr


def test_the_file_runs_once(site):
    site.write("print('executed')\nimport other").put("other.py", "from blog import app")
    assert site.succeed("check", "-v0").count("executed") == 1


@pytest.mark.parametrize(
    ("stem", "label"),
    [("blog", "blog"), ("my-blog", "my_blog"), ("2026", "app_2026"), ("class", "class_")],
)
def test_every_file_name_gets_an_identifier(stem, label):
    from djng.apps import label_of

    assert label_of(stem) == label


def test_two_files_in_one_folder_share_nothing(posts):
    posts.write(POSTS, "shop.py")
    for command in ("makemigrations", "migrate"):
        assert posts.fork("shop.py", command).returncode == 0
    count = "print(blog.Post.objects.count())"
    assert int(posts.shell(f"blog.Post.objects.create(); {count}")) > 0
    assert posts.fork("-c", f"import shop as blog; {count}").stdout.strip() == "0"
    folders = {"blog/migrations/0001_initial.py", "shop/migrations/0001_initial.py"}
    assert folders | {"blog.sqlite3", "shop.sqlite3"} <= set(posts.files())


def test_the_file_may_define_the_user_model(site):
    site.write(
        """
        from djng import Djng

        app = Djng(AUTH_USER_MODEL="blog.User")

        from django.contrib.auth.models import AbstractUser
        from django.db import models


        @app.admin
        class User(AbstractUser):
            motto = models.CharField(max_length=50, default="none")


        from django.contrib.auth.forms import UserCreationForm
        """
    )
    site.succeed("makemigrations")
    site.succeed("migrate")
    password = {"DJANGO_SUPERUSER_PASSWORD": "a-long-one"}
    site.succeed(
        "createsuperuser", "--noinput", "--username=ada", "--email=a@b.example", **password
    )
    assert site.shell("print(blog.User.objects.get(is_superuser=True).motto)") == "none"
    assert "No changes detected" in site.succeed("makemigrations", "--check")


def test_migrate_creates_permissions_as_in_a_project(posts):
    names = posts.shell("""
        from django.contrib.auth.models import Permission
        names = Permission.objects.filter(content_type__app_label="blog")
        print(*names.values_list("codename", flat=True))
    """)
    assert names == "add_post change_post delete_post view_post"


def test_fixtures_are_written_and_read(posts):
    posts.shell("blog.Post.objects.all().delete(); blog.Post.objects.create(title='one')")
    posts.succeed("dumpdata", "blog", "--output", "posts.json")
    posts.shell("blog.Post.objects.all().delete()")
    assert "Installed 1 object" in posts.succeed("loaddata", "posts.json")


def test_a_class_still_knows_its_line(posts):
    code = "import inspect; blog.app.start(); print(inspect.getsourcelines(blog.Post)[1])"
    assert posts.shell(code) == "21"


def test_the_folder_with_the_files_name_belongs_to_the_app(site):
    site.write("""
        @app.route("/", template="page.html")
        def index(request):
            return {}
    """)
    command = """
        from django.core.management import BaseCommand

        class Command(BaseCommand):
            def handle(self, **options):
                self.stdout.write("from the folder")
    """
    site.put("blog/management/commands/greet.py", command)
    site.put("blog/templates/page.html", "in the folder {% static 'a.css' %}")
    site.put("blog/static/a.css", "a {}")
    assert site.succeed("greet") == "from the folder\n"
    asked = site.shell("""
        from django.test import Client
        client = Client()
        print(client.get("/").text)
        print(client.get("/static/a.css").getvalue().decode())
    """)
    assert asked.splitlines() == ["in the folder /static/a.css", "a {}"]


def test_apps_become_ready_after_the_file_has_been_read(site):
    site.put(
        "shop/apps.py",
        """
        from django.apps import AppConfig

        class ShopConfig(AppConfig):
            name = "shop"

            def ready(self):
                import blog
                print("ready, and the file has been read:", hasattr(blog, "last"))
        """,
    )
    site.write("from djng import Djng\n\napp = Djng(apps=['shop'])\nprint('read')\nlast = 1\n")
    assert site.succeed("check", "-v0").splitlines()[:2] == [
        "read",
        "ready, and the file has been read: True",
    ]


def test_unusual_classes_and_lazy_values_do_no_harm(site):
    site.write("""
        from django.utils.functional import SimpleLazyObject

        class Node: ...
        Node.child = Node
        Node.self = Node

        class Fixed(type):
            def __setattr__(cls, name, value):
                raise TypeError

        class Stubborn(metaclass=Fixed):
            class Inner: ...

        config = SimpleLazyObject(lambda: 1 / 0)
    """)
    site.succeed("check")
    assert site.shell("blog.app.start(); print(blog.Node.__module__)") == "blog"


def test_an_app_that_fails_in_ready_fails_every_time(site):
    site.put(
        "shop/apps.py",
        """
        from django.apps import AppConfig

        class ShopConfig(AppConfig):
            name = "shop"

            def ready(self):
                raise RuntimeError("not ready")
        """,
    )
    site.write("from djng import Djng\n\napp = Djng(apps=['shop'])\n")
    assert site.shell("""
        for _ in range(2):
            try:
                blog.app.start()
            except RuntimeError as error:
                print(error)
    """).splitlines() == ["not ready", "not ready"]


def test_another_file_may_define_a_subclass_of_djng(site):
    site.put(
        "base.py",
        """
        from djng import Djng

        class Site(Djng):
            def __init__(self, **settings):
                super().__init__(LANGUAGE_CODE="de", **settings)
        """,
    )
    site.put("blog.py", "import djng\nfrom base import Site\n\napp = Site()\n")
    assert (
        site.shell("from django.conf import settings; print(settings.SETTINGS_MODULE)")
        == "blog.settings"
    )


@pytest.mark.parametrize("name", ["nowhere", "__main__"])  # the second one as some profilers do
def test_code_that_is_neither_run_nor_imported_is_refused(site, name):
    site.write("")
    done = site.fork("-c", f"exec(open('blog.py').read(), {{'__name__': {name!r}}})")
    assert "djng cannot find the module that calls Djng()." in done.stderr


def test_a_site_runs_in_the_debugger(site):
    shown = site.write("").python("-m", "pdb", "-c", "continue", "-c", "quit", "blog.py", "check")
    assert "System check identified no issues" in shown.stdout


BESIDE = """
from django.contrib import admin
from django.db import models
from djng import Djng

app = Djng(apps=["shop"])

from blog.models import Room


class Post(models.Model):
    room = models.ForeignKey(Room, models.CASCADE)


@app.get("/")
def index(request):
    return [str(admin.site), Post.objects.count()]
"""
ROOM = """
from django.db import models


class Room(models.Model):
    title = models.CharField(max_length=20)
"""


def test_files_in_the_folder_of_the_site_hide_no_name(site):
    site.put("blog/models.py", ROOM).put("blog/admin.py", "import blog").put("shop/__init__.py", "")
    site.write(BESIDE).succeed("makemigrations")
    site.succeed("migrate")
    ask = "from django.test import Client; print(Client().get('/').json())"
    assert site.shell(ask) == "[\"AdminSite(name='admin')\", 0]"


def test_an_app_of_the_user_gets_its_first_migration_without_a_label(site):
    site.put("shop/__init__.py", "").put("shop/models.py", ROOM)
    site.write("from djng import Djng\n\napp = Djng(apps=['shop'])")
    assert "shop/migrations/0001_initial.py" in site.succeed("makemigrations")
    assert "No changes detected" in site.succeed("makemigrations")


def test_messages_of_migrations_name_the_file(site):
    site.write(f"from djng import Djng\n\napp = Djng()\n{ROOM}").succeed("makemigrations")
    site.put(
        "blog/migrations/0001_other.py",
        (site.folder / "blog/migrations/0001_initial.py").read_text(),
    )
    merge = "To fix them run 'python blog.py makemigrations --merge'"
    assert merge in site.run("makemigrations").stderr
    assert merge in site.run("migrate").stderr
    (site.folder / "blog/migrations/0001_other.py").unlink()
    site.succeed("migrate")
    site.edit("max_length=20", "max_length=30")
    assert "Run 'python blog.py makemigrations' to make new migrations" in site.succeed("migrate")


def test_createsuperuser_says_that_a_superuser_only_lacks_a_password(site):
    site.write("").succeed("migrate")
    site.shell("""
        from django.contrib.auth.models import User
        User.objects.create_superuser("admin")
    """)
    said = "admin has no password yet. To set one, run: python blog.py changepassword admin"
    assert said in site.succeed("createsuperuser")


def test_createsuperuser_without_input_says_how_to_set_a_password(site):
    create = ("createsuperuser", "--noinput", "--email=a@example.org", "--username")
    site.write("").succeed("migrate")
    said = "{0} has no password yet. To set one, run: python blog.py changepassword {0}\n".format
    assert site.succeed(*create, "ada") == f"Superuser created successfully.\n{said('ada')}"
    assert site.succeed(*create, "bob").endswith(f"successfully.\n{said('bob')}")
    assert site.succeed(*create, "eve", "-v0") == ""
    with_password = site.succeed(*create, "fay", DJANGO_SUPERUSER_PASSWORD="hush")
    assert with_password == "Superuser created successfully.\n"


def test_migrate_finds_what_makemigrations_has_just_written(site):
    site.write(f"from djng import Djng\n\napp = Djng()\n{ROOM}")
    code = """
        from django.core.management import call_command
        call_command("makemigrations", "blog", verbosity=0)
        call_command("migrate", verbosity=0)
        print(blog.Room.objects.count())
    """
    assert site.shell(code) == "0"


def test_the_folder_may_configure_the_app(site):
    config = "from django.apps import AppConfig\n\n\nclass Blog(AppConfig):\n    name = 'blog'\n"
    site.write("").put("blog/apps.py", f"{config}    verbose_name = 'My blog'\n")
    code = "from django.apps import apps; print(apps.get_app_config('blog').verbose_name)"
    assert site.shell(code) == "My blog"


def test_startapp_with_the_name_of_the_site_is_an_error(site):
    done = site.write("").run("startapp", "blog")
    assert "blog.py is the app blog already" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_says_that_the_site_has_no_migrations(site):
    shown = site.write(f"from djng import Djng\n\napp = Djng()\n{ROOM}").succeed("migrate")
    assert "blog has models but no migrations. To write them, run: python blog.py make" in shown
    site.succeed("makemigrations")
    assert "no migrations" not in site.succeed("migrate")
