"""While developing the database follows the models, as long as nothing can be lost by it."""

import shutil

import pytest
from conftest import Site

MODEL = """
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=20)
    code = models.BigIntegerField(unique=True, default=7)


class Post(models.Model):
    title = models.CharField(max_length=20, null=True)
    size = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    tag = models.ForeignKey(Tag, models.CASCADE, null=True)


@app.get("/")
def index(request):
    return "ready"


@app.get("/rows/")
def rows(request):
    return [*Tag.objects.values(), *Post.objects.values()]


@app.command
def fill():
    Post.objects.create(title="kept", tag=Tag.objects.create(name="a"))
"""
TITLE = "    title = models.CharField(max_length=20, null=True)\n"
SIZE = "    size = models.IntegerField(default=0)\n"
CODE = "    code = models.BigIntegerField(unique=True, default=7)\n"
LINK = "    tag = models.ForeignKey(Tag, models.CASCADE, null=True)\n"

NEW = "    new = models.IntegerField(default=0)\n"

ADDS = {
    "model": (
        CODE,
        f"{CODE}\nclass Page(models.Model):\n    pass\n",
        "Create model Page",
    ),
    "null": (TITLE, TITLE + "    a = models.DateField(null=True)\n", "Add field a to post"),
    "default": (TITLE, TITLE + "    a = models.IntegerField(default=3)\n", "Add field a to post"),
    "blank": (TITLE, TITLE + "    a = models.TextField(blank=True)\n", "Add field a to post"),
    "unique null": (
        TITLE,
        TITLE + "    a = models.SlugField(null=True, unique=True)\n",
        "Add field",
    ),
    "link": (
        TITLE,
        TITLE + "    a = models.ForeignKey(Tag, models.CASCADE, null=True, related_name='+')\n",
        "Add field a to post",
    ),
    "many": (TITLE, TITLE + "    a = models.ManyToManyField(Tag, related_name='+')\n", "Add field"),
    "index": (
        TITLE,
        f"{TITLE}    class Meta:\n        indexes = [models.Index(fields=['title'], name='i')]\n",
        "Create index i on field(s) title of model post",
    ),
    "indexed": (
        "max_length=20, null=True",
        "max_length=20, null=True, db_index=True",
        "Alter field",
    ),
    "longer": ("max_length=20, null=True", "max_length=30, null=True", "Alter field title on post"),
    "to text": ("CharField(max_length=20, null=True)", "TextField(null=True)", "Alter field title"),
    "bigger": ("IntegerField(default", "BigIntegerField(default", "Alter field size on post"),
    "more digits": ("max_digits=6", "max_digits=8", "Alter field price on post"),
    "nullable": (
        "IntegerField(default=0)",
        "IntegerField(default=0, null=True)",
        "Alter field size",
    ),
    "wording": ("null=True)\n    size", "null=True, help_text='x')\n    size", "Alter field title"),
    "options": (
        SIZE,
        f"{SIZE}    class Meta:\n        ordering = ['size']\n",
        "Change Meta options",
    ),
}
LOSES = {
    "removed": (SIZE, "", "Remove field size from post"),
    "renamed": ("size =", "weight =", "Remove field size from post"),
    "model renamed": ("class Post", "class Article", "Delete model Post"),
    "model removed": (
        MODEL[MODEL.index("class Tag") : MODEL.index("@app.get")],
        "",
        "Delete model",
    ),
    "not null": (TITLE, TITLE.replace(", null=True", ""), "Alter field title on post"),
    "shorter": (
        "max_length=20, null=True",
        "max_length=10, null=True",
        "Alter field title on post",
    ),
    "fewer digits": ("max_digits=6", "max_digits=5", "Alter field price on post"),
    "more places": ("decimal_places=2", "decimal_places=3", "Alter field price on post"),
    "other type": ("IntegerField(default=0)", "DateField(null=True)", "Alter field size on post"),
    "to number": ("CharField(max_length=20, null=True)", "IntegerField(null=True)", "Alter field"),
    "unique": ("max_length=20, null=True", "max_length=20, null=True, unique=True", "Alter field"),
    "asked": (TITLE, TITLE + "    a = models.IntegerField()\n", "Add field a to post"),
    "asked for now": (
        TITLE,
        TITLE + "    a = models.DateTimeField(auto_now_add=True)\n",
        "Add field",
    ),
    "unique default": (
        TITLE,
        TITLE + "    a = models.IntegerField(default=3, unique=True)\n",
        "Add",
    ),
    "link default": (
        TITLE,
        TITLE + "    a = models.ForeignKey(Tag, models.CASCADE, default=9, related_name='+')\n",
        "Add field a to post",
    ),
    "column": ("IntegerField(default=0)", "IntegerField(default=0, db_column='s')", "Alter field"),
    "table": (
        SIZE,
        f"{SIZE}    class Meta:\n        db_table = 'posts'\n",
        "Rename table for post",
    ),
    "constraint": (
        SIZE,
        f"{SIZE}    class Meta:\n        unique_together = [['size', 'price']]\n",
        "Alter unique_together",
    ),
    "other key": (
        "ForeignKey(Tag, models.CASCADE, null=True)",
        "ForeignKey(Tag, models.CASCADE, null=True, to_field='code')",
        "Alter field tag on post",
    ),
    "other target": ("ForeignKey(Tag,", "ForeignKey('auth.User',", "Alter field tag on post"),
}


@pytest.fixture(scope="module")
def filled(module_site):
    """A site that was served once, and has a row in each table since."""
    with module_site.write(MODEL).develop() as server:
        server.shows("ready")
    module_site.succeed("fill")
    return module_site


@pytest.fixture
def site(filled, tmp_path):
    shutil.copytree(filled.folder, tmp_path, dirs_exist_ok=True)
    return Site(tmp_path)


@pytest.mark.parametrize("name", ADDS)
def test_what_adds_is_migrated(site, name):
    old, new, what = ADDS[name]
    before = site.files()
    with site.edit(old, new).develop("runserver", "--noreload") as server:
        assert "kept" in server.request("/rows/").text
        (file,) = {*site.files()} - {*before}
        assert file.startswith("blog/migrations/0002_")
        assert f"{file}: {what}" in server.log()


@pytest.mark.parametrize("name", LOSES)
def test_what_may_lose_data_is_left_to_the_user(site, name):
    old, new, what = LOSES[name]
    before = site.files()
    with site.edit(old, new).develop("runserver", "--noreload") as server:
        server.shows("ready")
        assert "could lose data or fail" in server.log()
        assert what in server.log()
        assert "python blog.py makemigrations, then python blog.py migrate" in server.log()
    assert site.files() == before
    with site.write(MODEL).develop("runserver", "--noreload") as server:
        assert "kept" in server.request("/rows/").text


def test_a_save_is_migrated_while_the_server_runs(site):
    with site.develop() as server:
        server.shows("kept", "/rows/")
        site.edit(TITLE, TITLE + "    body = models.TextField(default='added')\n")
        server.shows("added", "/rows/")
        site.edit(SIZE, "")
        assert "Remove field size from post" in server.says("could lose data or fail")
        server.shows("ready")
        assert "No changes" in site.edit(TITLE, TITLE + SIZE).succeed("makemigrations", "--check")


@pytest.fixture
def new_site(tmp_path):
    return Site(tmp_path)


def test_a_column_that_is_not_there_is_said_with_the_command(site):
    with site.edit("size =", "weight =").develop("runserver", "--noreload") as server:
        text = server.request("/rows/", Accept="text/plain").text
    assert "no such column: blog_post.weight" in text
    assert "python blog.py makemigrations, then python blog.py migrate" in text


def test_a_file_alone_becomes_a_page_with_its_tables(new_site):
    new_site.write(
        "from django.db import models\nclass Post(models.Model): ...\n"
        "@app.get('/')\ndef index(request):\n    return f'{Post.objects.count()} posts'"
    )
    with new_site.develop() as server:
        server.shows("0 posts")
        assert "blog/migrations/0001_initial.py: Create model Post\n" in server.log()
        assert "Migrated admin, auth, contenttypes, sessions.\n" in server.log()


def test_a_site_without_models_gets_no_folder(new_site):
    new_site.write("@app.get('/')\ndef index(request):\n    return 'ready'")
    with new_site.develop() as server:
        server.shows("ready")
    assert {*new_site.files()} == {"blog.py", "blog.secret", "blog.sqlite3", "server.log"}


@pytest.mark.parametrize("how", ["--no-migrate", "migrate=False", "DJANGO_DEBUG"])
def test_it_can_be_turned_off(new_site, how):
    new_site.write(MODEL)
    if "=" in how:
        new_site.edit("Djng()", f"Djng({how})")
    options = ["runserver", how] if how[0] == "-" else []
    variables = {how: "0"} if how.isupper() else {}
    with new_site.develop(*options, **variables) as server:
        server.shows("ready")
        assert "18 migrations are not applied: python blog.py migrate" in server.log()
    assert not (new_site.folder / "blog").exists()


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "import"])
def test_nothing_else_migrates(new_site, server):
    new_site.write(MODEL)
    if server == "import":
        new_site.shell("blog.app.start()")
    else:
        port = {"gunicorn": ["--bind", "127.0.0.1:PORT"], "uvicorn": ["--port", "PORT"]}[server]
        with new_site.serve("-m", server, *port, "blog:app") as served:
            served.shows("ready")
    assert not (new_site.folder / "blog").exists()


def test_a_migration_that_was_written_by_hand_is_not_applied_if_it_takes_away(new_site):
    new_site.write(MODEL)
    new_site.succeed("makemigrations")
    new_site.succeed("migrate")
    new_site.put(
        "blog/migrations/0002_clean.py",
        """
        from django.db import migrations

        class Migration(migrations.Migration):
            dependencies = [("blog", "0001_initial")]
            operations = [migrations.RunSQL("DELETE FROM blog_post")]
        """,
    )
    new_site.succeed("fill")
    with new_site.develop() as server:
        server.shows("ready")
        assert "Not migrated: these migrations could lose data: blog.0002_clean\n" in server.log()
        assert "python blog.py migrate" in server.log()
    assert "kept" in new_site.shell("print(*blog.Post.objects.values())")


def test_a_table_that_is_there_already_is_said_and_left_alone(new_site):
    new_site.write(MODEL)
    new_site.shell(
        "from django.db import connection\n"
        "connection.cursor().execute('CREATE TABLE blog_post (id integer, old text)')\n"
        "connection.cursor().execute(\"INSERT INTO blog_post VALUES (1, 'kept')\")"
    )
    with new_site.develop() as server:
        server.shows("ready")
        assert 'Not migrated: OperationalError: table "blog_post" already exists' in server.log()
    rows = "print(connection.cursor().execute('SELECT old FROM blog_post').fetchall())"
    assert "kept" in new_site.shell(f"from django.db import connection\n{rows}")


def test_a_server_without_its_database_goes_on(new_site):
    new_site.write(MODEL)
    url = "sqlite:///nowhere/db.sqlite3"
    with new_site.develop(DATABASE_URL=url) as server:
        server.shows("ready")
        assert "Not migrated: OperationalError: unable to open database file" in server.log()


def test_a_default_that_no_migration_can_hold_stops_nothing(new_site):
    new_site.write(MODEL.replace("default=0)", "default=lambda: 0)", 1))
    with new_site.develop() as server:
        server.shows("ready")
        assert "Not migrated: ValueError: Cannot serialize function" in server.log()


def test_migrations_that_are_gone_are_missed(site):
    for gone in ("migrations/0001_initial.py", "migrations", ""):
        path = site.folder / "blog" / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        before = site.files()
        with site.write(MODEL).edit(SIZE, SIZE + NEW).develop("runserver", "--noreload") as server:
            assert "the files of these applied migrations are missing: 0001_initial\n" in server.says("CONTROL-C")
        assert site.files() == before


def test_columns_of_another_branch_are_kept(site):
    with site.edit(SIZE, SIZE + NEW).develop("runserver", "--noreload") as server:
        server.says("CONTROL-C")
    (path,) = (site.folder / "blog/migrations").glob("0002_*")
    path.rename(site.folder / "kept.txt")
    with site.edit("    new =", "    other =").develop("runserver", "--noreload") as server:
        assert "migrations that are not there: 0002_post_new" in server.says("CONTROL-C")
    (site.folder / "kept.txt").rename(path)
    with site.edit("    other =", "    new =").develop("runserver", "--noreload") as server:
        assert '"new": 0' in server.request("/rows/").text


def test_a_column_that_was_made_by_hand_is_kept(site):
    change = "cursor().execute('ALTER TABLE blog_post ADD COLUMN hand text')"
    site.shell(f"from django.db import connection\nconnection.{change}")
    with site.edit(SIZE, SIZE + NEW).develop("runserver", "--noreload") as server:
        assert "no migration has made these columns of the table blog_post: hand" in server.says("CONTROL-C")
    read = "cursor().execute('SELECT hand FROM blog_post').fetchall()"
    assert "None" in site.shell(f"from django.db import connection\nprint(connection.{read})")


@pytest.mark.parametrize("default", ["'abc'", "None"])
def test_a_default_that_does_not_fit_may_be_mended(site, default):
    before = site.files()
    bad = NEW.replace("default=0", f"default={default}")
    with site.edit(SIZE, SIZE + bad).develop() as server:
        assert "Not migrated" in server.says("CONTROL-C")
        assert {*site.files()} - {"blog.secret"} == {*before} - {"blog.secret"}
        site.edit(bad, NEW)
        server.shows('"new": 0', "/rows/")
        assert ": Add field new to post" in server.log()
