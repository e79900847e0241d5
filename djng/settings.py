"""Django's settings from the file's place, the environment and the keywords. Runs while the user's file is imported.

`build` is a pure function: it reads the disk to see which folders exist, and changes nothing.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import global_settings

from djng.errors import SettingError, nearest

Settings = dict[str, Any]
Environ = Mapping[str, str]

CONTRIB = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
)
MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
VALIDATORS = (
    "UserAttributeSimilarityValidator",
    "MinimumLengthValidator",
    "CommonPasswordValidator",
    "NumericPasswordValidator",
)
LOOPBACK = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
YEAR = 365 * 24 * 60 * 60
# Django reads these where they are set, but gives them no default in its global settings.
WITHOUT_DEFAULT = {"ADMINS", "MAILERS", "TASKS", "SECURE_CSP", "WSGI_APPLICATION"}


def build(
    file: Path,
    environ: Environ,
    overrides: Settings,
    *,
    label: str,
    apps: Sequence[str] = (),
    middleware: Sequence[str] = (),
    admin: bool = True,
    command: str | None = None,
) -> Settings:
    """Make the settings of the site in `file`.

    Takes the file, the environment, the settings given as keywords (which win over both), the
    label of the file's app, the apps and middleware to add to the defaults, whether the admin is
    among them, and the management command that is about to run, if one is. Returns a dict for
    ``settings.configure``. Raises SettingError for a value that does not parse. ::

        build(Path("/srv/blog.py"), os.environ, {"LANGUAGE_CODE": "de"}, label="blog")
    """
    check_names(overrides)
    debug = overrides.get("DEBUG", flag(environ, "DJANGO_DEBUG", command == "runserver"))
    settings = {
        "SETTINGS_MODULE": label,
        "DEBUG": debug,
        "LOGGING": logging(debug),
        **default_settings(file, environ),
        **static_files(file.parent, command, live=debug or command == "test"),
        **cache(environ),
        **https(environ),
        **overrides,
    }
    settings["INSTALLED_APPS"] = installed_apps(overrides, label, apps, admin)
    settings["MIDDLEWARE"] = [*overrides.get("MIDDLEWARE", MIDDLEWARE), *middleware]
    settings.update(email(settings))
    return settings


def default_settings(file: Path, environ: Environ) -> Settings:
    folder = file.parent
    return {
        "BASE_DIR": folder,
        "ROOT_URLCONF": "djng.urlconf",
        "SECRET_KEY": secret_key(file, environ),
        "ALLOWED_HOSTS": hosts(environ) or LOOPBACK,
        "CSRF_TRUSTED_ORIGINS": origins(environ),
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "DATABASES": {"default": database(file.with_suffix(".sqlite3"), environ)},
        "TEMPLATES": [templates(folder)],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}"} for name in VALIDATORS
        ],
        "MEDIA_ROOT": folder / "media",
        "MEDIA_URL": "media/",
    }


def static_files(folder: Path, command: str | None, live: bool) -> Settings:
    """The settings of staticfiles and WhiteNoise, which both warn of folders that do not exist."""
    static, public, root = folder / "static", folder / "public", folder / "staticfiles"
    collected = (root / "staticfiles.json").exists() or command == "collectstatic"
    storage = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if not collected:
        # The manifest storage answers 500 for every {% static %} that is not in its manifest.
        storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
    return {
        "STATIC_URL": "static/",
        "STATICFILES_DIRS": [static] if static.is_dir() else [],
        "STATIC_ROOT": root if collected else None,
        "STORAGES": {**global_settings.STORAGES, "staticfiles": {"BACKEND": storage}},
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": live,
        "WHITENOISE_ROOT": public if public.is_dir() else None,
    }


def templates(folder: Path) -> Settings:
    """The file's own templates come first, then its folder's, then those of the apps."""
    loaders = [
        "djng.templates.Loader",
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    processors = [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [folder / "templates"],
        "OPTIONS": {
            "builtins": ["django.templatetags.static", "djng.templates"],
            "context_processors": processors,
            "loaders": [("django.template.loaders.cached.Loader", loaders)],
        },
    }


def logging(debug: bool) -> Settings:
    """Errors reach stderr with DEBUG off too, where Django alone only mails them."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"in_production": {"()": "django.utils.log.RequireDebugFalse"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler"},
            "mail_admins": {
                "class": "django.utils.log.AdminEmailHandler",
                "level": "ERROR",
                "filters": ["in_production"],
            },
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "django": {"handlers": ["mail_admins"], "level": "INFO"},
            "django.request": {"level": "WARNING" if debug else "ERROR"},
        },
    }


def email(settings: Settings) -> Settings:
    """Mail goes to the terminal while developing, under the setting that this Django has for it."""
    if "MAILERS" in settings or any(name.startswith("EMAIL_") for name in settings):
        return {}
    kind = "console" if settings["DEBUG"] else "smtp"
    backend = f"django.core.mail.backends.{kind}.EmailBackend"
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend}}}
    return {"EMAIL_BACKEND": backend}


def installed_apps(
    overrides: Settings, label: str, apps: Sequence[str], admin: bool
) -> list[str]:
    """Earlier apps win, so the file's own templates and commands come before everybody's."""
    contrib = [*(["django.contrib.admin"] if admin else []), *CONTRIB]
    ours = [label, "djng", "whitenoise.runserver_nostatic"]
    rest = [*apps, *overrides.get("INSTALLED_APPS", contrib)]
    return [*ours, *(app for app in rest if app not in ours)]


def check_names(overrides: Settings) -> None:
    """Refuse a setting that is all but the name of one of Django's."""
    known = {name for name in dir(global_settings) if name.isupper()} | WITHOUT_DEFAULT
    for name in overrides.keys() - known:
        if like := nearest(name, known, cutoff=0.9):
            raise SettingError(f"{name} is not a Django setting.", hint=f"Did you mean {like}?")


# The environment


def flag(environ: Environ, name: str, default: bool = False) -> bool:
    accepted = {"1": True, "true": True, "yes": True, "on": True}
    accepted |= {"0": False, "false": False, "no": False, "off": False, "": default}
    value = environ.get(name, "").strip().lower()
    if value not in accepted:
        raise unusable(name, value, "1, true, yes, on, 0, false, no or off")
    return accepted[value]


def listed(environ: Environ, name: str, is_valid: Callable[[str], object], what: str) -> list[str]:
    values = [value.strip() for value in environ.get(name, "").split(",") if value.strip()]
    for value in values:
        if not is_valid(value):
            raise unusable(name, value, what)
    return values


def hosts(environ: Environ) -> list[str]:
    is_host = re.compile(r"\*|\.?[\w.-]+|\[[0-9a-fA-F:.]+\]").fullmatch
    what = "host names with commas between them and without scheme, port or path"
    return listed(environ, "DJANGO_ALLOWED_HOSTS", is_host, f"{what}: example.com,.example.org")


def origins(environ: Environ) -> list[str]:
    is_origin = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+").fullmatch
    what = "origins with their scheme and commas between them: https://example.com"
    return listed(environ, "DJANGO_CSRF_TRUSTED_ORIGINS", is_origin, what)


def https(environ: Environ) -> Settings:
    """What `check --deploy` asks of a site that is served over HTTPS behind a proxy."""
    if not flag(environ, "DJANGO_HTTPS"):
        return {}
    trusted = [f"https://{re.sub(r'^[.]', '*.', host)}" for host in hosts(environ) if host != "*"]
    return {
        "CSRF_COOKIE_SECURE": True,
        "CSRF_TRUSTED_ORIGINS": [*trusted, *origins(environ)],
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_HSTS_PRELOAD": True,
        "SECURE_HSTS_SECONDS": YEAR,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_SECURE": True,
    }


def database(file: Path, environ: Environ) -> Settings:
    """The database that DATABASE_URL names, or SQLite in a file beside the user's.

    Transactions begin IMMEDIATE: one that reads before it writes otherwise fails with "database is
    locked" as soon as two processes do so at once, whatever the timeout.
    """
    if environ.get("DATABASE_URL"):
        return database_from_url(environ["DATABASE_URL"])
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options}


def database_from_url(url: str) -> Settings:
    try:
        import dj_database_url  # an extra: needed only where DATABASE_URL is set
    except ImportError:
        hint = 'pip install "djng[postgres]"'
        raise SettingError("DATABASE_URL needs dj-database-url.", hint=hint) from None
    try:
        return dict(dj_database_url.parse(url))
    except ValueError:
        raise unusable("DATABASE_URL", url, "postgres://USER:PASSWORD@HOST:PORT/NAME") from None


def cache(environ: Environ) -> Settings:
    name = "CACHE_URL" if environ.get("CACHE_URL") else "REDIS_URL"
    url = environ.get(name)
    if not url:
        return {}
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise unusable(name, url, "redis://HOST:PORT/NUMBER, rediss://... or unix://PATH")
    backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    engine = "django.contrib.sessions.backends.cached_db"
    return {"CACHES": {"default": backend}, "SESSION_ENGINE": engine}


def port(environ: Environ) -> str:
    """The port that the platform asks a server to listen on, or Django's own default."""
    value = environ.get("PORT") or "8000"
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise unusable("PORT", value, "a number from 1 to 65535")
    return value


def unusable(name: str, value: str, accepted: str) -> SettingError:
    """The error for a variable's value; of a URL only the scheme is shown, since it holds a password."""
    shown = re.sub(r"://.*", "://...", value, flags=re.DOTALL) if name.endswith("_URL") else value
    message = f"the environment variable {name} is {shown!r}."
    return SettingError(message, hint=f"It takes {accepted}.")


# The secret key


def secret_file(file: Path) -> Path:
    return file.with_suffix(".secret")


def secret_key(file: Path, environ: Environ) -> str:
    """The key of the environment or of the file made before, or one for this process alone."""
    if key := environ.get("DJANGO_SECRET_KEY"):
        return key
    try:
        return secret_file(file).read_text()
    except FileNotFoundError:
        return secrets.token_urlsafe(50)


def keep_secret(key: str, file: Path) -> str:
    """Write the key beside the user's file, where none is yet, and return the one that stands there.

    A link appears at once and whole, and only one can: workers that start together agree on a key.
    """
    target = secret_file(file)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}")
    try:
        with open(handle, "w") as stream:
            stream.write(key)
        os.link(draft, target)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    return target.read_text()
