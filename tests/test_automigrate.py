"""``runserver`` migrates the database by itself, as long as no data can be lost."""

import shutil
from concurrent.futures import ThreadPoolExecutor

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

NEW = "    new = models.IntegerField(default=0)\n"

# What runserver does before it serves.
UPDATE = """
from djng.dev.automigrate import update_database

blog.app.start()
update_database("blog", print, print)
"""
CURSOR = "from django.db import connection\ncursor = connection.cursor()\n"
ROWS = "print(*blog.Tag.objects.values(), *blog.Post.objects.values())"

# For each change: the old text, the new text, and what the migration does.
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
    "text": ("CharField(max_length=20, null=True)", "TextField(null=True)", "Alter field title"),
    "bigger": ("IntegerField(default", "BigIntegerField(default", "Alter field size on post"),
    "more digits": ("max_digits=6", "max_digits=8", "Alter field price on post"),
    "nullable": (
        "IntegerField(default=0)",
        "IntegerField(default=0, null=True)",
        "Alter field size",
    ),
    "help text": (
        "null=True)\n    size",
        "null=True, help_text='x')\n    size",
        "Alter field title",
    ),
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
    "text to number": (
        "CharField(max_length=20, null=True)",
        "IntegerField(null=True)",
        "Alter field",
    ),
    "unique": ("max_length=20, null=True", "max_length=20, null=True, unique=True", "Alter field"),
    "no default": (TITLE, TITLE + "    a = models.IntegerField()\n", "Add field a to post"),
    "no default for now": (
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
    """A site with a row in each table, after its first ``runserver`` in an empty folder."""
    with module_site.write(MODEL).develop() as server:
        server.shows("ready")
    module_site.succeed("fill")
    return module_site


def copy(site, folder):
    shutil.copytree(site.folder, folder, dirs_exist_ok=True)
    return Site(folder)


@pytest.fixture
def site(filled, tmp_path):
    return copy(filled, tmp_path)


@pytest.fixture
def new_site(tmp_path):
    return Site(tmp_path)


@pytest.fixture(scope="module")
def developed(filled, tmp_path_factory):
    """The filled site and its server, which reloads after each edit."""
    site = copy(filled, tmp_path_factory.mktemp("developed"))
    with site.develop() as server:
        yield site, server


def data(site):
    return (site.folder / "blog.sqlite3").read_bytes()


def test_the_first_start_creates_the_tables(filled):
    log = (filled.folder / "server.log").read_text()
    assert "blog/migrations/0001_initial.py: Create model Tag; Create model Post\n" in log
    assert "Migrated admin, auth, contenttypes, sessions.\n" in log


@pytest.mark.parametrize("name", ADDS)
def test_a_change_that_only_adds_is_migrated(site, name):
    old, new, what = ADDS[name]
    before = site.files()
    shown = site.edit(old, new).shell(UPDATE + ROWS)
    assert "'kept'" in shown
    (file,) = {*site.files()} - {*before}
    assert file.startswith("blog/migrations/0002_")
    assert f"{file}: {what}" in shown


@pytest.mark.parametrize("name", LOSES)
def test_a_change_that_could_lose_data_is_left_to_the_user(site, name):
    old, new, what = LOSES[name]
    before = site.files(), data(site)
    shown = site.edit(old, new).shell(UPDATE)
    assert shown.startswith("Not migrated: this could lose data or fail.\n")
    assert what in shown
    assert "Run: python blog.py makemigrations, then python blog.py migrate" in shown
    assert (site.files(), data(site)) == before


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("no default", "Give `a` a `default=...` or `null=True`"),
        ("no default for now", "Give `a` `null=True`"),
        ("unique default", "Give `a` `null=True`"),
        ("link default", "Give `a` `null=True`"),
    ],
)
def test_a_new_field_without_a_value_gets_advice_before_the_commands(site, name, advice):
    old, new, _ = LOSES[name]
    assert advice in site.edit(old, new).shell(UPDATE).split("Run: ")[0]


def test_what_would_be_deleted_is_said_before_the_commands(site):
    advice = site.edit(SIZE, "").shell(UPDATE).split("Run: ")[0]
    assert "the data in `size` is deleted" in advice


def test_each_save_is_migrated_while_the_server_runs(developed):
    site, server = developed
    server.shows("kept", "/rows/")
    site.edit(TITLE, TITLE + "    body = models.TextField(default='added')\n")
    server.shows("added", "/rows/")
    site.edit(SIZE, "")
    assert "Remove field size from post" in server.says("could lose data or fail")
    server.shows("ready")
    assert "No changes" in site.edit(TITLE, TITLE + SIZE).succeed("makemigrations", "--check")
    server.shows("kept", "/rows/")


def test_the_reason_is_said_once_and_what_to_do_after_each_save(site):
    with site.edit("size =", "weight =").develop() as server:
        server.shows("ready")
        site.edit("ready", "still ready")
        server.shows("still ready")
        server.says("blog.py changed")
    run = "Run: python blog.py makemigrations, then python blog.py migrate\n"
    assert server.log().count("could lose data or fail") == 1
    assert f"Still not migrated. {run}" in server.log()


@pytest.mark.parametrize(("name", "default"), [("word", "'abc'"), ("none", "None")])
def test_a_default_that_does_not_fit_can_be_corrected(developed, name, default):
    site, server = developed
    right = NEW.replace("new", name)
    wrong = right.replace("default=0", f"default={default}")
    before, count = site.files(), server.log().count("Not migrated")
    site.edit(TITLE, TITLE + wrong)
    server.until(lambda answer: server.log().count("Not migrated") > count)
    assert site.files() == before
    site.edit(wrong, right)
    server.shows(f'"{name}": 0', "/rows/")
    assert f": Add field {name} to post" in server.log()


def test_a_missing_column_is_an_error_with_the_commands(site):
    with site.edit("size =", "weight =").develop("runserver", "--noreload") as server:
        text = server.request("/rows/", Accept="text/plain").text
    assert "no such column: blog_post.weight" in text
    assert "python blog.py makemigrations, then python blog.py migrate" in text


def test_a_site_without_models_gets_no_folder(new_site):
    new_site.write("@app.get('/')\ndef index(request):\n    return 'ready'")
    with new_site.develop("runserver", "--noreload") as server:
        server.shows("ready")
    assert {*new_site.files()} == {"blog.py", "blog.secret", "blog.sqlite3", "server.log"}


@pytest.mark.parametrize("how", ["--no-migrate", "migrate=False", "DJANGO_DEBUG"])
def test_the_user_can_turn_it_off(new_site, how):
    new_site.write(MODEL)
    if "=" in how:
        new_site.edit("Djng()", f"Djng({how})")
    options = [how] if how[0] == "-" else []
    variables = {how: "0"} if how.isupper() else {}
    with new_site.develop("runserver", "--noreload", *options, **variables) as server:
        server.shows("ready")
        assert "18 migrations are not applied: python blog.py migrate" in server.log()
    assert not (new_site.folder / "blog").exists()


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "import"])
def test_only_runserver_migrates(new_site, server):
    new_site.write(MODEL)
    if server == "import":
        new_site.shell("blog.app.start()")
    else:
        port = {"gunicorn": ["--bind", "127.0.0.1:PORT"], "uvicorn": ["--port", "PORT"]}[server]
        with new_site.serve("-m", server, *port, "blog:app") as served:
            served.shows("ready")
    assert not (new_site.folder / "blog").exists()


def test_a_migration_by_the_user_that_could_lose_data_is_not_applied(site):
    site.put(
        "blog/migrations/0002_clean.py",
        """
        from django.db import migrations

        class Migration(migrations.Migration):
            dependencies = [("blog", "0001_initial")]
            operations = [migrations.RunSQL("DELETE FROM blog_post")]
        """,
    )
    shown = site.shell(UPDATE + ROWS)
    assert "Not migrated: these migrations could lose data: blog.0002_clean\n" in shown
    assert "run: python blog.py migrate" in shown
    assert "'title': 'kept'" in shown


def test_a_table_that_exists_already_is_left_alone(new_site):
    shown = new_site.write(MODEL).shell(
        CURSOR
        + 'cursor.execute("CREATE TABLE blog_post (id integer, old text)")\n'
        + "cursor.execute(\"INSERT INTO blog_post VALUES (1, 'kept')\")"
        + UPDATE
        + 'print(cursor.execute("SELECT old FROM blog_post").fetchall())'
    )
    assert 'Not migrated: OperationalError: table "blog_post" already exists' in shown
    assert "[('kept',)]" in shown


def test_the_server_starts_without_its_database(new_site):
    url = "sqlite:///nowhere/db.sqlite3"
    with new_site.write(MODEL).develop("runserver", "--noreload", DATABASE_URL=url) as server:
        server.shows("ready")
        assert "Not migrated: OperationalError: unable to open database file" in server.log()


def test_the_server_starts_although_a_migration_cannot_be_written(new_site):
    new_site.write(MODEL.replace("default=0)", "default=lambda: 0)", 1))
    with new_site.develop("runserver", "--noreload") as server:
        server.shows("ready")
        assert "Not migrated: ValueError: Cannot serialize function" in server.log()


def test_missing_migration_files_are_reported(site):
    site.edit(SIZE, SIZE + NEW)
    for gone in ("migrations/0001_initial.py", "migrations", ""):
        path = site.folder / "blog" / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        before = site.files(), data(site)
        shown = site.shell(UPDATE)
        assert "the files of these applied migrations are missing: 0001_initial\n" in shown
        assert (site.files(), data(site)) == before


@pytest.mark.parametrize("gone", ["migrations/0001_initial.py", "migrations", ""])
@pytest.mark.parametrize("arguments", [(), ("blog",), ("--check",)])
def test_makemigrations_does_not_start_anew_beside_applied_migrations(site, gone, arguments):
    path = site.folder / "blog" / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = site.files()
    done = site.run("makemigrations", *arguments)
    assert done.stderr == (
        "CommandError: No migration is written: the files of these applied migrations are missing:"
        " 0001_initial\n  Bring the files back, with git for example: git restore blog/migrations\n"
        "  To begin with an empty database: stop the server, move blog.sqlite3 away, start it"
        " again.\n"
    )
    assert (done.returncode, site.files()) == (1, before)
    (site.folder / "blog.sqlite3").rename(site.folder / "away")
    assert "Create model Post" in site.succeed("makemigrations")


def test_migrate_does_not_ask_to_make_deleted_migrations_again(site):
    shutil.rmtree(site.folder / "blog")
    shown = site.succeed("migrate")
    assert "\nblog: the files of these applied migrations are missing: 0001_initial\n" in shown
    assert "python blog.py makemigrations" not in shown


def test_after_a_deleted_folder_the_browser_says_what_the_terminal_says(site):
    shutil.rmtree(site.folder / "blog")
    site.edit(SIZE, SIZE + NEW)
    with site.develop("runserver", "--noreload") as server:
        text = server.request("/rows/", Accept="text/plain").text
        told, _, _ = server.log().partition("  site ")
    assert told.startswith("Not migrated: the files of these applied migrations are missing: 0001")
    assert "no such column: blog_tag.new" in text or "no such column: blog_post.new" in text
    for line in told.splitlines():
        assert line.strip() in text
    assert "makemigrations" not in text
    assert "move blog.sqlite3 away, start it again" in told
    (site.folder / "blog.sqlite3").unlink()
    with site.develop("runserver", "--noreload") as server:
        assert server.request("/rows/").text == "[]"
        assert "Not migrated" not in server.log()


def test_migrations_that_were_made_again_are_reported_where_the_column_is_missing(site):
    shutil.rmtree(site.folder / "blog")
    site.edit(SIZE, SIZE + NEW).succeed("makemigrations", DATABASE_URL="sqlite:///empty.sqlite3")
    with site.develop("runserver", "--noreload") as server:
        text = server.request("/rows/", Accept="text/plain").text
    assert "All migrations are applied, but blog_post lacks new." in text
    assert "move blog.sqlite3 away, start it again" in text


def test_columns_of_another_branch_are_kept(site):
    site.edit(SIZE, SIZE + NEW).shell(UPDATE)
    (path,) = (site.folder / "blog/migrations").glob("0002_*")
    path.rename(site.folder / "kept.txt")
    before = site.files(), data(site)
    shown = site.edit("    new =", "    other =").shell(UPDATE)
    assert "these applied migrations are missing: 0002_post_new\n" in shown
    assert (site.files(), data(site)) == before
    (site.folder / "kept.txt").rename(path)
    shown = site.edit("    other =", "    new =").shell(UPDATE + ROWS)
    assert "'new': 0" in shown
    assert "Not migrated" not in shown


def test_a_column_that_the_user_has_added_by_hand_is_kept(site):
    shown = site.edit(SIZE, SIZE + NEW).shell(
        CURSOR
        + "cursor.execute(\"ALTER TABLE blog_post ADD COLUMN hand text DEFAULT 'kept by hand'\")"
        + UPDATE
        + 'print(cursor.execute("SELECT hand FROM blog_post").fetchall())'
    )
    assert "no migration has made these columns of the table blog_post: hand\n" in shown
    assert "kept by hand" in shown


HAND_MADE = (
    CURSOR
    + """
cursor.execute("CREATE TRIGGER by_hand AFTER INSERT ON blog_post BEGIN SELECT 1; END")
cursor.execute("CREATE INDEX fast ON blog_post (size, title)")
"""
)
NAMES = """
cursor.execute("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'index')")
print("names", *(name for name, in cursor))
"""


def test_triggers_and_indexes_made_by_hand_are_kept(site):
    before = site.files()
    shown = site.edit(SIZE, SIZE + NEW).shell(HAND_MADE + UPDATE + NAMES)
    assert shown.startswith(
        "Not migrated: this copies the table blog_post without the trigger by_hand, the index fast."
        "\n  Run: python blog.py makemigrations, then python blog.py migrate\n"
    )
    assert "by_hand" in shown.split("names")[1]
    assert "fast" in shown.split("names")[1]
    assert site.files() == before


def test_a_pending_migration_keeps_triggers_too(site):
    shown = site.edit(SIZE, SIZE + NEW).shell(
        f"""
from django.core.management import call_command
call_command("makemigrations", verbosity=0)
{HAND_MADE}{UPDATE}{NAMES}"""
    )
    assert "Not migrated: this copies the table blog_post without the trigger" in shown
    assert "by_hand" in shown.split("names")[1]


def test_a_change_that_copies_no_table_is_migrated_beside_a_trigger(site):
    null = "    new = models.IntegerField(null=True)\n"
    shown = site.edit(SIZE, SIZE + null).shell(HAND_MADE + UPDATE + NAMES)
    assert "Add field new to post" in shown
    assert "by_hand" in shown.split("names")[1]


EMPTY = {
    "through table": """
class Membership(models.Model):
    person = models.ForeignKey("Person", models.CASCADE)
    group = models.ForeignKey("Group", models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "group"], name="once")]


class Person(models.Model):
    groups = models.ManyToManyField("Group", through=Membership)


class Group(models.Model): ...
""",
    "circle": """
class Team(models.Model):
    captain = models.ForeignKey("Player", models.PROTECT, related_name="+")


class Player(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, unique=True)

    class Meta:
        unique_together = [["team", "id"]]
""",
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_database_takes_every_model(new_site, name):
    new_site.write(f"from django.db import models\n{EMPTY[name]}")
    shown = new_site.shell(UPDATE)
    assert "Not migrated" not in shown
    assert "0001_initial.py: Create model" in shown
    assert "No changes" in new_site.succeed("makemigrations", "--check")
    assert "No migrations to apply" in new_site.succeed("migrate")


SLOW = """
from django.db.models.signals import pre_migrate
from django.dispatch import receiver


@receiver(pre_migrate)
def wait(app_config, **signal):
    if app_config.label == "blog":
        time.sleep(2)
"""


def test_two_servers_that_see_the_same_change_migrate_once(site):
    site.edit(SIZE, SIZE + NEW).edit("@app.get", f"import time\n{SLOW}\n@app.get")
    code = f"import blog\n{UPDATE}{ROWS}"
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(site.python, "-c", code) for _ in range(2)]
        shown = [each.result().stdout for each in done]
    assert sorted("Add field new to post" in each for each in shown) == [False, True]
    for each in shown:
        assert "Not migrated" not in each
        assert "'new': 0" in each
    assert len([name for name in site.files() if name.startswith("blog/migrations/0")]) == 2
    assert "No changes" in site.succeed("makemigrations", "--check")
