"""What to write instead of Flask's words. Runs when an error names one of them."""

import re

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
    "cli": "@app.command",
    "config": "Djng(PAGE_SIZE=20), and read settings.PAGE_SIZE",
    "errorhandler": "@app.error(404)",
    "logger": "logging.getLogger(__name__)",
    "register_blueprint": 'app.include("/shop/", router)',
    "register_error_handler": "@app.error(404)",
    "teardown_request": "@app.after_request",
    "template_filter": "@app.library.filter",
    "template_global": "@app.library.simple_tag",
    "test_client": "Client(), from django.test",
    "test_cli_runner": "call_command(), from django.core.management",
    "url_map": "python blog.py routes, in the terminal",
}
NAMES = {
    "Blueprint": "Router()",
    "Flask": "Djng()",
    "abort": "raise Http404, or return a body with its status: return 'No.', 403",
    "current_app": "settings, from django.conf",
    "flash": 'messages.success(request, "Saved."), from django.contrib',
    "g": "an attribute of the request: request.started = 1",
    "jsonify": "return the dict or list itself",
    "make_response": "HttpResponse(...), from django.http",
    "redirect": "from django.shortcuts import redirect",
    "render_template": 'return a dict, with template="page.html" in the route',
    "render_template_string": 'app.templates["page.html"] = "...", and template="page.html"',
    "request": "def index(request), the first parameter of the view",
    "send_file": 'FileResponse(open("file.pdf", "rb")), from django.http',
    "session": 'request.session["seen"]',
    "url_for": 'reverse("post", args=[1]), from django.urls',
}
WITHOUT_PARENTHESES = "command|before_request|after_request|middleware|context_processor"
ERRORS = (
    (r"'(?:WSGI|ASGI)Request' object has no attribute '(\w+)'", REQUEST),
    (r"'(?:Djng|Router)' object has no attribute '(\w+)'", APP),
    (r"cannot import name '(\w+)' from 'djng'", NAMES),
    (r"^name '(\w+)' is not defined", NAMES),
)


def suggest(error: BaseException) -> str:
    """What to write instead, or an empty string if the error has nothing to do with Flask."""
    text = str(error)
    for pattern, words in ERRORS:
        if (found := re.search(pattern, text)) and found[1] in words:
            return f"Write instead: {words[found[1]]}"
    if re.search(r"Djng\.__init__\(\) takes 1 positional argument", text):
        return "Write `app = Djng()`: it knows its file."
    bare = re.search(rf"\.({WITHOUT_PARENTHESES})\(\) missing 1 required positional", text)
    return f"Write @app.{bare[1]}, without parentheses." if bare else ""
