"""The same hello-world in djng and in hand-written Django, for the scripts beside this one."""

import os
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
