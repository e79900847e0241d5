"""``djng new shop.py --from data.csv`` writes a site that has the data of CSV files in it."""

import contextlib
import csv
import json
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from conftest import ROOT, Site, environment
from ejecting import manage
from test_docs import assert_prints, steps
from test_readme import run

from djng.new.csv_files import read_csv_files

PRODUCTS = """\
id,SKU,Product Name,Price (€),In stock,Added,Homepage,Zip,class,Notes
1,007,Lamp,12.50,yes,2024-01-31,https://a.org/x,01234,a,=1+1
2,008,Desk,100,no,2024-02-01,https://b.org/y,99999,b,-2
3,009,"Chair, red",,yes,2024-02-03,,12345,a,+3
"""
MODEL = """\
@app.admin(
    list_display=["product_name", "sku", "price", "in_stock", "added", "homepage"],
    search_fields=["sku", "product_name", "zip", "class_field", "notes"],
    list_filter=["in_stock", "added"],
)
class Product(models.Model):
    sku = models.CharField(max_length=50)
    product_name = models.CharField(max_length=50)
    price = models.DecimalField(
        "Price (€)", max_digits=10, decimal_places=2, null=True, blank=True
    )
    in_stock = models.BooleanField()
    added = models.DateField()
    homepage = models.URLField(blank=True)
    zip = models.CharField(max_length=50)
    class_field = models.CharField("class", max_length=50)
    notes = models.CharField(max_length=50)

    def __str__(self):
        return self.product_name

    def get_absolute_url(self):
        return reverse("product", args=[self.pk])
"""


def new(site, *sources, name="blog.py", **variables):
    return site.fork("-m", "djng", "new", name, "--from", *sources, **variables)


def load(site, text, name="rows.csv", encoding="utf-8"):
    """Make a site of one CSV file; return what the command printed."""
    (site.folder / name).write_bytes(text.encode(encoding))
    done = new(site, name)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(site, model="Row", *names):
    """What Django reads of the rows, as Python writes it."""
    return site.shell(f"print([*blog.{model}.objects.order_by('pk').values_list(*{names!r})])")


def fields(site, model="Row"):
    """The fields that the site declares, with their arguments."""
    source = (site.folder / "blog.py").read_text().split(f"class {model}(")[1]
    lines = [line.strip() for line in source.split("def ")[0].splitlines()]
    return [line.replace("models.", "") for line in lines[1:] if line]


@pytest.fixture(scope="module")
def shop(module_site):
    load(module_site.put("products.csv", PRODUCTS), PRODUCTS, "products.csv")
    return module_site


def test_the_model_is_what_a_developer_would_write(shop):
    assert MODEL in (shop.folder / "blog.py").read_text()


def test_a_site_for_a_small_file_is_short(shop):
    assert len((shop.folder / "blog.py").read_text().splitlines()) <= 115


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_accepts_the_file(shop, command):
    done = shop.python("-m", "ruff", *command.split(), "--isolated", "--no-cache", "blog.py")
    assert done.returncode == 0, done.stdout


def test_a_formula_is_kept_as_it_is(shop):
    assert rows(shop, "Product", "notes") == "[('=1+1',), ('-2',), ('+3',)]"


def test_the_data_is_there_at_once(shop):
    made = ["blog.py", "blog.sqlite3", "blog/migrations/0001_initial.py", ".gitignore"]
    assert {*made} <= {*shop.files()}
    assert not [name for name in shop.files() if name.startswith(".djng")]
    shop.succeed("makemigrations", "--check")
    with shop.serve("blog.py", "runserver", "--noreload", "PORT") as server:
        assert 'href="/products/3/">Chair, red</a>' in server.request("/").text
        assert "12.50" in server.request("/products/1/").text
        assert '"product_name": "Lamp"' in server.request("/products.json").text
        assert server.request("/products/99/").status == 404


def test_the_site_can_become_a_project_and_files(shop, tmp_path):
    shop.succeed("eject", str(tmp_path / "project"))
    assert "no issues" in manage(Site(tmp_path), "check")
    shop.succeed("freeze", str(tmp_path / "files"))
    assert "Chair, red" in (tmp_path / "files/products/3/index.html").read_text()


def test_the_admin_shows_the_rows_with_search_and_filters(shop):
    output = shop.shell("""
        import warnings
        warnings.simplefilter("ignore")  # Django 5.2 warns of every URLField in a form
        from django.contrib.auth.models import User
        from django.test import Client
        client = Client()
        client.force_login(User.objects.create(username="a", is_staff=True, is_superuser=True))
        page = client.get("/admin/blog/product/?q=lamp&in_stock__exact=1").content.decode()
        print("1 product" in page, "Price (€)" in page or "Price (€)".upper() in page)
        print(client.get("/admin/blog/product/2/change/").status_code)
    """)
    assert output == "True True\n200"


CHAR, DECIMAL = "CharField(max_length=50)", "DecimalField(max_digits=10, decimal_places=2)"
# The values of a column, its field, and what Django reads of them.
COLUMNS = {
    "whole": ("1 -20 300", "IntegerField()", [1, -20, 300]),
    "large": ("1 3000000000", "BigIntegerField()", [1, 3000000000]),
    "decimal": ("1.50 20 -.5", DECIMAL, ["1.50", "20.00", "-0.50"]),
    "comma": ("1,5 2,25", DECIMAL, ["1.50", "2.25"]),
    "points and comma": ("1.234,5 2,25", DECIMAL, ["1234.50", "2.25"]),
    "thousands": ("1,234,567 2", "IntegerField()", [1234567, 2]),
    "french": ("1\u202f234,5 2,25", DECIMAL, ["1234.50", "2.25"]),
    "swiss": ("1'234.50 2", DECIMAL, ["1234.50", "2.00"]),
    "unclear": ("1,234 2,500", CHAR, ["1,234", "2,500"]),
    "float": ("1e5 2.5", "FloatField()", [100000.0, 2.5]),
    "exact float": ("52.52000659999999 0.1", "FloatField()", [52.52000659999999, 0.1]),
    "too exact": ("0.1234567890123456789 1", CHAR, ["0.1234567890123456789", "1"]),
    "too large": ("12345678901234567890 1", CHAR, ["12345678901234567890", "1"]),
    "zeros": ("007 8", CHAR, ["007", "8"]),
    "plus": ("+4930 +4931", CHAR, ["+4930", "+4931"]),
    "phone": ("5551234567 5557654321", CHAR, ["5551234567", "5557654321"]),
    "dashes": ("555-1234 555-9999", CHAR, ["555-1234", "555-9999"]),
    "gaps": ("1 NA 3", "IntegerField(null=True, blank=True)", [1, None, 3]),
    "codes": ("NA x", CHAR, ["NA", "x"]),
    "mostly": ("1 2 x", CHAR, ["1", "2", "x"]),
    "is_new": ("1 0", "BooleanField()", [True, False]),
    "flag": ("1 0", "IntegerField()", [1, 0]),
    "words": ("yes no", "BooleanField()", [True, False]),
    "german": ("ja nein", "BooleanField()", [True, False]),
    "capitals": ("TRUE false", "BooleanField()", [True, False]),
    "norway": ("NO NO", CHAR, ["NO", "NO"]),
    "iso": ("2024-01-31 2024-02-01", "DateField()", ["2024-01-31", "2024-02-01"]),
    "points": ("31.01.2024 1.2.2024", "DateField()", ["2024-01-31", "2024-02-01"]),
    "american": ("01/31/2024 02/01/2024", "DateField()", ["2024-01-31", "2024-02-01"]),
    "british": ("31/01/2024 01/02/2024", "DateField()", ["2024-01-31", "2024-02-01"]),
    "either": ("03/04/2024 05/06/2024", "DateField()", ["2024-03-04", "2024-05-06"]),
    "month": ("31-Jan-2024 1-May-2024", "DateField()", ["2024-01-31", "2024-05-01"]),
    "no date": ("2024-02-30 2024-01-01", CHAR, ["2024-02-30", "2024-01-01"]),
    "version": ("1.2.3 1.10.0", CHAR, ["1.2.3", "1.10.0"]),
    "zone": (
        "2024-01-31T10:00:00Z 2024-01-31T12:00+03:00",
        "DateTimeField()",
        ["2024-01-31 10:00:00+00:00", "2024-01-31 09:00:00+00:00"],
    ),
    "afternoon": (
        "01/31/2024~1:05~PM 02/01/2024~12:00~AM",
        "DateTimeField()",
        ["2024-01-31 13:05:00+00:00", "2024-02-01 00:00:00+00:00"],
    ),
    "clock": ("10:30 09:15", "TimeField()", ["10:30:00", "09:15:00"]),
    "mail": ("a@b.org c@d.org", "EmailField()", ["a@b.org", "c@d.org"]),
    "link": ("https://a.org http://b.org/x", "URLField()", ["https://a.org", "http://b.org/x"]),
    "intranet": ("http://files/a http://b.org/x", CHAR, ["http://files/a", "http://b.org/x"]),
    "local": ("a@files c@d.org", CHAR, ["a@files", "c@d.org"]),
    "long": (f"x {'y' * 300}", "TextField()", ["x", "y" * 300]),
    "lines": ("x two|lines", "TextField()", ["x", "two\nlines"]),
    "empty": ("_ _", "CharField(max_length=200, blank=True)", ["", ""]),
    "sometimes": ("a _", "CharField(max_length=50, blank=True)", ["a", ""]),
    "spaces": ("~a~ b", CHAR, [" a ", "b"]),
}


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("columns"))
    cells = [values.split(" ") for values, _, _ in COLUMNS.values()]
    cells = [[cell.translate({126: " ", 124: "\n", 95: ""}) for cell in each] for each in cells]
    with (site.folder / "rows.csv").open("w", newline="") as file:
        table = [[each[row % len(each)] for each in cells] for row in range(6)]
        csv.writer(file, delimiter=";").writerows([[*COLUMNS], *table])
    assert new(site, "rows.csv").returncode == 0
    return site


@pytest.fixture(scope="module")
def values(columns):
    script = "import json; print(json.dumps([*blog.Row.objects.values()], default=str))"
    return json.loads(columns.shell(script))


@pytest.mark.parametrize("name", COLUMNS)
def test_all_values_decide_the_field(columns, values, name):
    _, field, expected = COLUMNS[name]
    name = name.replace(" ", "_")
    source = " ".join((columns.folder / "blog.py").read_text().split())
    assert f" {name} = models.{field} " in source.replace("( ", "(").replace(" )", ")")
    found = [row[name] for row in values][: len(expected)]
    assert found == [f"{each}" if isinstance(found[0], str) else each for each in expected]


@pytest.mark.parametrize(
    "comment",
    [
        "# A guess: the month comes first, then the day.\n    either",
        "# Text, since 1,234 may be 1234 or 1.234.\n    unclear",
        "# A guess: 1 is true.\n    is_new",
    ],
)
def test_a_guess_is_marked(columns, comment):
    assert comment in (columns.folder / "blog.py").read_text()


DIALECTS = [
    ("a;b\n1;x\n", "utf-8"),
    ("a\tb\n1\tx\n", "utf-8"),
    ("a|b\n1|x\n", "utf-8"),
    ("sep=;\na;b\n1;x\n", "utf-8"),
    ("a,b\r\n'1','x'\r\n", "utf-8"),
    ("a,b\n1,x\n", "utf-8-sig"),
    ("a,b\n1,x\n", "utf-16"),
    ("a,b\n1,x\n", "utf-16-le"),
    ("a,b\n1,x\n", "utf-32"),
    ('a,b\n\n1,"x"\n\n', "utf-8"),
    ("a,b,\n1,x,\n", "utf-8"),
]


@pytest.mark.parametrize(("text", "encoding"), DIALECTS)
def test_a_dialect_and_an_encoding_are_recognized(tmp_path, text, encoding):
    assert read(tmp_path, text.encode(encoding)) == (["a", "b"], [("1", "x")])


WINDOWS = (
    "rows.csv is not in UTF-8, and is read as cp1252. "
    "If letters are wrong, save it as UTF-8, and start again."
)


def test_text_in_latin_1_is_read_and_reported(tmp_path):
    (tmp_path / "rows.csv").write_bytes("name,city\nJosé,Köln\n".encode("latin-1"))
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        source = read_csv_files([tmp_path / "rows.csv"], db, tmp_path / "left-out.csv")
        assert [*source.tables[0].select("*")] == [("José", "Köln")]
    assert source.messages == [WINDOWS]


HEADERS = [
    ("1,a@b.org\n2,c@d.org\n", ["", ""]),
    ("Ann,1\nBob,2\n", ["", ""]),
    ("country,2019,2020\nDE,1,2\nFR,3,4\n", ["country", "2019", "2020"]),
    ("name,name\nAnn,Lee\n", ["name", "name"]),
    ("red,round\nred,square\n", ["", ""]),
    (",price\n0,1.5\n1,2.5\n", ["", "price"]),
    ("price\tsize\nr1\t1.5\t2\nr2\t2.5\t3\n", ["", "price", "size"]),
    ("size\nr1\t1.5\nr2\t2.5\n", ["", "size"]),
    ("Report of 2024\n\nname,price\nLamp,1.5\nDesk,2.5\n", ["name", "price"]),
    ("Account;7;;\n;;;\nday;sum;text;to\n1.1.2024;1;a;b\n", ["day", "sum", "text", "to"]),
]


@pytest.mark.parametrize(("text", "titles"), HEADERS)
def test_names_of_columns_are_told_from_values(tmp_path, text, titles):
    assert read(tmp_path, text.encode())[0] == titles


def read(folder, content):
    """The names of the columns that have one or values, and the rows."""
    (folder / "rows.csv").write_bytes(content)
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        source = read_csv_files([folder / "rows.csv"], db, folder / "left-out.csv")
        (table,) = source.tables
        rows = [*table.select("*")]
    used = [n for n, column in enumerate(table.columns) if column.title or any(r[n] for r in rows)]
    return [table.columns[n].title for n in used], [tuple(r[n] for n in used) for r in rows]


def test_odd_names_become_fields(site):
    header = '"First name (legal)",class,name,name,,2nd,pk,id,save,a__b_,größe,models,objects'
    load(site, f"{header}\n" + ",".join("abcdefghijklm") + "\n")
    names = [line.split(" = ")[0] for line in fields(site) if " = " in line]
    assert names == [
        *("first_name_legal", "class_field", "name", "name_2", "column_5", "column_2nd"),
        *("pk_field", "id_field", "save_field", "a_b", "größe", "models_field", "objects_field"),
    ]
    assert fields(site)[0] == 'first_name_legal = CharField("First name (legal)", max_length=50)'


def test_rows_of_the_wrong_length_are_listed_and_kept(site):
    printed = load(site, "a,b,c\n1,x,y\n2,x\n3,x,y,z,\n4,x,y,,\n")
    assert "rows.csv: too few cells in line 3. The last ones are empty." in printed
    assert "rows.csv: too many cells in line 4. These rows are in blog-left-out.csv" in printed
    assert (site.folder / "blog-left-out.csv").read_text() == "rows.csv,4,3,x,y,z,\n"
    assert rows(site, "Row", "a", "c") == "[(1, 'y'), (2, ''), (4, 'y')]"


def test_what_stands_above_the_names_of_columns_is_kept(site):
    printed = load(site, "Report,,\n\nname,price,size\nLamp,1.5,2\nDesk,2.5,3\n")
    assert "rows.csv: something stands above the names of the columns." in printed
    assert (site.folder / "blog-left-out.csv").read_text() == "rows.csv,1,Report,,\n"
    assert rows(site, "Row", "name") == "[('Lamp',), ('Desk',)]"


def test_a_question_as_a_column_gets_a_short_name_and_the_admin_shows_it(site):
    question = "How satisfied are you with the " + "very " * 20 + "good food?"
    load(site, f"{question},self\nyes,1\nno,2\n")
    names = ["how_satisfied_are_you_with_the_very_very_very_very", "self_field"]
    assert [line.split(" = ")[0] for line in fields(site) if " = " in line] == names
    assert f'"{question}"' in (site.folder / "blog.py").read_text()
    assert f'list_display=["{names[0]}"' in (site.folder / "blog.py").read_text()
    assert site.shell("print(blog.Row(self_field=3).self_field)") == "3"


def test_tables_of_one_name_and_of_names_that_english_bends_get_their_pages(site):
    for name in ("day", "movies", "us", "statuses", "people", "order", "orders"):
        site.put(f"data/{name}.csv", "id,name\n1,a\n2,b\n")
    assert new(site, "data").returncode == 0
    models = re.findall(r"^class (\w+)\(", (site.folder / "blog.py").read_text(), re.MULTILINE)
    assert models == ["Day", "Movie", "Order", "Order_2", "Person", "Status", "Us"]
    pages = "days movies orders orders-2 people statuses us"
    assert site.shell("print(*sorted(blog.tables))") == pages


def test_a_table_may_have_a_thousand_columns(site):
    load(site, ",".join(f"c{n}" for n in range(1200)) + "\n" + "1," * 1199 + "2\n")
    assert rows(site, "Row", "c0", "c1199") == "[(1, 2)]"


def test_one_row_is_called_by_its_name(site):
    assert "Wrote blog.py, with 1 movie." in load(site, "title,year\nAlien,1979\n", "movies.csv")


def test_several_files_are_related_by_names_and_values(site):
    site.put("data/categories.csv", "id,name\n1,Light\n2,Wood\n")
    site.put("data/products.tsv", "id\ttitle\tcategory_id\n7\tLamp\t1\n8\tDesk\t\n")
    site.put("data/tags.csv", "id,name\n1,new\n2,old\n")
    site.put("data/product_tags.csv", "product_id,tag_id\n7,1\n7,2\n8,1\n")
    site.put("data/notes.csv", "product_id,text\n7,a\n99,b\n")
    assert new(site, "data").returncode == 0
    assert fields(site, "Product") == [
        "title = CharField(max_length=50)",
        "# A guess: all values are in categories.",
        'category = ForeignKey("Category", PROTECT, null=True, blank=True)',
        'tags = ManyToManyField("Tag", blank=True)',
    ]
    assert "product_id = IntegerField()" in fields(site, "Note")
    script = "print([str(t) for t in blog.Product.objects.get(pk=7).tags.all()])"
    assert site.shell(script) == "['new', 'old']"


BAD = [
    ("rows.csv", b"", "rows.csv is empty."),
    ("rows.csv", b"PK\x03\x04\x00\x00", "rows.csv is not a CSV file. Spreadsheets can be saved as"),
    ("rows.csv", b"\x89PNG\r\n\x1a\n\x00", "rows.csv is not a CSV file."),
    ("rows.csv", b'[{"a": 1}]', "rows.csv is not a CSV file."),
    ("rows.csv", b"\xff\xfea\0,\0b", "rows.csv is not a CSV file."),
    ("rows.csv", b'a,b\n1,"x\n', "rows.csv is not a CSV file: unexpected end of data in line 2."),
    (
        "rows.csv",
        b'a,b\n1,x\n2,"y" z\n',
        "rows.csv is not a CSV file: ',' expected after '\"' in line 3.",
    ),
    ("rows.csv", b"\n,,\n,,\n", "rows.csv is empty."),
    ("rows.csv", b"a," * 2500 + b"a\n", "rows.csv has 2,501 columns. A table has 2,000 at most."),
    ("none/x", b"", "rows.csv does not exist."),
    ("rows.csv/x.txt", b"", "rows.csv has no CSV files."),
    ("blog.sqlite3", b"", "blog.sqlite3 exists. Choose another name."),
    ("blog.py", b"", "blog.py exists. Choose another name."),
]


@pytest.mark.parametrize(("file", "content", "message"), BAD)
def test_bad_input_is_one_line_and_writes_nothing(site, file, content, message):
    (site.folder / file).parent.mkdir(exist_ok=True, parents=True)
    (site.folder / file).write_bytes(content)
    before = site.files()
    done = new(site, "rows.csv")
    assert done.returncode == 1
    assert done.stderr.startswith(message), done.stderr
    assert done.stderr.endswith("\n  Nothing is written.\n")
    assert site.files() == before


def test_a_database_elsewhere_is_refused(site):
    done = new(site.put("rows.csv", PRODUCTS), "rows.csv", DATABASE_URL="sqlite:///x.sqlite3")
    assert done.stderr.startswith("DATABASE_URL is set, so the site would not use blog.sqlite3.")


def run_limited(site, size):
    """Run the command where no file may grow beyond the size, as on a disk that gets full."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "djng", "new", "blog.py", "--from", "rows.csv"],
        cwd=site.folder,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(site, size):
    site.put("rows.csv", "a,b\n" + "1,x\n" * 2_000)
    done = run_limited(site, size)
    assert done.returncode == 1
    assert done.stderr.startswith("blog.py is not written: ")
    assert len(done.stderr.splitlines()) == 2
    assert site.files() == ["rows.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_leaves_nothing(site, number):
    site.put("rows.csv", "a,b\n" + "1,x\n" * 300_000)
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "djng", "new", "blog.py", "--from", "rows.csv"],
        cwd=site.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(site.files()) == 1:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.communicate(timeout=30)[1] == "\nStopped. Nothing is written.\n"
    assert site.files() == ["rows.csv"]


def test_a_terminal_shows_a_bar(site):
    site.put("rows.csv", "a,b\n" + "1,x\n" * 25_000)
    command = f"{sys.executable} -m djng new blog.py --from rows.csv"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=site.folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert f"Reading rows.csv [{'#' * 30}] 25,000 rows" in done.stdout
    assert f"Loading rows [{'#' * 30}] 25,000 rows" in done.stdout


def test_the_page_about_it_shows_what_happens(site):
    page = (ROOT / "docs/from-data.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks] == ["csv", "csv", "console", "python", "console"]
    (_, products), (_, categories), (_, first), (_, model), (_, second) = blocks
    site.put("products.csv", products).put("categories.csv", categories)
    ((command, shown),) = steps(first)
    assert_prints(run(command, site.folder), shown)
    assert model in (site.folder / "shop.py").read_text()
    with contextlib.closing(sqlite3.connect(site.folder / "data.sqlite3")) as database:
        database.executescript("""
            CREATE TABLE track (name TEXT); INSERT INTO track VALUES ('a'), ('b');
            CREATE TABLE album (name TEXT);
        """)
    ((command, shown),) = steps(second)
    (site.folder / "shop.py").unlink()
    (site.folder / "shop.sqlite3").unlink()
    shutil.rmtree(site.folder / "shop")
    assert_prints(run(command, site.folder), shown)
