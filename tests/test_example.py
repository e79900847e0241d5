"""The example blog, as readers, authors and feed readers use it."""

import datetime
import re
import shutil
import sys
from pathlib import Path

import blog
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

pytestmark = pytest.mark.django_db

FEEDS = Path(__file__).parent


def write(title, days=-1, **fields):
    published = timezone.now() + datetime.timedelta(days=days)
    slug = title.lower().replace(" ", "-")
    return blog.Post.objects.create(title=title, slug=slug, published=published, **fields)


def text(response):
    return response.content.decode()


def test_the_index_shows_the_latest_post_first_and_no_draft(client):
    write("Older", days=-2)
    write("Newer")
    write("Tomorrow", days=1)
    blog.Post.objects.create(title="Draft", slug="draft")
    page = text(client.get("/"))
    assert page.index("Newer") < page.index("Older")
    assert "Tomorrow" not in page
    assert "Draft" not in page


def test_the_index_has_pages(client):
    for number in range(6):
        write(f"Post {number}", days=-1 - number)
    first = text(client.get("/"))
    assert "Post 4" in first
    assert "Post 5" not in first
    assert 'href="?page=2"' in first
    assert "Post 5" in text(client.get("/?page=2"))


def test_a_post_shows_its_tags_and_body(client):
    write("Hello", body="<p>The <em>body</em></p>").tags.create(name="Boats", slug="boats")
    page = text(client.get("/posts/hello/"))
    assert "<em>body</em>" in page
    assert '<a href="/tags/boats/">Boats</a>' in page


def test_an_unpublished_post_is_not_found(client):
    write("Tomorrow", days=1)
    response = client.get("/posts/tomorrow/")
    assert response.status_code == 404
    assert "There is nothing here" in text(response)


def test_the_archive_shows_the_posts_of_a_year(client):
    write("Now")
    year = blog.Post.objects.get().published.year
    assert "Now" in text(client.get(f"/{year}/"))
    assert "No posts yet" in text(client.get(f"/{year - 1}/"))


def test_a_tag_shows_its_posts(client):
    write("Tagged").tags.create(name="Boats", slug="boats")
    write("Plain")
    page = text(client.get("/tags/boats/"))
    assert "Tagged" in page
    assert "Plain" not in page
    assert client.get("/tags/none/").status_code == 404


def test_search_finds_words_of_title_and_body_and_escapes_the_query(client):
    write("Title", body="a needle")
    write("Other")
    page = text(client.get("/search/", {"q": "NEEDLE"}))
    assert "Title" in page
    assert "Other" not in page
    assert "<script>" not in text(client.get("/search/", {"q": '"><script>'}))


def test_a_comment_is_saved_and_shown(client):
    write("Hello")
    response = client.post("/posts/hello/", {"author": "Ada", "text": "<b>Hi</b>"}, follow=True)
    page = text(response)
    assert "Thank you for your comment." in page
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page


def test_a_hidden_comment_is_not_shown(client):
    write("Hello").comments.create(author="Ada", text="rude", visible=False)
    assert "rude" not in text(client.get("/posts/hello/"))


def test_a_comment_without_a_name_is_refused_and_stays_in_the_form(client):
    write("Hello")
    response = client.post("/posts/hello/", {"author": "", "text": "kept in the form"})
    assert response.status_code == 422
    assert "This field is required." in text(response)
    assert "kept in the form" in text(response)


def test_a_comment_needs_the_csrf_token():
    from django.test import Client

    write("Hello")
    careful = Client(enforce_csrf_checks=True)
    comment = {"author": "Ada", "text": "Hi"}
    assert careful.post("/posts/hello/", comment).status_code == 403
    page = text(careful.get("/posts/hello/"))
    comment["csrfmiddlewaretoken"] = re.search(r'csrfmiddlewaretoken" value="(\w+)', page)[1]
    assert careful.post("/posts/hello/", comment).status_code == 302


def test_the_api_returns_the_posts_as_json(client):
    write("Hello")
    (post,) = client.get("/api/posts/").json()
    assert (post["title"], post["slug"]) == ("Hello", "hello")
    assert client.post("/api/posts/").status_code == 405


def test_the_feed_is_atom(client):
    import feedparser

    write("Hello", body="<p>Body</p>")
    feed = feedparser.parse(client.get("/feed.atom").content)
    assert (feed.version, feed.bozo) == ("atom10", False)
    assert feed.entries[0].link == "http://testserver/posts/hello/"


def test_the_admin_lists_filters_searches_and_edits_comments_inline(admin_client):
    post = write("Hello")
    post.comments.create(author="Ada", text="Hi")
    listing = text(admin_client.get("/admin/blog/post/", {"q": "hello"}))
    assert ">Hello</a>" in listing
    assert "By published" in listing
    assert ">Hello</a>" not in text(admin_client.get("/admin/blog/post/", {"q": "nothing"}))
    assert 'name="comments-0-author"' in text(
        admin_client.get(f"/admin/blog/post/{post.pk}/change/")
    )


def test_an_author_writes_in_the_admin(admin_client):
    fields = {"title": "New", "slug": "new", "body": "x", "published_0": "2026-01-02"}
    fields |= {"published_1": "10:00:00", "comments-TOTAL_FORMS": 0, "comments-INITIAL_FORMS": 0}
    assert admin_client.post("/admin/blog/post/add/", fields).status_code == 302
    assert "New" in text(admin_client.get("/2026/"))


def test_an_atom_feed_is_imported_once(capsys):
    for _ in range(2):
        call_command("import_feed", FEEDS / "feed.atom")
    assert capsys.readouterr().out == "3 posts added, 0 left alone.\n0 posts added, 3 left alone.\n"
    tides = blog.Post.objects.get(title="Reading the tide tables & the weather")
    assert tides.published == datetime.datetime(2026, 3, 29, 7, 30, tzinfo=datetime.UTC)
    assert {tag.name for tag in tides.tags.all()} == {"Tides", "Weather"}
    assert "<em>right</em>" in tides.body
    assert "script" not in tides.body
    assert "onclick" not in tides.body


def test_an_undated_entry_is_a_draft():
    call_command("import_feed", FEEDS / "feed.atom", verbosity=0)
    assert blog.Post.objects.get(title__startswith="Undated").published is None


def test_an_rss_feed_is_imported():
    call_command("import_feed", FEEDS / "feed.rss")
    bread = blog.Post.objects.get(title="Bread without an oven")
    assert "patience</a>" in bread.body
    assert {tag.slug for tag in bread.tags.all()} == {"bread", "uberleben"}


HOSTILE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">
<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;">]>
<rss version="2.0"><channel><title>x</title><item><title>&file;&g;</title></item></channel></rss>"""


def test_hostile_xml_does_no_harm(tmp_path):
    file = tmp_path / "feed.xml"
    file.write_text(HOSTILE)
    call_command("import_feed", file)
    for post in blog.Post.objects.all():
        assert "root:" not in post.title + post.body


@pytest.mark.parametrize("name", ["conftest.py", "nothing.xml"])
def test_a_file_that_is_no_feed_is_refused(name):
    with pytest.raises(CommandError, match="is not a file in Atom or RSS"):
        call_command("import_feed", FEEDS / name)


def test_the_file_is_all_that_a_new_site_needs(site):
    shutil.copy(blog.__file__, site.folder)
    with site.serve() as server:
        assert server.request("/").status == 200  # the tables are there
        added = site.succeed("import_feed", str(FEEDS / "feed.atom"))
        assert added == "3 posts added, 0 left alone.\n"
        assert "Reading the tide tables" in server.request("/").text
        assert "Log in" in server.request("/admin/login/").text
    site.succeed("makemigrations", "--check")


def test_the_example_stays_short():
    assert len(Path(blog.__file__).read_text().splitlines()) < 250
    assert get_user_model()._meta.label == "auth.User"
    assert sys.modules["blog"] is blog
