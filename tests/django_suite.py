"""Run Django's own tests twice, plainly and in a site that djng configures, and compare.

``python tests/django_suite.py [PACKAGE...]`` takes the names of folders in Django's ``tests/``, by
default all of them, which takes an hour or two. pip fetches the source of the Django that is
installed. The script prints a line for each package, and ends with 1 if any result differs that is
not listed in KNOWN. pytest does not run it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import django

# These packages need another database, or hold no tests.
LEFT_OUT = {"gis_tests", "import_error_package", "test_runner_apps"}
# These tests only assert what the default settings are, or how Django's `runserver` works.
KNOWN = {
    "test_incorrect_timezone (settings_tests": "djng sets TIME_ZONE",
    "test_override (settings_tests": "djng sets ALLOWED_HOSTS",
    "test_params_to_runserver (admin_scripts": "djng's runserver has the option --no-migrate",
    "test_skip_checks (admin_scripts": "djng's runserver does not say that it performs checks",
}
SITE = '''
"""A site with the settings of Django's own test runner, as far as they are not djng's."""

import os
import warnings
from copy import deepcopy

from django.conf import global_settings
from django.utils import deprecation
from django.utils.log import DEFAULT_LOGGING
from djng import Djng

NEXT = (deprecation.RemovedInNextVersionWarning, deprecation.RemovedAfterNextVersionWarning)
for category in (*NEXT, ResourceWarning, RuntimeWarning):
    warnings.simplefilter("error", category)
HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["RUNTESTS_DIR"] = HERE
PACKAGE = os.environ["PACKAGE"]
ALSO = {
    "deprecation": ["django.contrib.flatpages", "django.contrib.redirects"],
    "flatpages_tests": ["django.contrib.flatpages"],
    "redirects_tests": ["django.contrib.redirects"],
}
# The tests expect Django's own defaults for these, and SimpleAdminConfig below.
DEFAULTS = """TIME_ZONE DEFAULT_AUTO_FIELD AUTH_PASSWORD_VALIDATORS MEDIA_URL MEDIA_ROOT STORAGES
    LOGIN_REDIRECT_URL ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS STATICFILES_DIRS CSRF_FAILURE_VIEW
    DEFAULT_EXCEPTION_REPORTER LOCALE_PATHS""".split()
LOGGING = deepcopy(DEFAULT_LOGGING)
LOGGING["loggers"]["django"]["level"] = "ERROR"
CONTRIB = "contenttypes auth sites sessions messages admin.apps.SimpleAdminConfig staticfiles"
PROCESSORS = ("django.template", "django.contrib.auth", "django.contrib.messages")
NAMES = ("request", "auth", "messages")
TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [os.path.join(HERE, "templates")],
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            f"{module}.context_processors.{name}" for module, name in zip(PROCESSORS, NAMES)
        ]
    },
}
MIDDLEWARE = """django.contrib.sessions.middleware.SessionMiddleware
    django.middleware.common.CommonMiddleware
    django.middleware.csrf.CsrfViewMiddleware
    django.contrib.auth.middleware.AuthenticationMiddleware
    django.contrib.messages.middleware.MessageMiddleware"""

app = Djng(
    admin=None,
    DATABASES={name: {"ENGINE": "django.db.backends.sqlite3"} for name in ("default", "other")},
    SECRET_KEY="django_tests_secret_key",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    USE_TZ=False,
    SITE_ID=1,
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "sessions": None},
    SILENCED_SYSTEM_CHECKS=["fields.W342", "postgres.E005"],
    INSTALLED_APPS=[
        *(f"django.contrib.{name}" for name in CONTRIB.split()), *ALSO.get(PACKAGE, []), PACKAGE
    ],
    ROOT_URLCONF="urls",
    STATIC_URL="static/",
    STATIC_ROOT=os.path.join(os.environ["TMPDIR"], "static"),
    TEMPLATES=[TEMPLATES],
    LANGUAGE_CODE="en",
    LOGGING=LOGGING,
    MIDDLEWARE=MIDDLEWARE.split(),
    **{name: deepcopy(getattr(global_settings, name)) for name in DEFAULTS},
)

from django.test import TestCase, TransactionTestCase
from django.utils.functional import classproperty


def no_available_apps(cls):
    raise Exception("Please define available_apps in TransactionTestCase and its subclasses.")


TransactionTestCase.available_apps = classproperty(no_available_apps)
TestCase.available_apps = None
os.environ["RUNNING_DJANGOS_TEST_SUITE"] = "true"

if __name__ == "__main__":
    app.run()
'''
PLAIN = ("runtests.py", "--settings=test_sqlite", "--parallel=1", "--noinput")
DJNG = ("djng_site.py", "test", "--noinput")


class Result(NamedTuple):
    """How many tests ran, as Django says it, and the names of those that failed."""

    ran: str
    failed: frozenset[str]


def fetch_source(folder: Path) -> Path:
    """Unpack the source of the installed Django, and return the folder of its tests."""
    version = django.get_version()
    options = ("--quiet", "--no-deps", "--no-binary=:all:", f"--dest={folder}")
    command = [sys.executable, "-m", "pip", "download", *options, f"django=={version}"]
    subprocess.run(command, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("django-*/tests"))


def run(folder: Path, command: tuple[str, ...], package: str) -> Result:
    with tempfile.TemporaryDirectory() as temporary:
        done = subprocess.run(
            [sys.executable, *command, package],
            cwd=folder,
            env={**os.environ, "TMPDIR": temporary, "PACKAGE": package},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=600,
        )
    ran = re.search(r"^Ran (\d+) test", done.stdout, re.MULTILINE)
    failed = re.findall(r"^(?:ERROR|FAIL|UNEXPECTED SUCCESS): (.*)$", done.stdout, re.MULTILINE)
    return Result(ran[1] if ran else "no", frozenset(failed))


def compare(plain: Result, djng: Result) -> tuple[str, bool]:
    """What the two results have in common, and whether they are the same but for KNOWN."""
    if plain == djng:
        return f"{plain.ran} tests, the same", True
    different = sorted(plain.failed ^ djng.failed)
    unknown = [name for name in different if not name.startswith(tuple(KNOWN))]
    if plain.ran == djng.ran and not unknown:
        return f"{plain.ran} tests, the same but for {len(different)} that are known", True
    return f"{plain.ran} tests, through djng {djng.ran}; DIFFERENT: {different}", False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE")
    wanted = parser.parse_args().packages
    same = True
    with tempfile.TemporaryDirectory() as name:
        plain = fetch_source(Path(name))
        djng = shutil.copytree(plain, plain.with_name("djng"))  # some read files beside it
        (djng / "djng_site.py").write_text(SITE)
        folders = {file.parent.name for file in plain.glob("*/__init__.py")} - LEFT_OUT
        for package in wanted or sorted(folders):
            results = run(plain, PLAIN, package), run(djng, DJNG, package)
            text, is_same = compare(*results)
            same = same and is_same
            print(f"{package}: {text}", flush=True)
    sys.exit(not same)


if __name__ == "__main__":
    main()
