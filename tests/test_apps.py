"""The one file is a Django app, however it is started."""

import pytest

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


def test_a_first_migration_needs_no_label(site):
    site.write(POSTS)
    assert "Create model Post" in site.succeed("makemigrations")
    assert "No changes detected" in site.succeed("makemigrations")
    assert "No changes detected" in site.succeed("makemigrations", "--check")


def test_migrations_name_the_file_and_never_main(site):
    site.write(POSTS).succeed("makemigrations")
    migration = (site.folder / "blog/migrations/0001_initial.py").read_text()
    assert "import blog" in migration
    assert "blog.make_slug" in migration
    assert "blog.Post.make_title" in migration
    assert "__main__" not in migration


def test_migrations_apply_however_the_file_is_known(site):
    site.write(POSTS).succeed("makemigrations")
    site.shell(
        "from django.core.management import call_command; call_command('migrate', verbosity=0)"
    )
    assert site.shell("print(blog.Post.objects.create().slug)") == "slug"
    assert "No changes detected" in site.succeed("makemigrations", "--check")
    assert "No planned migration operations" in site.succeed("migrate", "--plan")


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
def test_looking_writes_nothing(site, command):
    site.write(POSTS).succeed(*command)
    assert site.files() == ["blog.py"]


def test_an_import_writes_nothing(site):
    site.write(POSTS).shell("")
    assert site.files() == ["blog.py"]


WAYS = {
    "script": ("blog.py", "shell", "-v0", "-c"),
    "module": ("-m", "blog", "shell", "-v0", "-c"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_file_is_the_app_as_a_program(site, way):
    code = "import blog, __main__; assert blog is __main__; print(blog.Post._meta.label)"
    done = site.write(POSTS).python(*WAYS[way], code)
    assert done.stdout.strip() == "blog.Post", done.stderr


def test_the_file_is_the_app_when_imported(site):
    assert site.write(POSTS).shell("print(blog.Post._meta.label)") == "blog.Post"


def test_the_file_is_the_app_in_a_package(site):
    site.write(POSTS, "shop/blog.py")
    code = "import shop.blog, blog; assert blog is shop.blog; print(blog.Post._meta.label)"
    assert site.python("-c", code).stdout.strip() == "blog.Post"


def test_the_file_is_the_app_from_another_folder(site, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = str(site.write(POSTS).folder / "blog.py")
    assert site.python(path, "makemigrations", cwd=elsewhere).returncode == 0
    assert site.python(path, "migrate", cwd=elsewhere).returncode == 0
    assert list(elsewhere.iterdir()) == []
    assert "blog.sqlite3" in site.files()


def test_the_file_is_the_app_in_a_notebook(site):
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


def test_the_file_is_executed_once(site):
    site.write("print('executed')\nimport other").put("other.py", "from blog import app")
    assert site.succeed("check", "-v0").count("executed") == 1


def test_a_name_that_is_no_identifier_works(site):
    site.write(POSTS, "my-blog.py")
    assert site.python("my-blog.py", "makemigrations").returncode == 0
    assert site.python("my-blog.py", "migrate").returncode == 0
    assert {"my-blog.sqlite3", "my-blog/migrations/0001_initial.py"} <= set(site.files())
    migration = (site.folder / "my-blog/migrations/0001_initial.py").read_text()
    assert "my_blog.make_slug" in migration


@pytest.mark.parametrize(
    ("stem", "label"),
    [("blog", "blog"), ("my-blog", "my_blog"), ("2026", "app_2026"), ("class", "class_")],
)
def test_every_name_has_an_identifier(stem, label):
    from djng.apps import label_of

    assert label_of(stem) == label


def test_two_files_in_one_folder_share_nothing(site):
    site.write(POSTS).write(POSTS, "shop.py")
    for name in ("blog.py", "shop.py"):
        assert site.python(name, "makemigrations").returncode == 0
        assert site.python(name, "migrate").returncode == 0
    site.shell("blog.Post.objects.create()")
    counted = site.python("-c", "import shop; print(shop.Post.objects.count())").stdout
    assert counted.strip() == "0"
    folders = {"blog/migrations/0001_initial.py", "shop/migrations/0001_initial.py"}
    assert folders | {"blog.sqlite3", "shop.sqlite3"} <= set(site.files())


def test_a_user_model_of_the_file_works(site):
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


def test_permissions_and_content_types_are_as_in_a_project(site):
    site.write(POSTS).succeed("makemigrations")
    site.succeed("migrate")
    assert (
        site.shell("""
        from django.contrib.auth.models import Permission
        names = Permission.objects.filter(content_type__app_label="blog")
        print(*names.values_list("codename", flat=True))
    """)
        == "add_post change_post delete_post view_post"
    )


def test_an_abstract_meta_is_inherited(site):
    meta = "blog.Post._meta"
    assert site.write(POSTS).shell(f"print({meta}.ordering, {meta}.verbose_name)") == (
        "['-created'] article"
    )


def test_fixtures_come_and_go(site):
    site.write(POSTS).succeed("makemigrations")
    site.succeed("migrate")
    site.shell("blog.Post.objects.create(title='one')")
    site.succeed("dumpdata", "blog", "--output", "posts.json")
    site.succeed("flush", "--noinput")
    assert "Installed 1 object" in site.succeed("loaddata", "posts.json")


def test_a_class_still_knows_its_line(site):
    code = "import blog, inspect; blog.app.start(); print(inspect.getsourcelines(blog.Post)[1])"
    assert site.write(POSTS).python("-c", code).stdout.strip() == "21"


def test_the_folder_of_the_file_is_its_apps(site):
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
    with site.serve() as server:
        assert server.request("/").text == "in the folder /static/a.css"
        assert server.request("/static/a.css").text == "a {}"


def test_apps_are_ready_after_the_file(site):
    site.put(
        "shop/apps.py",
        """
        from django.apps import AppConfig

        class ShopConfig(AppConfig):
            name = "shop"

            def ready(self):
                import blog
                print("ready, and the file is read:", hasattr(blog, "last"))
        """,
    )
    site.write("from djng import Djng\n\napp = Djng(apps=['shop'])\nprint('read')\nlast = 1\n")
    assert site.succeed("check", "-v0").splitlines()[:2] == [
        "read",
        "ready, and the file is read: True",
    ]


def test_odd_classes_and_lazy_values_are_no_obstacle(site):
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


def test_an_app_that_fails_to_get_ready_fails_every_time(site):
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


def test_a_subclass_may_be_made_elsewhere(site):
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


def test_a_file_is_executed_by_an_import(site):
    site.write("")
    done = site.python("-c", "exec(open('blog.py').read(), {'__name__': 'nowhere'})")
    assert "something runs this code that is no import" in done.stderr
