"""What to write instead of Flask's words. Runs when an error names one of them."""

import re
from html import unescape
from typing import Any

REQUEST = {
    "args": 'request.GET["q"]',
    "authorization": 'request.headers["Authorization"]',
    "base_url": "request.build_absolute_uri(request.path)",
    "cookies": 'request.COOKIES["name"]',
    "data": "request.body",
    "endpoint": "request.resolver_match.view_name",
    "files": 'request.FILES["file"]',
    "form": 'request.POST["text"]',
    "get_json": "json.loads(request.body)",
    "is_json": 'request.content_type == "application/json"',
    "json": "json.loads(request.body)",
    "query_string": 'request.META["QUERY_STRING"]',
    "referrer": 'request.headers.get("Referer")',
    "remote_addr": 'request.META["REMOTE_ADDR"]',
    "url": "request.build_absolute_uri()",
    "values": 'request.GET["q"], or request.POST["text"]',
    "view_args": "request.resolver_match.kwargs",
}
APP = {
    "add_url_rule": 'app.route("/about/")(about)',
    "app_context": "the code alone: models work without a context",
    "before_first_request": "an AppConfig with a ready(), in blog/apps.py",
    "cli": "@app.command",
    "config": "Djng(PAGE_SIZE=20), and read settings.PAGE_SIZE",
    "debug": "Djng(DEBUG=...); python blog.py turns it on by itself",
    "errorhandler": "@app.error(404)",
    "extensions": "Djng(apps=[...])",
    "instance_path": "app.data",
    "jinja_env": "app.library, with @app.library.filter and @app.library.simple_tag",
    "logger": "logging.getLogger(__name__)",
    "permanent_session_lifetime": "Djng(SESSION_COOKIE_AGE=60 * 60)",
    "register_blueprint": 'app.include("/shop/", router)',
    "register_error_handler": "@app.error(404)",
    "root_path": "settings.BASE_DIR, from django.conf",
    "secret_key": "Djng(SECRET_KEY=...); without it, djng makes a key and keeps it",
    "shell_context_processor": "python blog.py shell, which knows the names of the file",
    "static_folder": "files in static/, or Djng(STATICFILES_DIRS=[Path(__file__).parent / ...])",
    "static_url_path": 'Djng(STATIC_URL="...")',
    "teardown_appcontext": "@app.after_request",
    "teardown_request": "@app.after_request",
    "template_filter": "@app.library.filter",
    "template_folder": "files in templates/, or Djng(TEMPLATES=lambda default: ...)",
    "template_global": "@app.library.simple_tag",
    "test_client": "Client(), from django.test",
    "test_cli_runner": "call_command(), from django.core.management",
    "test_request_context": "RequestFactory(), from django.test",
    "testing": "python blog.py test, in the terminal",
    "url_map": "python blog.py routes, in the terminal",
    "wsgi_app": "@app.middleware, or Djng(https=True) behind a proxy that serves HTTPS",
}
ARGUMENTS = {
    "defaults": "a default in the view: def index(request, page=1)",
    "endpoint": 'name="..."',
    "strict_slashes": 'a rule that ends with a slash: "/about/"',
    "url_prefix": 'app.include("/shop/", router)',
    "view_func": 'app.route("/about/")(about)',
}
MODEL = {
    "query": "Post.objects, as in Post.objects.all() and Post.objects.filter(title=...)",
}
NAMES = {
    "APIRouter": "Router()",
    "Blueprint": "Router()",
    "FastAPI": "Djng()",
    "Flask": "Djng()",
    "HTTPException": "raise Http404, or return a body with its status: return {}, 403",
    "abort": "raise Http404, or return a body with its status: return 'No.', 403",
    "current_app": "settings, from django.conf",
    "current_user": "request.user",
    "db": "post.save(), post.delete(), or Post.objects",
    "flash": 'messages.success(request, "Saved."), from django.contrib',
    "g": "an attribute of the request: request.started = 1",
    "jsonify": "return the dict or list itself",
    "login_required": "from django.contrib.auth.decorators import login_required",
    "make_response": "HttpResponse(...), from django.http",
    "redirect": "from django.shortcuts import redirect",
    "render_template": 'return a dict, with template="page.html" in the route',
    "render_template_string": 'app.templates["page.html"] = "...", and template="page.html"',
    "request": "def index(request), the first parameter of the view",
    "send_file": 'FileResponse(open("file.pdf", "rb")), from django.http',
    "session": 'request.session["seen"]',
    "url_for": 'reverse("post", args=[1]), from django.urls',
}
# In templates. Django renders a name that it does not know as nothing.
VARIABLES = {
    "config": "a variable that a function below @app.context_processor returns",
    "csrf_token": "{% csrf_token %}",
    "current_user": "{{ user }}",
    "g": "an attribute of the request: {{ request.started }}",
    "get_flashed_messages": "{% for message in messages %}",
    "hidden_tag": "{% csrf_token %}",
    "loop": "forloop.counter, forloop.first or forloop.last",
    "range": '{% for i in numbers %}; the view returns {"numbers": range(10)}',
    "session": "{{ request.session.seen }}",
    "super": "{{ block.super }}",
    "url_for": '{% url "post" pk=1 %}, or {% static "site.css" %}',
}
FILTERS = {
    "capitalize": "{{ text|capfirst }}",
    "d": '{{ text|default:"none" }}',
    "e": "{{ text }}, which Django escapes by itself",
    "round": "{{ number|floatformat:2 }}",
    "sort": '{{ posts|dictsort:"title" }}',
    "tojson": '{{ data|json_script:"data" }}',
}
TAGS = {
    "elseif": "{% elif ... %}",
    "call": '{% include "row.html" with post=post %}',
    "from": '{% include "row.html" with post=post %}',
    "import": '{% include "row.html" with post=post %}',
    "macro": '{% include "row.html" with post=post %}',
    "raw": "{% verbatim %}...{% endverbatim %}",
    "set": "{% with total=1 %}...{% endwith %}",
}
HOOKS = "command|before_request|after_request|middleware|context_processor"
ERRORS = (
    (r"'(?:WSGI|ASGI)Request' object has no attribute '(\w+)'", REQUEST),
    (r"'(?:Djng|Router)' object has no attribute '(\w+)'", APP),
    (r"^type object '\w+' has no attribute '(\w+)'", MODEL),
    (r"cannot import name '(\w+)' from 'djng'", NAMES),
    (r"^name '(\w+)' is not defined", NAMES),
    (r"(?:Djng|Router)\.\w+\(\) got an unexpected keyword argument '(\w+)'", ARGUMENTS),
    (r"Invalid filter: '(\w+)'", FILTERS),
    (r"Invalid block tag on line \d+: '(\w+)'", TAGS),
)
SENTENCES = (
    (  # with `celery -A blog`
        r"'Djng' object has no attribute 'user_options'",
        "Celery takes app, the Djng object. Name the Celery object: celery -A blog.celery worker",
    ),
    (r"Djng\.__init__\(\) takes 1 positional argument", "Write `app = Djng()`: it knows its file."),
    (
        r"(?:Djng|Router)\.\w+\(\) missing 1 .* '(?:self|rule)'",
        'Write `app = Djng()`, and `@app.route("/...")`.',
    ),
    (r"Router\.__init__\(\) takes 1 positional argument", 'Write `Router(app_name="shop")`.'),
    (rf"\.({HOOKS})\(\) missing 1 required positional", r"Write @app.\1, without parentheses."),
    (r"remainder: '\[\W?(\w+)\W?\]' from '([\w.]+)\[", r"Write {{ \2.\1 }}, without brackets."),
    (r"remainder: '\(\)' from '([\w.]+)\(", r"Write {{ \1 }}, without parentheses."),
    (r"remainder: '([=!<>]=?)", r"Write spaces around \1"),
    (r"remainder: ',' from", "Separate the arguments by spaces, without commas."),
    (r"remainder: '[\u2018\u2019\u201c\u201d]", "Write straight quotes."),
    (
        r"remainder: '\(.* from '([\w.]+)\(",
        r"Templates pass no arguments to \1: call it in the view, or write an @app.library.filter.",
    ),
)


def suggest(error: BaseException) -> str:
    """What to write instead, or an empty string if the error has nothing to do with Flask."""
    text = str(error)
    for pattern, words in ERRORS:
        if (found := re.search(pattern, text)) and found[1] in words:
            return f"Write instead: {words[found[1]]}"
    for pattern, sentence in SENTENCES:
        if found := re.search(pattern, text):
            return found.expand(sentence)
    return ""


def suggest_in_template(error: Any) -> str:
    """What to write instead in a template. Django's message may lack the tag that has the word."""
    tag = unescape(getattr(error, "template_debug", {}).get("during", ""))
    if called := re.search(rf"\b({'|'.join(VARIABLES)})\(", f"{tag} {error}"):
        return f"Write instead: {VARIABLES[called[1]]}"
    if hint := suggest(error):
        return hint
    found = re.search(r"(\|\w+)(?:\(([^)]+)\)|: *(\S+))", tag)
    return f"Write {found[1]}:{found[2] or found[3]}, with a colon and no spaces." if found else ""
