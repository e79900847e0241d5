"""Eject a site, replay the same requests to the file and to the project, and compare."""

import contextlib
import difflib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Site, environment

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PASSWORD = "correct-horse"
USER = f"""
from django.contrib.auth import get_user_model
User = get_user_model()
name = "ada@example.com" if User.USERNAME_FIELD == "email" else "ada"
User.objects.create_superuser(name, password="{PASSWORD}")
print(name)
"""
KEY = "tests" * 10


class Ejected:
    """A site and the project that `eject` writes of it."""

    def __init__(self, folder, label="blog"):
        self.file, self.project = Site(folder / "file"), Site(folder / "project")
        self.label = label
        self.file.folder.mkdir()

    def eject(self, data=""):
        """Make the tables, a user and the data, and write the project beside the file's folder."""
        name = f"{self.label}.py"
        for command in ("makemigrations", "migrate"):
            self.run(self.file, name, command)
        setup = f"import {self.label} as blog\n{USER}{data}"
        self.name = self.run(self.file, "-c", setup).split()[-1]
        self.output = self.run(self.file, name, "eject", "../project")
        for path in self.file.folder.rglob("*.sqlite3*"):
            target = self.project.folder / path.relative_to(self.file.folder)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
        if (self.file.folder / "media").exists():
            shutil.copytree(self.file.folder / "media", self.project.folder / "media")
        return self

    def run(self, site, *args):
        done = site.fork(*args, DJANGO_SECRET_KEY=KEY)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def manage(self, *args):
        return self.run(self.project, "manage.py", *args)

    def read(self, name):
        return (self.project.folder / self.label / name).read_text()

    def urls(self):
        """Every URL of the site's routes, with values for its placeholders."""
        rows = json.loads(self.run(self.file, f"{self.label}.py", "routes", "--json"))
        urls = [
            row["url"] for row in rows if not re.search(r"[\^$\\]|^/admin/|^/media/", row["url"])
        ]
        values = {"int": "1", "slug": "hello", "str": "Ada", "path": "a/b", "float": "1.5"}
        values |= {"uuid": "6f1c0ca9-9a3c-4b0e-8a3c-1f0c0ca99a3c", "string": "Ada"}

        def value(found):
            kind = found[1] or "str"
            return kind[4:-1].split(",")[0] if kind.startswith("any(") else values[kind]

        return list(dict.fromkeys(re.sub(r"<(?:([^<>:]+):)?\w+>", value, each) for each in urls))

    def requests(self, *extra):
        """Requests for every URL by every method, and for the admin's pages."""
        urls = self.urls()
        some = [{"path": url, "method": method} for url in urls for method in METHODS]
        some += [{"path": url, "method": "POST", "csrf": False} for url in urls]
        some += [{"path": f"{url}?page=2&q=x"} for url in urls]
        some += [
            {"path": url.rstrip("/"), "method": m}
            for url in urls
            if url != "/"
            for m in ("GET", "POST")
        ]
        some += [{"path": f"{url}nowhere/", "method": m} for url in urls for m in ("GET", "POST")]
        some += [{"path": p} for p in ("/nowhere/", "/nowhere", "/static/admin/css/base.css")]
        some += [{"path": p} for p in ("/static/none.css", "/media/none.txt", "/favicon.ico")]
        name = self.name
        login = {"username": name, "password": PASSWORD, "next": "/admin/"}
        sign_in = [
            {"path": "/admin/"},
            {"path": "/admin/login/"},
            {"path": "/admin/login/", "method": "POST", "data": {**login, "password": "wrong"}},
            {"path": "/admin/login/", "method": "POST", "data": login, "csrf": False},
            {"path": "/admin/login/", "method": "POST", "data": login},
        ]
        return [*some, *sign_in, *self.admin_pages(), *some, *extra]

    def admin_pages(self):
        models = self.run(
            self.file,
            "-c",
            f"import {self.label}\nfrom django.contrib import admin\n"
            "print(*[m._meta.label_lower.replace('.', '/') for m in admin.site._registry])",
        ).split()
        for model in models:
            for page in ("", "?q=a", "?o=1", "add/", "1/change/", "1/history/", "1/delete/"):
                yield {"path": f"/admin/{model}/{page}"}
            yield {"path": f"/admin/{model}/add/", "method": "POST", "data": {"name": "x"}}
            yield {"path": f"/admin/{model}/1/delete/", "method": "POST", "data": {"post": "yes"}}
        yield from ({"path": f"/admin/{each}"} for each in ("", "password_change/", "jsi18n/"))

    def replay(self, requests, *, is_async=False):
        """The answers of the file and of the project."""
        options = ["asgi"] if is_async else []
        kind = "asgi" if is_async else "wsgi"
        places = [
            (self.file, f"{self.label}:app"),
            (self.project, f"{self.label}.{kind}:application"),
        ]
        with contextlib.ExitStack() as stack:
            running = [
                stack.enter_context(self.start(site, name, *options)) for site, name in places
            ]
            for process in running:
                process.stdin.write(json.dumps(requests).encode())
                process.stdin.close()
            output = [process.stdout.read() for process in running]
            errors = [process.stderr.read_text() for process in running]
        return [json.loads(each) if each else errors for each in output]

    @contextlib.contextmanager
    def start(self, site, name, *options):
        log = site.folder.parent / f"{site.folder.name}.log"
        command = [sys.executable, ROOT / "tests/replay.py", name, *options]
        variables = {"DJANGO_SECRET_KEY": KEY, "PYTHONPATH": str(site.folder)}
        with log.open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=site.folder,
                env=environment(**variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            process.stderr = log
            yield process
            process.stdout.close()
            process.wait()


def assert_same(ejected, requests, **options):
    """Fail with the differences between the answers of the file and of the project."""
    before, after = ejected.replay(requests, **options)
    if text := differences(before, after):
        pytest.fail(text, pytrace=False)


def differences(before, after):
    """Where two replays differ, but for the differences that docs/leaving.md names."""
    pairs = [*zip(before["answers"], after["answers"], strict=True)]
    tables = before["database"].keys() | after["database"].keys()
    pairs += [
        [[t, str(each["database"].get(t)), [], ""] for each in (before, after)] for t in tables
    ]
    texts = dict.fromkeys(difference(*pair) for pair in pairs)
    return "\n".join(filter(None, texts))[:4000]


def difference(before, after):
    first, second = map(lines_of, (before, after))
    lines = difflib.unified_diff(first, second, n=0, lineterm="")
    shown = [each[:300] for each in lines if not each.startswith(("---", "+++", "@@"))]
    return "\n".join([before[0], *shown[:12]]) if shown else ""


def lines_of(answer):
    """An answer as lines, without what is known to differ."""
    request, status, headers, body = answer
    headers = [sorted_allow(each) for each in headers]
    if request.startswith("OPTIONS ") and status in (200, 405):
        status, headers = "OPTIONS", [each for each in headers if each.startswith("allow")]
    if status == 204:
        headers = [each for each in headers if not each.startswith("content-")]
    return [f"{request}: {status}", *headers, *body.splitlines()]


def sorted_allow(header):
    name, _, value = header.partition(": ")
    methods = sorted({*value.split(", ")} - {"OPTIONS"})
    return f"allow: {', '.join(methods)}" if name == "allow" else header


def ruff(ejected):
    """What ruff finds in the project by its default rules, and not in the file.

    Django's options are lists, which RUF012 objects to, also in migrations.
    """
    command = [str(Path(sys.executable).parent / "ruff"), "check", "--isolated", "--ignore=RUF012"]
    command.append("--output-format=concise")
    folders = [site.folder for site in (ejected.file, ejected.project)]
    done = [subprocess.run(command, cwd=each, capture_output=True, text=True) for each in folders]
    outputs = [each.stdout for each in done]
    known, found = (re.findall(r"^[^ ]+:\d+:\d+: (\w+)", text, re.MULTILINE) for text in outputs)
    is_new = {*found} - ({*known} - {"I001", "E402", "F401"})
    return outputs[1] if is_new else ""
