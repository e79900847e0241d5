"""Answer a list of requests by a WSGI or ASGI application. Runs in the site's folder.

    python replay.py blog:app < requests.json > answers.json

It prints the answers, and then what is in the database and in the folder of uploads, with tokens
and times replaced, so that the output of two sites can be compared.
"""

import asyncio
import contextlib
import importlib
import json
import mimetypes
import re
import sys
from hashlib import sha256
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from form_filling import filled

# What differs from one run to the next.
CHANGING = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "TIME"),
    (r"\b\d{1,2}(:\d\d)? (a\.m\.|p\.m\.)|\bnoon\b|\bmidnight\b", "TIME"),
    (r"(\w{3}, \d\d \w{3} \d{4}|\w{3}, \d\d-\w{3}-\d{4}) \d\d:\d\d:\d\d", "TIME"),
    (r'(csrfmiddlewaretoken" value="|(?i:csrftoken)(?:=|": "))[\w+/=-]+', r"\1TOKEN"),
    (r'(sessionid=|nonce-|nonce=")[\w+/=-]+', r"\1TOKEN"),
    (r"(messages=)[^;]+", r"\1MESSAGES"),
    (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"datetime.datetime\([^()]*\)", "TIME"),
    (r"pbkdf2_sha256\$[^'\"\s]+", "PASSWORD"),
    (r"<strong>(salt|hash)</strong>: <bdi>[^<]+", r"\1"),
    (r"<object object at \w+>| at 0x\w+", "ADDRESS"),
    (r"_[A-Za-z0-9]{7}(?=\.\w+\b)", "_RANDOM"),  # in the name of a file that was there already
    (r'(etag: )"[0-9a-f]{8}-', r"\1TIME-"),
    (r"(/reset/\w+/)[\w-]+", r"\1TOKEN"),
]
# All other headers are compared.
IGNORED = {"date", "server", "expires"}
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "boundary"


def main(name):
    module, _, attribute = name.partition(":")
    requests = json.load(sys.stdin)
    application = getattr(importlib.import_module(module), attribute)
    client = Client(application, is_async="asgi" in sys.argv)
    with contextlib.redirect_stdout(sys.stderr):
        cheap_passwords()
        answers = [client.answer(**request) for request in requests]
        stored = {"database": dump(), "files": uploads()}
    json.dump({"answers": answers, **stored}, sys.stdout)


def cheap_passwords():
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    PBKDF2PasswordHasher.iterations = 10


class Client:
    """Sends requests as browsers do: each has cookies of its own, and is somebody's."""

    def __init__(self, application, *, is_async):
        from django.test import RequestFactory

        self.application, self.factory = application, RequestFactory()
        self.browsers, self.validators, self.forms = {}, {}, 0
        self.call = self.call_asgi if is_async else self.call_wsgi

    def answer(self, path, method="GET", user="", sign_in="", **options):
        self.cookies = self.browsers.setdefault(user, {})
        if sign_in:
            self.sign_in(sign_in)
        status, found, content = self.send(path, method, **options)
        text = content.decode("utf-8", "replace")
        kept = [shown(name.lower(), value, content) for name, value in found]
        if "openapi" in path:  # django-ninja names operations after the module
            text = text.replace("blog_api_", "blog_")
        method = "POST" if "fill" in options else method
        name = " ".join(filter(None, [method, path, user, *map(short, options.items())]))
        return [name, status, sorted(filter(None, kept)), stable(text)]

    def send(self, path, method, headers=(), fill="", again=False, **form):
        """Send a request; `fill` fills in the form of the page, `again` asks whether it is new."""
        if fill:
            page = self.send(path, "GET", headers)[2].decode("utf-8", "replace")
            self.forms += 1
            method, form = "POST", {**filled(page, fill, self.forms), **form}
        kind, body = self.body(method, **form)
        headers = {"Host": "localhost", **dict(headers)}
        headers |= self.validators.get(path, {}) if again else {}
        headers |= {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        status, found, content = self.call(path, method, body, kind if body else "", headers)
        self.remember(path, found)
        return status, found, content

    def remember(self, path, found):
        known = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        self.validators[path] = {known[n.lower()]: v for n, v in found if n.lower() in known}
        for header, value in found:
            if header.lower() == "set-cookie":
                for each in SimpleCookie(value).values():
                    self.cookies[each.key] = each.value

    def sign_in(self, name):
        """Give the browser a session of the user."""
        from django.contrib.auth import get_user_model
        from django.test import Client

        client = Client()
        client.force_login(get_user_model()._default_manager.get_by_natural_key(name))
        self.cookies |= {each.key: each.value for each in client.cookies.values()}

    def body(self, method, data=None, files=None, kind="", csrf=True, more=()):
        if isinstance(data, str):
            return kind or FORM, data.encode("latin-1")
        data = {**(data or {}), **dict(more)}
        if csrf and method not in ("GET", "HEAD"):
            data = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **data}
        if csrf == "wrong":
            data["csrfmiddlewaretoken"] = "x" * 32
        if not files and not kind.startswith("multipart"):
            return kind or FORM, urlencode(data, doseq=True).encode()
        return f"multipart/form-data; boundary={BOUNDARY}", multipart(data, files or {})

    def call_wsgi(self, path, method, body, kind, headers):
        request = self.factory.generic(method, path, body, kind, headers=headers)
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
        headers = {**headers, **({"Content-Type": kind} if body else {})}
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
                (b"content-length", str(len(body)).encode()),
            ],
            "server": ("localhost", 80),
        }
        return asyncio.run(self.exchange(scope, body))

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


def short(option):
    """How the name of a request says what is special about it."""
    return f"{option[0]}={str(option[1])[:80]}"


def shown(name, value, content):
    """A header as it is compared. A length may be another one only because a time is."""
    if name == "content-length":
        value = "right" if int(value) == len(content) else f"{min(int(value), 1)} of {len(content)}"
    return "" if name in IGNORED else stable(f"{name}: {value}")


def multipart(data, files):
    """The body of a form with files, each of which is ``[name, content]``."""
    parts = [
        (f'name="{field}"', str(value).encode())
        for field, values in data.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    for field, (name, content) in files.items():
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        head = f'name="{field}"; filename="{name}"\r\nContent-Type: {kind}'
        parts.append((head, content.encode("latin-1")))
    begin = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    bodies = [f"{begin}{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in parts]
    return b"".join(bodies) + f"--{BOUNDARY}--\r\n".encode()


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


def uploads():
    """The uploaded files: their names, and what is in them."""
    from django.conf import settings

    root = Path(settings.MEDIA_ROOT)
    files = [each for each in root.rglob("*") if each.is_file()] if settings.MEDIA_ROOT else []
    names = [stable(str(each.relative_to(root))) for each in files]
    return sorted(
        f"{name} {sha256(each.read_bytes()).hexdigest()[:12]}"
        for name, each in zip(names, files, strict=True)
    )


if __name__ == "__main__":
    main(sys.argv[1])
