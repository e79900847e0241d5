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
from eject_requests import PASSWORD, requests_for

# Ada may do everything. Bob and Cleo may do nothing, but Cleo is of the staff, as is Dora, who may
# look at everything.
USERS = """
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Permission
PBKDF2PasswordHasher.iterations = 10
User, password = get_user_model(), PASSWORD
end = "@example.com" if User.USERNAME_FIELD == "email" else ""
User.objects.create_superuser(f"ada{end}", password=password)
User.objects.create_user(f"bob{end}", password=password)
User.objects.create_user(f"cleo{end}", password=password, is_staff=True)
dora = User.objects.create_user(f"dora{end}", password=password, is_staff=True)
dora.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
""".replace("PASSWORD", repr(PASSWORD))
# What there is in the admin, as JSON.
ADMIN = """
import json
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import ForeignKey, ManyToManyField
from django.test import RequestFactory
from django.urls import reverse

request, path = RequestFactory().get("/"), reverse("admin:index")
request.user = get_user_model().objects.get(pk=1)
models, fields = [], []
for model, options in admin.site._registry.items():
    names = [each for each in options.list_filter if isinstance(each, str)]
    models.append({
        "admin": path,
        "path": model._meta.label_lower.replace(".", "/"),
        "filters": [f"{name}{end}" for name in names for end in ("__exact=1", "__isnull=True")],
        "actions": list(options.get_actions(request)),
        "is_user": model is get_user_model(),
    })
    for field in model._meta.get_fields():
        if isinstance(field, (ForeignKey, ManyToManyField)):
            place = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}"
            fields.append(f"{place}&field_name={field.name}&term=a")
apps = list(dict.fromkeys(each["path"].partition("/")[0] for each in models))
print(json.dumps({"path": path, "models": models, "autocomplete": fields, "apps": apps}))
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
        names = "print(*User.objects.order_by('pk').values_list(User.USERNAME_FIELD, flat=True))\n"
        setup = f"import {self.label} as blog\n{USERS}{names}{data}"
        self.names = self.run(self.file, "-c", setup).split()
        self.output = self.run(self.file, name, "eject", "../project")
        for path in self.file.folder.rglob("*.sqlite3*"):
            target = self.project.folder / path.relative_to(self.file.folder)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
        for name in ("media", "data/media"):
            if (self.file.folder / name).exists():
                shutil.copytree(self.file.folder / name, self.project.folder / name)
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
        foreign = r"[\^$\\]|^/(admin|control|media)/"
        urls = [row["url"] for row in rows if not re.search(foreign, row["url"])]
        values = {"int": "1", "slug": "hello", "str": "Ada", "path": "a/b", "float": "1.5"}
        values |= {"uuid": "6f1c0ca9-9a3c-4b0e-8a3c-1f0c0ca99a3c", "string": "Ada"}
        values |= {"drf_format_suffix": ".json"}

        def value(found):
            kind = found[1] or "str"
            return kind[4:-1].split(",")[0] if kind.startswith("any(") else values[kind]

        return list(dict.fromkeys(re.sub(r"<(?:([^<>:]+):)?\w+>", value, each) for each in urls))

    def requests(self):
        """Requests for every URL and for the admin, and those that the site has of its own."""
        code = f"import {self.label} as blog\n{ADMIN}"
        admin = json.loads(self.run(self.file, "-c", code).splitlines()[-1])
        return [*requests_for(self.urls(), admin, self.names, self.extra)]

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


def manage(site, *args):
    """What a command of the project prints that the site has been ejected to."""
    command = [sys.executable, "-W", "error", "manage.py", *args]
    folder, variables = site.folder / "project", environment()
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    return done.stdout + done.stderr


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
    pairs += [[["uploads", 0, each["files"], ""] for each in (before, after)]]
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
    if status in (405, 416):  # those of WhiteNoise
        headers = [each for each in headers if each != "content-type: application/octet-stream"]
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


MYPY = """
[mypy]
plugins = mypy_django_plugin.main
check_untyped_defs = true
ignore_missing_imports = true
[mypy.plugins.django-stubs]
django_settings_module = "{}.settings"
"""


def mypy(ejected, cache):
    """What mypy finds in the project, and not in the file. The cache is a folder that it fills."""
    new = errors(ejected.project, ejected.label, ejected.label, cache)
    if new:
        new -= errors(ejected.file, f"{ejected.label}.py", ejected.label, cache)
    return sorted(new)


def errors(site, target, label, cache):
    """The messages of mypy, without the places, in a copy of the cache: it knows other sites."""
    config, own = site.folder.parent / "mypy.ini", site.folder.parent / "mypy"
    config.write_text(MYPY.format(label))
    shutil.rmtree(own, ignore_errors=True)
    if any(cache.iterdir()):
        shutil.copytree(cache, own)
    command = [Path(sys.executable).parent / "mypy", "--config-file", config, target]
    command += ["--cache-dir", own if own.exists() else cache]
    variables = environment(DJANGO_SECRET_KEY=KEY, PYTHONPATH=str(site.folder))
    done = subprocess.run(command, cwd=site.folder, env=variables, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {*re.findall(r"^[^:]+:\d+: error: (.*)", done.stdout, re.MULTILINE)}
