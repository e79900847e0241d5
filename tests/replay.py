"""Answer a list of requests by a WSGI or ASGI application. Runs in the site's folder.

    python replay.py blog:app < requests.json > answers.json

It prints the answers and what is in the database then, with tokens and times replaced, so that the
output of two sites can be compared.
"""

import asyncio
import contextlib
import importlib
import json
import re
import sys
from http.cookies import SimpleCookie
from urllib.parse import urlencode

# What differs from one run to the next.
CHANGING = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "TIME"),
    (r"\b\d{1,2}(:\d\d)? (a\.m\.|p\.m\.)|\bnoon\b|\bmidnight\b", "TIME"),
    (r"(\w{3}, \d\d \w{3} \d{4}|\w{3}, \d\d-\w{3}-\d{4}) \d\d:\d\d:\d\d", "TIME"),
    (r'(csrfmiddlewaretoken" value="|csrftoken=|sessionid=|nonce-|nonce=")[\w+/=-]+', r"\1TOKEN"),
    (r"(messages=)[^;]+", r"\1MESSAGES"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"datetime.datetime\([^()]*\)", "TIME"),
    (r"pbkdf2_sha256\$[^'\"\s]+", "PASSWORD"),
    (r"<object object at \w+>| at 0x\w+", "ADDRESS"),
]
HEADERS = {
    *("content-type", "content-length", "location", "allow", "vary", "set-cookie", "cache-control"),
    *(
        "x-frame-options",
        "content-disposition",
        "content-language",
        "referrer-policy",
        "x-a",
        "x-b",
    ),
    *(
        "cross-origin-opener-policy",
        "x-content-type-options",
        "content-encoding",
        "www-authenticate",
    ),
    *("content-security-policy", "hx-trigger", "strict-transport-security", "accept-ranges"),
}


def main(name):
    module, _, attribute = name.partition(":")
    requests = json.load(sys.stdin)
    application = getattr(importlib.import_module(module), attribute)
    client = Client(application, is_async="asgi" in sys.argv)
    with contextlib.redirect_stdout(sys.stderr):
        answers = [client.answer(**request) for request in requests]
        database = dump()
    json.dump({"answers": answers, "database": database}, sys.stdout)


class Client:
    def __init__(self, application, *, is_async):
        from django.test import AsyncRequestFactory, RequestFactory

        self.application, self.cookies = application, {}
        self.factory = AsyncRequestFactory() if is_async else RequestFactory()
        self.call = self.call_asgi if is_async else self.call_wsgi

    def answer(self, path, method="GET", data=None, csrf=True, kind=None, headers=(), forget=False):
        if forget:
            self.cookies.clear()
        body = self.body(data, kind, csrf and method not in ("GET", "HEAD"))
        status, found, content = self.call(path, method, body, kind, dict(headers))
        for header, value in found:
            if header.lower() == "set-cookie":
                for each in SimpleCookie(value).values():
                    self.cookies[each.key] = each.value
        kept = sorted(f"{h.lower()}: {v}" for h, v in found if h.lower() in HEADERS)
        text = content.decode("utf-8", "replace")
        if "openapi" in path:  # django-ninja names operations after the module
            text = text.replace("blog_api_", "blog_")
            kept = [each for each in kept if not each.startswith("content-length")]
        return [f"{method} {path}", status, [*map(stable, kept)], stable(text)]

    def body(self, data, kind, with_token):
        if isinstance(data, str):
            return data
        token = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")} if with_token else {}
        return urlencode({**token, **(data or {})}, doseq=True) if data or token else ""

    def with_cookies(self, headers):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Host": "localhost", "Cookie": cookies, **headers}

    def call_wsgi(self, path, method, body, kind, headers):
        kind = kind or "application/x-www-form-urlencoded"
        request = self.factory.generic(
            method, path, body, kind if body else "", headers=self.with_cookies(headers)
        )
        request.environ["SERVER_NAME"] = "localhost"
        request.environ["wsgi.errors"] = sys.stderr
        answer = []
        result = self.application(request.environ, lambda *args: answer.append(args[:2]))
        try:
            content = b"".join(result)
        finally:
            getattr(result, "close", lambda: None)()
        status, found = answer[-1]
        return int(status[:3]), found, content

    def call_asgi(self, path, method, body, kind, headers):
        kind = kind or "application/x-www-form-urlencoded"
        headers = {**self.with_cookies(headers), **({"Content-Type": kind} if body else {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [
                *[(k.lower().encode(), str(v).encode()) for k, v in headers.items()],
                (b"content-length", str(len(body.encode())).encode()),
            ],
            "server": ("localhost", 80),
        }
        return asyncio.run(self.exchange(scope, body.encode()))

    async def exchange(self, scope, body):
        sent, waiting = [], asyncio.Event()
        received = [{"type": "http.request", "body": body}]

        async def receive():
            if received:
                return received.pop()
            return await waiting.wait()

        async def send(message):
            sent.append(message)

        await self.application(scope, receive, send)
        found = [(k.decode(), v.decode()) for k, v in sent[0]["headers"]]
        return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:])


def stable(text):
    for pattern, replacement in CHANGING:
        text = re.sub(pattern, replacement, text)
    return text


def dump():
    """The rows of all tables. Of sessions only the number: their keys and data are random."""
    from django.db import connection

    tables = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = [stable(repr(row)) for row in cursor.fetchall()]
            tables[table] = len(rows) if table == "django_session" else sorted(rows)
    return tables


if __name__ == "__main__":
    main(sys.argv[1])
