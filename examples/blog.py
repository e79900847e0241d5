# /// script
# dependencies = ["djng", "feedparser"]
# ///
"""A blog in one file: posts with tags and drafts, comments, search, a feed, JSON and the admin."""

from datetime import UTC, datetime
from pathlib import Path

from django import forms
from django.contrib import admin, messages
from django.contrib.syndication.views import Feed
from django.core.management import CommandError
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.utils.text import slugify

from djng import Djng

app = Djng()


# Models. `@app.admin` shows a model in the admin.
@app.admin(search_fields=["name"], prepopulated_fields={"slug": ["name"]})
class Tag(models.Model):
    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)

    def __str__(self):
        return self.name


class LivePosts(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(published__lte=timezone.now())


class Post(models.Model):
    title = models.CharField(max_length=200)
    slug = models.SlugField(unique=True, max_length=60)
    body = models.TextField(help_text="HTML.")
    tags = models.ManyToManyField(Tag, blank=True)
    published = models.DateTimeField(null=True, blank=True, help_text="Empty for a draft.")
    source = models.CharField(max_length=500, unique=True, null=True, editable=False)

    objects, live = models.Manager(), LivePosts()

    class Meta:
        ordering = ["-published"]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("post", args=[self.slug])


@app.admin(list_display=["author", "post", "created", "visible"], list_filter=["visible"])
class Comment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.CharField("your name", max_length=80)
    text = models.TextField("your comment", max_length=3000)
    created = models.DateTimeField(auto_now_add=True)
    visible = models.BooleanField(default=True)

    def __str__(self):
        return f"{self.author} on {self.post}"


class CommentInline(admin.TabularInline):
    model = Comment
    extra = 0


@app.admin(Post)
class PostAdmin(admin.ModelAdmin):
    list_display = ["title", "published"]
    list_filter = ["published", "tags"]
    search_fields = ["title", "body"]
    autocomplete_fields = ["tags"]
    prepopulated_fields = {"slug": ["title"]}
    inlines = [CommentInline]


# Views. A view returns a dict for its template, data for JSON, or any Django response.
def listing(request, posts, title=""):
    page = Paginator(posts.prefetch_related("tags"), 5).get_page(request.GET.get("page"))
    return {"page": page, "title": title}


@app.get("/", template="index.html")
def index(request):
    return listing(request, Post.live.all())


@app.get("/<int:year>/", template="index.html")
def archive(request, year):
    if year not in range(1, 10_000):
        raise Http404
    return listing(request, Post.live.filter(published__year=year), f"Posts of {year}")


@app.get("/tags/<slug:slug>/", template="index.html")
def tag(request, slug):
    tag = get_object_or_404(Tag, slug=slug)
    return listing(request, Post.live.filter(tags=tag), f"Posts about {tag}")


@app.get("/search/", template="index.html")
def search(request):
    text = request.GET.get("q", "").strip()
    match = models.Q(title__icontains=text) | models.Q(body__icontains=text)
    return listing(request, Post.live.filter(match), f"Posts with “{text}”")


CommentForm = forms.modelform_factory(Comment, fields=["author", "text"])


@app.route("/posts/<slug:slug>/", methods=["GET", "POST"], template="post.html")
def post(request, slug):
    post = get_object_or_404(Post.live, slug=slug)
    form = CommentForm(request.POST or None, instance=Comment(post=post))
    if form.is_valid():
        form.save()
        messages.success(request, "Thank you for your comment.")
        return redirect(post)
    comments = post.comments.filter(visible=True).order_by("created")
    return {"post": post, "form": form, "comments": comments}, 422 if form.is_bound else 200


@app.get("/api/posts/")
def posts_json(request):
    return Post.live.values("title", "slug", "published")[:20]


class LatestPosts(Feed):
    title, link, description = "The blog", "/", "The latest posts"
    feed_type = Atom1Feed

    def items(self):
        return Post.live.all()[:20]

    def item_description(self, item):
        return item.body

    def item_pubdate(self, item):
        return item.published


app.route("/feed.atom", name="feed")(LatestPosts())


@app.error(404, template="base.html")
def not_found(request, exception):
    return {"title": "There is nothing here"}


@app.context_processor
def years(request):
    return {"years": Post.live.datetimes("published", "year", order="DESC")}


# A command. Run it: python blog.py import_feed FILE
@app.command
def import_feed(file: Path):
    """Load the posts of an Atom or RSS file, except those that were loaded before."""
    import feedparser  # it cleans the HTML and withstands hostile XML

    feed = feedparser.parse(file.read_bytes() if file.is_file() else b"")
    if not feed.get("version"):
        raise CommandError(f"{file} is not a file in Atom or RSS.")
    added = sum(import_entry(entry) for entry in feed.entries)
    return f"{added} posts added, {len(feed.entries) - added} left alone."


def import_entry(entry):
    title = entry.get("title") or "Untitled"
    date = entry.get("published_parsed") or entry.get("updated_parsed")
    body = entry.content[0].value if "content" in entry else entry.get("summary", "")
    post, is_new = Post.objects.get_or_create(
        source=(entry.get("id") or entry.get("link") or title)[:500],
        defaults={
            "title": title[:200],
            "slug": f"{slugify(title)[:48]}-{Post.objects.count() + 1}".strip("-"),
            "body": body,
            "published": datetime(*date[:6], tzinfo=UTC) if date else None,
        },
    )
    for term in [each.term[:50] for each in entry.get("tags", []) if is_new and each.term]:
        if slug := slugify(term):
            post.tags.add(Tag.objects.get_or_create(slug=slug, defaults={"name": term})[0])
    return is_new


# Templates. If there are many, move them to files in the folder `templates`.
app.templates["base.html"] = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{% if title %}{{ title }} · {% endif %}The blog</title>
<link rel="alternate" type="application/atom+xml" href="{% url 'feed' %}">
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
  body { font: 1.1rem/1.6 Charter, Georgia, serif; max-width: 40rem; margin: auto; padding: 1.25rem }
  header, footer, nav { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center }
  header { border-bottom: 1px solid var(--line); padding-bottom: 1rem; justify-content: space-between }
  footer { border-top: 1px solid var(--line); margin-top: 3rem; padding: 1rem 0; font-size: .9em }
  h1, h2 { line-height: 1.2; margin: 1.4em 0 .2em } img, pre { max-width: 100%; overflow: auto }
  a { color: light-dark(#b3261e, #ff9d8f) } header a, h2 a { color: inherit; text-decoration: none }
  input, textarea, button { font: inherit; padding: .35rem .7rem; box-sizing: border-box;
    color: inherit; background: #8881; border: 1px solid var(--line); border-radius: .4rem }
  form p :is(input, textarea) { width: 100%; display: block } textarea { height: 7em }
  .meta { opacity: .7; font-size: .9em; margin: 0 }
  .message { background: #2a22; padding: .5rem 1rem } .errorlist { color: #d33; padding: 0 }
</style>
<header><strong><a href="{% url 'index' %}">The blog</a></strong>
  <form action="{% url 'search' %}"><input type="search" name="q" aria-label="Search"
    placeholder="Search" value="{{ request.GET.q|default:'' }}"></form></header>
<main>{% for message in messages %}<p class="message">{{ message }}</p>{% endfor %}
{% block main %}<h1>{{ title }}</h1>{% endblock %}</main>
<footer>{% for day in years %}<a href="{% url 'archive' day.year %}">{{ day.year }}</a>
{% endfor %}<a href="{% url 'feed' %}">Feed</a> <a href="{% url 'admin:index' %}">Admin</a></footer>
</html>"""

app.templates["meta.html"] = """<p class="meta"><time>{{ post.published|date }}</time>
{% for tag in post.tags.all %}· <a href="{% url 'tag' tag.slug %}">{{ tag }}</a> {% endfor %}</p>"""

app.templates["index.html"] = """{% extends "base.html" %}{% block main %}
{% if title %}<h1>{{ title }}</h1>{% endif %}
{% for post in page %}<article><h2><a href="{{ post.get_absolute_url }}">{{ post }}</a></h2>
  {% include "meta.html" %}{{ post.body|truncatewords_html:40|safe }}</article>{% empty %}<p>No posts yet.</p>{% endfor %}
<nav>{% if page.has_previous %}<a href="{% querystring page=page.previous_page_number %}">← Newer</a>{% endif %}
{% if page.has_next %}<a href="{% querystring page=page.next_page_number %}">Older →</a>{% endif %}</nav>{% endblock %}"""

app.templates["post.html"] = """{% extends "base.html" %}{% block main %}
<article><h1>{{ post }}</h1>{% include "meta.html" %}{{ post.body|safe }}</article>
<section><h2>Comments</h2>
{% for comment in comments %}<p class="meta">{{ comment.author }}, {{ comment.created|date }}</p>
{{ comment.text|linebreaks }}{% empty %}<p>None yet.</p>{% endfor %}
<form method="post">{% csrf_token %}{{ form.as_p }}<button>Send</button></form></section>
{% endblock %}"""


if __name__ == "__main__":
    app.run()
