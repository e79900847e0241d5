"""The same hello-world in djng, hand-written Django and Flask, for the scripts beside this one."""

import contextlib
import http.client
import importlib.util
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

DJNG = """
from djng import Djng

app = Djng(SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"]{more})


@app.route("/")
def index(request):
    return "hello"
"""

SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "benchmark"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "hand_urls"
INSTALLED_APPS = [
    "hand_app",
    "whitenoise.runserver_nostatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
"""
URLS = """
from django.contrib import admin
from django.urls import path
from hand_app.views import index

urlpatterns = [path("admin/", admin.site.urls), path("", index, name="index")]
"""
VIEWS = """
from django.http import HttpResponse


def index(request):
    return HttpResponse("hello")
"""
WSGI = """
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hand_settings")
app = get_wsgi_application()
"""

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hand_settings")
execute_from_command_line(sys.argv)
"""
DEBUG = """
import sys

DEBUG = "runserver" in sys.argv
"""
MAIN = """

if __name__ == "__main__":
    app.run()
"""
FLASK = """
from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "hello"
"""
# What runs a development server on a port, and the file that has the view.
DEVELOPMENT = {
    "djng": (["one.py", "runserver", "PORT"], "one.py"),
    "by hand": (["manage.py", "runserver", "PORT"], "hand_app/views.py"),
    "Flask": (["-m", "flask", "--app", "two", "run", "--debug", "--port", "PORT"], "two.py"),
}
if not importlib.util.find_spec("flask"):
    del DEVELOPMENT["Flask"]


def write(folder, *, bare=False):
    """Write both into the folder, as the modules `one` and `hand`; bare is without middleware."""
    folder = Path(folder)
    files = {
        "one.py": DJNG.format(more=", MIDDLEWARE=[]" if bare else ""),
        "hand.py": WSGI,
        "hand_settings.py": SETTINGS + ("MIDDLEWARE = []\n" if bare else ""),
        "hand_urls.py": URLS,
        "hand_app/__init__.py": "",
        "hand_app/views.py": VIEWS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def environment():
    """The environment, less what chooses other settings or keeps Python from its bytecode."""
    foreign = ("DJANGO_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def write_development(folder):
    """Write the sites with what their development servers need."""
    write(folder)
    for name, text in {"one.py": MAIN, "hand_settings.py": DEBUG}.items():
        with (folder / name).open("a") as file:
            file.write(text)
    (folder / "manage.py").write_text(MANAGE)
    (folder / "two.py").write_text(FLASK)


@contextlib.contextmanager
def developing(command, folder):
    """A development server, while the block runs; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *(part.replace("PORT", str(port)) for part in command)],
        cwd=folder,
        env={**environment(), "DJANGO_RUNSERVER_HIDE_WARNING": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for(port, text):
    """Ask until the page has the text, and return how many seconds that took."""
    start = time.perf_counter()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/")
                if connection.getresponse().read().decode() == text:
                    return time.perf_counter() - start
        time.sleep(0.01)


def report(what, times):
    """Print djng's median and the medians of its ratios to the others, for seconds by name."""
    ours = times.pop("djng")
    print(f"{what}: {1000 * statistics.median(ours):.0f} ms")
    for name, theirs in times.items():
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"    {ratio:.2f} of {name} ({1000 * statistics.median(theirs):.0f} ms)")
