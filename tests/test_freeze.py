"""``python blog.py freeze FOLDER`` writes the site as files that any static host can serve."""

import re
import sys

import pytest
from conftest import ROOT, Site, free_port, serving

SITE = """
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt

@app.get("/", template="index.html")
def index(request):
    return {"page": int(request.GET.get("page", 1))}

@app.get("/about", template="about.html")
def about(request):
    return {}

@app.get("/notes/<str:name>/")
def note(request, name):
    return f'<a href="../../#top">{name}</a><!-- <a href="/commented/"> -->'

@app.get("/old/")
def old(request):
    return redirect("note", name="new")

@app.get("/data.json")
def data(request):
    return {"a": 1}

@app.post("/send/")
def send(request):
    return "sent"

@app.get("/sitemap.xml")
def sitemap(request):
    url = request.build_absolute_uri("/notes/mapped/?a=1&b=2").replace("&", "&amp;")
    return HttpResponse(f"<urlset><loc>{url}</loc></urlset>", content_type="application/xml")

@app.get("/hidden/<int:number>/")
def hidden(request, number):
    return "hidden"

@app.error(404)
def missing(request, exception):
    return '<a href="/">There is nothing here.</a>'

app.templates["index.html"] = '''<title>Index {{ page }}</title>
<link rel=stylesheet href="{% static 'site.css' %}?v=1">
{% if page < 3 %}<a href="?page={{ page|add:1 }}#end">next</a>{% endif %}
<a href=/about>about</a> <a href="/notes/caf%C3%A9 au lait/">note</a> <a href="/old/">old</a>
<a href="/notes/new">without a slash</a>
<a href="mailto:a@example.org">mail</a> <a href="https://example.com/x/">other</a>
<img srcset="/static/a.png 1x, {% static 'b.png' %} 2x" style="background: url('/static/c.png')">
<img src="/media/upload.txt"><script>const link = '<a href="/nowhere/">'</script>
<form action="/send/" method="post"></form><a href="/admin/">admin</a>'''
app.templates["about.html"] = "<a href='notes/from-about/'>note</a>"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("frozen"))
    site.put("static/site.css", "@import 'more.css'; body { background: url(d.png) }")
    site.put("static/more.css", "p { color: red }").put("static/lonely.js", "1")
    for name in "abcd":
        site.put(f"static/{name}.png", name)
    site.put("public/robots.txt", "User-agent: *").put("media/upload.txt", "uploaded")
    return site.write(SITE)


@pytest.fixture(scope="module")
def report(site):
    return site.succeed("freeze", "out", "--url", "/hidden/7/")


def read(site, name):
    return (site.folder / name).read_text()


def links(site, name):
    return re.findall(r"""(?:href=["']?|src=["']|url\(['"]?|url=)([^"'>)]*)""", read(site, name))


def test_pages_static_files_and_uploads_are_written(site, report):
    out = site.folder / "out"
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    pages = ["", "page/2/", "page/3/", "about/", "notes/caf\u00e9 au lait/", "notes/new/", "old/"]
    pages += ["notes/from-about/", "notes/mapped/a/1/b/2/", "hidden/7/"]
    static = ["site.css", "more.css", "lonely.js", "a.png", "b.png", "c.png", "d.png"]
    files = {f"{page}index.html" for page in pages} | {f"static/{name}" for name in static}
    files |= {"404.html", "data.json", "sitemap.xml", "robots.txt", "media/upload.txt"}
    assert written == files | {".frozen"}
    assert f"Wrote {len(files)} files to out." in report


def test_what_needs_a_server_is_reported(report):
    assert "Forms need a server: index.html, page/2/index.html, page/3/index.html" in report
    assert "JSON is a file now: data.json" in report
    assert "/send/ (405 Method Not Allowed)" in report
    assert "Left out: /admin/" in report


def test_links_lead_to_the_files(site, report):
    assert links(site, "out/index.html") == [
        *("/static/site.css", "/page/2/#end", "/about/", "/notes/caf%C3%A9%20au%20lait/", "/old/"),
        "/notes/new/",
        *("mailto:a@example.org", "https://example.com/x/", "/static/c.png", "/media/upload.txt"),
        *("/nowhere/", "/admin/"),
    ]
    assert "/static/a.png 1x, /static/b.png 2x" in read(site, "out/index.html")
    assert links(site, "out/old/index.html") == ["/notes/new/", "/notes/new/"]
    assert links(site, "out/about/index.html") == ["/notes/from-about/"]
    assert links(site, "out/notes/new/index.html") == ["/#top", "/commented/"]
    assert "http://localhost/notes/mapped/a/1/b/2/" in read(site, "out/sitemap.xml")


def test_relative_links_work_below_any_address(site):
    site.succeed("freeze", "relative", "--relative")
    assert links(site, "relative/index.html")[:2] == ["static/site.css", "page/2/index.html#end"]
    assert "../../static/a.png 1x" in read(site, "relative/page/2/index.html")
    assert links(site, "relative/static/site.css") == ["d.png"]
    assert "@import 'more.css'" in read(site, "relative/static/site.css")


def test_the_address_may_have_a_path(site):
    site.succeed("freeze", "below", "--base-url", "https://example.org/blog")
    assert links(site, "below/index.html")[1] == "/blog/page/2/#end"
    assert links(site, "below/404.html") == ["/blog/"]
    assert "https://example.org/blog/notes/mapped/a/1/b/2/" in read(site, "below/sitemap.xml")
    assert (
        "Write --base-url https://example.org"
        in site.run("freeze", "x", "--base-url", "example.org").stderr
    )


def test_a_link_to_an_error_is_listed_and_nothing_is_written(site, tmp_path):
    broken = Site(tmp_path).write(SITE.replace("'notes/from-about/'", "/lost/"))
    broken.put("media/upload.txt", "")
    for name in ("site.css", "a.png", "b.png", "c.png"):
        broken.put(f"static/{name}", "")
    done = broken.run("freeze", "out")
    assert done.returncode == 1
    assert "Nothing is written.\n  /lost/ answers 404 Not Found, linked on /about\n" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_of_somebody_else_is_never_replaced(site, report):
    done = site.put("taken/about/index.html", "mine").run("freeze", "taken")
    assert "The file taken/about/index.html is in the way" in done.stderr
    assert site.files().count("taken/index.html") == 0
    assert read(site, "taken/about/index.html") == "mine"


def test_a_folder_that_cannot_be_written_is_an_error(site):
    done = site.put("taken.txt", "mine").run("freeze", "taken.txt")
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: taken.txt")
    assert read(site, "taken.txt") == "mine"


def test_a_file_that_would_be_a_folder_too_is_an_error(tmp_path):
    site = Site(tmp_path).write("""
        @app.get("/a")
        def a(request):
            return {"a": 1}

        @app.get("/a/b.json")
        def b(request):
            return {"b": 1}
    """)
    assert "Nothing is written.\n  The file a is in the way" in site.run("freeze", "out").stderr
    assert not (tmp_path / "out").exists()


def test_two_pages_that_would_be_one_file_are_an_error(tmp_path):
    site = Site(tmp_path).write("""
        @app.get("/")
        def index(request):
            return "<a href='/list.json?page=2'>2</a> <a href='/same.json?v=1'>same</a>"

        @app.get("/list.json")
        def page(request):
            return {"page": request.GET.get("page", "1")}

        @app.get("/same.json")
        def same(request):
            return {}
    """)
    error = site.run("freeze", "out").stderr
    assert "list.json?page=2" in error
    assert "differ, but would be one file, list.json" in error
    assert "same" not in error
    assert not (tmp_path / "out").exists()


def test_a_page_that_an_async_generator_streams_is_a_file(tmp_path):
    site = Site(tmp_path).write("""
        @app.get("/")
        async def index(request):
            yield "<a href='/more/'>"
            yield "more</a>"

        @app.get("/more/")
        def more(request):
            yield "more"
    """)
    site.succeed("freeze", "out")
    assert read(site, "out/index.html") == "<a href='/more/'>more</a>"


def test_pages_whose_encoding_nothing_says_are_listed(tmp_path):
    site = Site(tmp_path).write("""
        @app.get("/")
        def index(request):
            return "<title>Caf\u00e9</title>"

        @app.get("/plain/")
        def plain(request):
            return "<title>Cafe</title>"

        @app.get("/said/")
        def said(request):
            return '<META CHARSET="utf-8"><title>Caf\u00e9</title>'
    """)
    assert 'Needs <meta charset="utf-8">: index.html\n' in site.succeed("freeze", "out")


def test_a_base_address_is_refused(tmp_path):
    page = "<base href='/deep/'><a href='/'>"
    site = Site(tmp_path).write(f"@app.get('/')\ndef index(request):\n    return {page!r}")
    assert "/ has a <base href>" in site.run("freeze", "out").stderr


def test_addresses_for_other_sites_are_whole(tmp_path):
    site = Site(tmp_path).put("static/a.png", "a").put("static/a.svg", "a")
    site.write('''
        @app.get("/")
        def index(request):
            image = request.build_absolute_uri("/static/a.png")
            return f"""<meta property="og:image" content="{image}">
            <meta name="description" content="A page"><use xlink:href="/static/a.svg#b">"""
    ''')
    for options in ([], ["--relative"]):
        site.succeed("freeze", "out", "--base-url", "https://example.org/blog", *options)
        text = read(site, "out/index.html")
        assert 'content="https://example.org/blog/static/a.png"' in text
        assert 'content="A page"' in text
    assert 'xlink:href="static/a.svg#b"' in text
    assert "Needs --base-url https://...: index.html" in site.succeed("freeze", "local")


def test_the_next_time_replaces_the_files_of_the_last_time(site):
    site.put("again/CNAME", "example.org")
    site.succeed("freeze", "again", "--url", "/hidden/1/")
    site.succeed("freeze", "again", "--url", "/hidden/2/")
    again = [name for name in site.files() if name.startswith("again/")]
    assert "again/hidden/2/index.html" in again
    assert "again/CNAME" in again
    assert "again/hidden/1/index.html" not in again


CLICK = "[...document.querySelectorAll('a')].find(link => link.text.includes('{}')).click()"


def test_the_frozen_blog_can_be_clicked_through(tmp_path, browser):
    site = Site(tmp_path).put("blog.py", (ROOT / "examples/blog.py").read_text())
    site.succeed("makemigrations")
    site.succeed("migrate")
    site.succeed("import_feed", str(ROOT / "tests/feed.atom"))
    site.shell("""
        from django.utils import timezone
        for n in range(6):
            blog.Post.objects.create(title=f"Post {n}", slug=f"post-{n}", published=timezone.now())
    """)
    site.succeed("freeze", "out")
    site.succeed("freeze", "disk", "--relative")
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "-d", "out", str(port)]
    with serving(command, tmp_path, port, {}):
        page = browser(f"http://127.0.0.1:{port}/")
        assert page.shows("Post 5")
        for text, path in [
            ("Older", "/page/2/"),
            ("Reading the tide tables", "/posts/reading-the-tide-tables-the-weather-1/"),
            ("Tides", "/tags/tides/"),
            ("The blog", "/"),
            ("2025", "/2025/"),
        ]:
            page.evaluate(CLICK.format(text))
            page.until("location.pathname + document.readyState", f"{path}complete")
    page = browser(f"file://{tmp_path}/disk/index.html")
    assert page.shows("Post 5")
    page.evaluate(CLICK.format("Older"))
    assert page.shows("Reading the tide tables")
    page.evaluate(CLICK.format("The blog"))
    page.until("location.pathname", f"{tmp_path}/disk/index.html")


def test_the_docs_show_the_error_of_a_link(tmp_path):
    page = (ROOT / "docs/static-sites.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (source,) = [text for language, text in blocks if language == "python"]
    (error,) = [text for language, text in blocks if not language]
    garden = Site(tmp_path).put("garden.py", source)
    garden.edit("{% url 'plant' name %}", "/plant/rose/", "garden.py")
    assert garden.fork("garden.py", "freeze", "site").stderr.endswith(error)
