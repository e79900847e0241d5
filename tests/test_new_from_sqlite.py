"""``djng new shop.py --from data.sqlite3`` writes a site for a database of any structure."""

import hashlib
import re
import sqlite3
from contextlib import closing

import pytest
from conftest import Site
from ejecting import manage

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name NVARCHAR(80) NOT NULL, password TEXT);
CREATE TABLE book (
    isbn TEXT PRIMARY KEY, "Book Title" TEXT, author_id INTEGER REFERENCES author,
    editor_id INTEGER REFERENCES author(id) ON DELETE SET NULL, price DECIMAL(8,2),
    out BOOLEAN, published DATE, sold_at DATETIME, cover BLOB, class TEXT
) WITHOUT ROWID;
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE book_tag (
    isbn TEXT REFERENCES book(isbn), tag_id INTEGER REFERENCES tag(id), PRIMARY KEY (isbn, tag_id)
);
CREATE TABLE "Order Details" (
    number INTEGER, line INTEGER, isbn TEXT REFERENCES book(isbn), "% off" INTEGER,
    PRIMARY KEY (number, line)
);
CREATE TABLE note (text TEXT, author_id INTEGER);
CREATE INDEX last_author_first ON note (author_id DESC);
CREATE TABLE mixed (id INTEGER PRIMARY KEY, year INTEGER, data);
CREATE TABLE area (
    width REAL, height REAL, size REAL GENERATED ALWAYS AS (width * "height") STORED
);
CREATE TABLE empty (a INTEGER, b DATE, c);
CREATE TABLE visit (author_id INTEGER REFERENCES author(id), "say ""when"" now" TEXT);
CREATE TABLE team (id INTEGER PRIMARY KEY, lead_id INTEGER REFERENCES member(id));
CREATE TABLE member (id INTEGER PRIMARY KEY, name TEXT, team_id INTEGER REFERENCES team(id));
CREATE TABLE event (
    happened TIMESTAMP, noted DATETIME, day DATE, at TIME, done BOOLEAN, "" TEXT
);
CREATE TABLE code (code TEXT PRIMARY KEY, name TEXT);
CREATE TABLE digest (hash BLOB PRIMARY KEY, name TEXT);
CREATE TABLE numbered (oid INTEGER, rowid INTEGER, _rowid_ INTEGER);
CREATE TABLE egg (id INTEGER PRIMARY KEY REFERENCES hen(id));
CREATE TABLE hen (id INTEGER PRIMARY KEY REFERENCES egg(id));
CREATE VIEW prices AS SELECT isbn, price FROM book;
CREATE VIEW kinds AS SELECT 'a' AS kind UNION ALL SELECT 'a';
CREATE VIEW broken AS SELECT * FROM gone;
CREATE VIRTUAL TABLE words USING fts5(word);
INSERT INTO author VALUES (1, 'Ada', 'hash'), (2, 'Bob', NULL);
INSERT INTO book VALUES ('01', 'One', 1, 2, 9.5, 1, '2024-01-31', '2024-01-31 10:00:00',
        x'00', 'a'),
    ('02', NULL, 2, NULL, 12, 0, NULL, NULL, NULL, 'b');
INSERT INTO tag VALUES (1, 'new'), (2, 'old');
INSERT INTO book_tag VALUES ('01', 1), ('01', 2);
INSERT INTO "Order Details" VALUES (1, 1, '01', 5), (1, 2, '02', NULL);
INSERT INTO note VALUES ('first', 1), ('second', 2);
INSERT INTO mixed VALUES (1, 1999, 'x'), (2, 'unknown', x'00ff'), (3, NULL, 5);
INSERT INTO area(width, height) VALUES (2, 3.5);
INSERT INTO visit VALUES (1, 'now'), (99, 'never');
INSERT INTO team VALUES (1, 1);
INSERT INTO member VALUES (1, 'Eve', 1);
INSERT INTO words VALUES ('hello');
INSERT INTO event VALUES (1700000000, '0000-00-00 00:00:00', '2024-13-01', '25:00', 'maybe', 'x');
INSERT INTO code VALUES (NULL, 'a'), (NULL, 'b'), ('c', 'c');
INSERT INTO digest VALUES (x'00ff', 'a');
INSERT INTO numbered VALUES (1, 2, 3);
INSERT INTO egg VALUES (1);
INSERT INTO hen VALUES (1);
"""
PAGES = """
import re, warnings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

warnings.simplefilter("ignore")  # Django 5.2 warns of every URLField in a form
client = Client()
client.force_login(User.objects.create(username="a", is_staff=True, is_superuser=True))

def get(url):
    response = client.get(url)
    assert response.status_code == 200, (response.status_code, url)
    return re.findall('href="(/[^"?#.]*)"', response.content.decode())

seen = set()
for url in get("/"):
    seen |= {url, *get(url)}
    if url.count("/") == 2 and url != "/admin/":
        get(url.rstrip("/") + ".json")
for url in sorted(seen):
    get(url)
for model, options in admin.site._registry.items():
    if model._meta.app_label == "blog":
        url = f"/admin/blog/{model._meta.model_name}/"
        found = [each for each in get(url) if each.startswith(url)]
        get(url + "?q=a")
        for each in found:
            get(each)
"""


def new(site, *arguments):
    return site.fork("-m", "djng", "new", "blog.py", "--from", *arguments)


def make(folder, schema=SCHEMA):
    with closing(sqlite3.connect(folder / "data.sqlite3")) as database:
        database.executescript(schema)


def digest(site):
    return hashlib.sha256((site.folder / "data.sqlite3").read_bytes()).hexdigest()


@pytest.fixture(scope="module", params=["copied", "in place"])
def site(request, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    make(site.folder)
    site.before, site.in_place = digest(site), request.param == "in place"
    done = new(site, "data.sqlite3", *["--in-place"] * site.in_place)
    assert done.returncode == 0, done.stdout + done.stderr
    site.printed, site.source = done.stdout, (site.folder / "blog.py").read_text()
    return site


@pytest.fixture
def lines(site):
    """The lines of the file, each field in one."""
    text = " ".join(site.source.split()).replace("( ", "(").replace(" )", ")").replace(",)", ")")
    return text.replace("models.", "")


def test_the_given_file_is_only_read(site):
    site.succeed("migrate")
    assert digest(site) == site.before
    assert [name for name in site.files() if name.startswith("data")] == ["data.sqlite3"]


def test_the_site_passes_all_checks(site):
    site.succeed("check", "--fail-level", "WARNING")
    site.succeed("makemigrations", "--check")


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_accepts_the_file(site, command):
    done = site.python("-m", "ruff", *command.split(), "--isolated", "--no-cache", "blog.py")
    assert done.returncode == 0, done.stdout


def test_every_page_works_also_in_the_admin(site):
    site.shell(PAGES)


def test_the_site_can_become_a_project(site, tmp_path):
    site.succeed("eject", str(tmp_path / "project"))
    assert "no issues" in manage(Site(tmp_path), "check")


def test_composite_keys(site, lines):
    assert 'pk = CompositePrimaryKey("number", "line")' in lines
    assert "# Django's admin cannot show a model with a composite primary key." in site.source
    assert site.shell("print(blog.OrderDetail.objects.get(pk=(1, 2)).off)") == "None"


def test_foreign_keys_and_guessed_ones(site, lines):
    assert 'author = ForeignKey("Author", PROTECT, null=True, blank=True' in lines
    assert 'editor = ForeignKey("Author", SET_NULL, null=True' in lines
    assert "# A guess: all values are in author.\n    author = models.ForeignKey(" in site.source
    assert site.shell("print(blog.Note.objects.get(text='second').author)") == "Bob"


def test_relations_that_would_clash_get_names(site, lines):
    assert 'related_name="books_by_editor"' in lines
    assert site.shell("print(blog.Member.objects.get().team.lead)") == "Eve"


def test_a_foreign_key_without_its_row_is_kept(site, lines):
    assert "# Some values belong to no Author: 1." in site.source
    assert "db_constraint=False" in lines
    script = "print(sorted(visit.author_id for visit in blog.Visit.objects.all()))"
    assert site.shell(script) == "[1, 99]"


def test_the_admin_never_empties_a_foreign_key_for_which_it_has_no_choice(site, lines):
    assert 'raw_id_fields=["author"]) class Visit(Model)' in lines


def test_the_admin_saves_a_row_that_belongs_to_a_thousand_others(tmp_path):
    site = Site(tmp_path)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)"
    make(
        tmp_path,
        f"""
        CREATE TABLE playlist (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE track (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE playlist_track (
            playlist_id INTEGER REFERENCES playlist(id), track_id INTEGER REFERENCES track(id)
        );
        INSERT INTO playlist VALUES (1, 'all');
        {numbers} INSERT INTO track SELECT i, 'a' FROM n;
        {numbers} INSERT INTO playlist_track SELECT 1, i FROM n;
        """,
    )
    new(site, "data.sqlite3")
    assert 'raw_id_fields=["tracks"]' in (tmp_path / "blog.py").read_text()


def test_many_to_many_relations(site):
    book = "blog.Book.objects.get(pk='01')"
    assert site.shell(f"print(sorted(tag.name for tag in {book}.tags.all()))") == "['new', 'old']"
    site.shell(f"{book}.tags.remove(2); {book}.tags.add(2)")


def test_fields_read_all_values(site, lines):
    script = "print([*blog.Mixed.objects.order_by('pk').values_list('year', flat=True)])"
    assert site.shell(script) in ("['1999', 'unknown', None]", "[1999, 'unknown', None]")
    assert "data = BinaryField(null=True, blank=True)" in lines
    assert "# SQLite has values of several types in it: integer, text." in site.source
    for field in ("price = DecimalField(max_digits=10, decimal_places=2,", "out = BooleanField("):
        assert field in lines
    for field in ("published = DateField(", "sold_at = DateTimeField(", "cover = BinaryField("):
        assert field in lines
    assert site.shell("print(blog.Book.objects.get(pk='01').price)") == "9.50"


def test_values_that_python_would_convert_by_their_declared_type_are_kept(site):
    script = "print(*[*blog.Event.objects.values_list()][0][1:])"
    values = "1700000000 0000-00-00 00:00:00 2024-13-01 25:00 maybe x"
    assert site.shell(script) == values


def test_keys_that_name_no_row_are_columns(site):
    assert site.shell("print(sorted(code.name for code in blog.Code.objects.all()))") == (
        "['a', 'b', 'c']"
    )
    assert site.shell("print(bytes(blog.Digest.objects.get(name='a').hash))") == "b'\\x00\\xff'"


def test_keys_that_refer_to_each_other_are_numbers(site):
    assert site.shell("print(blog.Egg.objects.get().pk, blog.Hen.objects.get().pk)") == "1 1"


def test_bytes_are_kept(site):
    assert site.shell("print(bytes(blog.Book.objects.get(pk='01').cover))") == "b'\\x00'"
    if not site.in_place:
        assert site.shell("print(blog.Mixed.objects.get(pk=2).data)") == "b'\\x00\\xff'"
        assert site.shell("print(blog.Mixed.objects.get(pk=1).data)") == "b'x'"


def test_generated_columns_stay_generated(site, lines):
    assert "size = GeneratedField(expression=RawSQL(" in lines
    script = "a = blog.Area.objects.create(width=3, height=4); a.refresh_from_db(); print(a.size)"
    if not site.in_place:
        assert site.shell(script) == "12.0"
    assert site.shell("print(blog.Area.objects.get(width=2).size)") == "7.0"


def test_views_are_read_only(site, lines):
    assert "admin.site.register(Price, ReadOnlyAdmin, " in lines
    assert site.shell("print(blog.Price.objects.get(isbn='02').price)").startswith("12")
    assert site.shell("print(blog.Kind.objects.count())") == "2"


def test_tables_of_full_text_search_and_broken_views_are_left_out_and_listed(site):
    assert "Left out, being virtual tables: words." in site.printed
    assert "Left out: broken, which SQLite cannot read: no such table: main.gone." in site.printed
    assert "Word" not in site.source


def test_passwords_are_on_no_page(site):
    assert 'add_pages(Author, "name")' in site.source
    assert '"password"' not in site.source


def test_no_generated_column_is_editable_and_only_secrets_are_hidden(tmp_path):
    names = [f"generated_number_{each}" for each in range(6)]
    columns = "".join(f", {each} INTEGER GENERATED ALWAYS AS (id) STORED" for each in names)
    texts = "secretary TEXT, basalt TEXT, user_token TEXT, accesstoken TEXT, iban TEXT"
    make(tmp_path, f"CREATE TABLE thing (id INTEGER PRIMARY KEY, {texts}{columns});")
    site = Site(tmp_path)
    assert new(site, "data.sqlite3").returncode == 0
    source = (tmp_path / "blog.py").read_text()
    lines = "".join(f'        "{each}",\n' for each in names)
    assert f"    readonly_fields=[\n{lines}    ],\n)\nclass Thing" in source
    shown = source.partition("add_pages(\n")[2]
    assert "secretary" in shown and "basalt" in shown
    assert not re.search("token|iban", shown.partition(")")[0])
    assert "no issues" in site.succeed("check")


def test_a_table_without_a_key_and_an_empty_one(site, lines):
    assert ("rowid = BigAutoField(primary_key=True)" in lines) == site.in_place
    assert "b = DateField(null=True, blank=True)" in lines
    site.shell("note = blog.Note.objects.create(text='third'); note.delete()")
    site.shell("blog.Empty.objects.create(a=1).delete()")


def test_nothing_of_django_enters_the_given_file_in_place(tmp_path):
    site = Site(tmp_path)
    make(tmp_path)
    new(site, "data.sqlite3", "--in-place")
    site.shell("""
        from django.contrib.auth.models import User
        User.objects.create(username="a")
        blog.Tag.objects.create(name="fresh")
    """)
    with closing(sqlite3.connect(tmp_path / "data.sqlite3")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        assert database.execute("SELECT name FROM tag WHERE id = 3").fetchone() == ("fresh",)
    assert not [name for name in names if name.startswith(("django_", "auth_", "blog_"))]


def test_a_database_in_use_is_read_with_its_log(tmp_path):
    site = Site(tmp_path)
    with closing(sqlite3.connect(tmp_path / "data.sqlite3")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('in the log')")
        assert new(site, "data.sqlite3").returncode == 0
    assert site.shell("print(blog.T.objects.get().a)") == "in the log"


BAD = [
    (b"SQLite format 3\0" + b"x" * 2000, "data.sqlite3 is not an SQLite database, or it is encr"),
    (b"\x8f\x11" * 2000, "data.sqlite3 is not an SQLite database, or it is encrypted"),
    (b"", "data.sqlite3 has no tables."),
]


@pytest.mark.parametrize(("content", "message"), BAD)
def test_a_file_that_is_no_database_is_one_line(tmp_path, content, message):
    site = Site(tmp_path)
    (tmp_path / "data.sqlite3").write_bytes(content)
    done = new(site, "data.sqlite3")
    assert done.returncode == 1
    assert done.stderr.startswith(message), done.stderr
    assert done.stderr.endswith("\n  Nothing is written.\n")
    assert site.files() == ["data.sqlite3"]


def test_a_corrupt_database_is_one_line(tmp_path):
    site = Site(tmp_path)
    insert = "INSERT INTO t VALUES (hex(randomblob(3000)));"
    make(tmp_path, f"CREATE TABLE t (a TEXT); {insert * 50}")
    data = bytearray((tmp_path / "data.sqlite3").read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    (tmp_path / "data.sqlite3").write_bytes(data)
    done = new(site, "data.sqlite3")
    assert done.stderr.startswith("data.sqlite3 cannot be read: database disk image is malformed.")
    assert site.files() == ["data.sqlite3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rows.csv", "--in-place"], "--in-place is for an SQLite database."),
        (["data.sqlite3", "rows.csv"], "An SQLite database can only be the one source of a site."),
    ],
)
def test_sources_that_do_not_fit_are_refused(tmp_path, arguments, message):
    site = Site(tmp_path).put("rows.csv", "a,b\n1,2\n")
    make(tmp_path)
    assert new(site, *arguments).stderr.startswith(message)


def test_in_place_needs_a_source(tmp_path):
    done = Site(tmp_path).fork("-m", "djng", "new", "blog.py", "--in-place")
    assert done.stderr == "--in-place needs --from and an SQLite database.\n"
