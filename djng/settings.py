"""Django's settings of a file. Runs while it is imported; only `keep_secret` changes anything."""

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import django
from django.conf import global_settings
from django.utils.log import DEFAULT_LOGGING

from djng.errors import KeywordError, SettingError, SetupError, nearest

Settings = dict[str, Any]

CONTRIB = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "djng.middleware.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
PROCESSORS = ("template.{}.request", "contrib.auth.{}.auth", "contrib.messages.{}.messages")
VALIDATORS = ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
# Not with DEBUG off, when the reports are for mails to the admins.
EXPLAINED = {
    "CSRF_FAILURE_VIEW": "djng.debug.csrf_failure",
    "DEFAULT_EXCEPTION_REPORTER": "djng.debug.Reporter",
}
# What ``check --deploy`` wants of a site that a proxy serves by HTTPS.
HTTPS: Settings = {
    "CSRF_COOKIE_SECURE": True,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
    "SECURE_HSTS_SECONDS": 365 * 24 * 60 * 60,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SECURE_SSL_REDIRECT": True,
    "SESSION_COOKIE_SECURE": True,
}
SIMPLE: Settings = {
    "ROOT_URLCONF": "djng.urlconf",
    "TIME_ZONE": "UTC",
    "USE_TZ": True,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": f"django.contrib.auth.password_validation.{name}Validator"} for name in VALIDATORS
    ],
    "MEDIA_URL": "media/",
    "LOGIN_REDIRECT_URL": "/",
}
WITHOUT_HTTPS = ("runserver", "test")
LOOPBACK = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
# For django.test.Client in a script or a shell; no server answers to it.
UNSERVED = [*LOOPBACK, "testserver"]
KEYWORDS: Settings = {"apps": (), "middleware": (), "admin": "admin/", "migrate": True}
KEYWORDS |= {"https": False, "serve_media": False}
# Settings that Django, or a later one than this, reads without a default of its own.
CSP = ("SECURE_CSP", "SECURE_CSP_REPORT_ONLY")
WITHOUT_DEFAULT = {"MAILERS", "TASKS", *CSP}


def build(
    file: Path, environ: Mapping[str, str], overrides: Settings, label: str, command: str | None
) -> Settings:
    """The settings of the site in `file`; raises KeywordError and SettingError.

    The overrides, the keywords of `Djng`, win over the environment, and that over the defaults.
    `label` is the file's app, `command` the management command that is about to run.
    """
    environment = Environment(environ)
    given = {**KEYWORDS, **overrides}
    given |= {k: [*given[k]] for k in ("apps", "middleware") if not isinstance(given[k], str)}
    check(given)
    apps, middleware = given["apps"], given["middleware"]
    overrides = {name: value for name, value in given.items() if name not in KEYWORDS}
    is_secure = (
        given["https"] or environment.flag("DJANGO_HTTPS")
    ) and command not in WITHOUT_HTTPS
    debug = environment.flag("DJANGO_DEBUG", command == "runserver")
    debug = replaced("DEBUG", overrides.pop("DEBUG", debug), {"DEBUG": debug})
    settings = {
        "SETTINGS_MODULE": label,
        "DEBUG": debug,
        "LOGGING": logging(debug),
        **(EXPLAINED if debug else {}),
        **(HTTPS if is_secure else {}),
        **SIMPLE,
        "BASE_DIR": file.parent,
        "SECRET_KEY": environment.secret_key(file),
        "DATABASES": {"default": environment.database(file)},
        "TEMPLATES": [templates(file.parent, overrides)],
        "MEDIA_ROOT": file.parent / "media",
        "INSTALLED_APPS": [*apps, *contrib(given["admin"])],
        "MIDDLEWARE": [*default_middleware(overrides), *middleware],
        **static_files(file.parent, command, live=debug or command == "test"),
        **environment.cache(),
        **environment.hosts(),
        **email(overrides, debug),
    }
    settings |= {name: replaced(name, value, settings) for name, value in overrides.items()}
    check_values(settings)
    settings |= trusted(settings) if is_secure else {}
    settings["INSTALLED_APPS"] = installed_apps([*settings["INSTALLED_APPS"]], apps, label)
    added = [name for name in middleware if name not in settings["MIDDLEWARE"]]
    settings["MIDDLEWARE"] = [*settings["MIDDLEWARE"], *added]
    return settings


def for_pytest(databases: dict[str, Settings]) -> dict[str, Settings]:
    """Databases of which none is the real one: pytest-django, which keeps tests off it, knows of
    the settings too late, as no settings module tells it of them."""
    made = deepcopy(databases)
    for each in made.values():
        if each["ENGINE"].endswith("sqlite3"):
            each["NAME"] = ":memory:"
        else:
            test = each.setdefault("TEST", {})
            each["NAME"] = test["NAME"] = test.get("NAME") or f"test_{each['NAME']}"
    return made


def replaced(name: str, value: Any, defaults: Settings) -> Any:
    """The value of an override; a function is called with the default, djng's or Django's."""
    if not (isfunction(value) and (name in defaults or hasattr(global_settings, name))):
        return value
    default = defaults.get(name, getattr(global_settings, name, None))
    made = value(deepcopy(default))
    if made is None and default is not None:
        hint = "Did you forget `return`?"
        raise SettingError(f"the function for {name} returned None.", hint=hint)
    return made


def check_values(settings: Settings) -> None:
    """Refuse what Django's own settings modules would not let through either."""
    for name in ("ALLOWED_HOSTS", "INSTALLED_APPS", "MIDDLEWARE", "CSRF_TRUSTED_ORIGINS"):
        if isinstance(value := settings[name], str):
            raise SettingError(f"{name} is a list.", hint=f'Write ["{value}"].')
    zone = settings["TIME_ZONE"]
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError, TypeError) as error:  # for names of many kinds
        names = sorted(available_timezones())
        ends = [name for name in names if name.endswith(f"/{zone}")]
        like = ends[0] if ends else nearest(str(zone), names, cutoff=0)
        hint = f'Did you mean "{like}"?'
        raise SettingError(f"there is no TIME_ZONE {zone!r}.", hint=hint) from error


def trusted(settings: Settings) -> Settings:
    """Who may post over HTTPS: the site's own hosts, whose scheme a proxy hides from Django."""
    hosts = [host for host in settings["ALLOWED_HOSTS"] if host not in ["*", *UNSERVED]]
    own = [f"https://{re.sub('^[.]', '*.', host)}" for host in hosts]
    return {"CSRF_TRUSTED_ORIGINS": [*own, *settings["CSRF_TRUSTED_ORIGINS"]]}


def static_files(folder: Path, command: str | None, live: bool) -> Settings:
    """Static files from where they are, or, once they are collected, hashed and compressed."""
    static, public, root = folder / "static", folder / "public", folder / "staticfiles"
    # Folders that do not exist are warned of, and what a manifest does not list is a 500.
    is_collected = (root / "staticfiles.json").exists() or command == "collectstatic"
    hashed = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    storage = {"BACKEND": hashed if is_collected else plain}
    return {
        "STATIC_URL": "static/",
        "STATICFILES_DIRS": [static] if static.is_dir() else [],
        "STATIC_ROOT": root if is_collected else None,
        "STORAGES": {**global_settings.STORAGES, "staticfiles": storage},
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": live,
        "WHITENOISE_ROOT": public if public.is_dir() else None,
    }


def has_csp(overrides: Settings) -> bool:
    """Whether there is a content security policy; raises SettingError where Django has none."""
    names = [name for name in CSP if overrides.get(name)]
    if names and django.VERSION < (6, 0):
        hint = 'pip install "django>=6.0", or the package django-csp.'
        raise SettingError(f"{names[0]} needs Django 6.0, this is {django.__version__}.", hint=hint)
    return bool(names)


def default_middleware(overrides: Settings) -> list[str]:
    csp = ["django.middleware.csp.ContentSecurityPolicyMiddleware"] * has_csp(overrides)
    return [MIDDLEWARE[0], *csp, *MIDDLEWARE[1:]]


def templates(folder: Path, overrides: Settings) -> Settings:
    """The file's own templates come first, then its folder's, then those of the apps."""
    processors = [*PROCESSORS, *["template.{}.csp"] * has_csp(overrides)]
    django_loader = "django.template.loaders.{}.Loader".format
    loaders = [django_loader("filesystem"), django_loader("app_directories")]
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [folder / "templates"],
        "OPTIONS": {
            "builtins": ["django.templatetags.static", "djng.templates"],
            "context_processors": [f"django.{p.format('context_processors')}" for p in processors],
            "loaders": [(django_loader("cached"), ["djng.templates.Loader", *loaders])],
        },
    }


def logging(debug: bool) -> Settings:
    """Django's own, and errors reach stderr with DEBUG off too, where Django only mails them."""
    error = "djng.debug.Formatter" if debug else "djng.database.Formatter"
    formatters = {"djng.error": {"()": error}, "djng.host": {"()": "djng.errors.HostFormatter"}}
    stderr = {"class": "logging.StreamHandler"}
    loggers = {
        "django.security.DisallowedHost": {"handlers": ["djng.host"], "propagate": False},
        "django": {"handlers": ["mail_admins"], "level": "INFO"},
        "django.request": {"level": "WARNING" if debug else "ERROR"},
    }
    return {
        **DEFAULT_LOGGING,
        "formatters": DEFAULT_LOGGING["formatters"] | formatters,
        "handlers": DEFAULT_LOGGING["handlers"]
        | {each: {**stderr, "formatter": each} for each in formatters},
        "loggers": DEFAULT_LOGGING["loggers"] | loggers,
        "root": {"handlers": ["djng.error"], "level": "WARNING"},
    }


def email(overrides: Settings, debug: bool) -> Settings:
    """Mail goes to the terminal while developing, by the setting that this Django has for it."""
    if any(name.startswith("EMAIL_") for name in overrides):
        return {}
    kind = "console" if debug else "smtp"
    backend = f"django.core.mail.backends.{kind}.EmailBackend"
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend}}}
    return {"EMAIL_BACKEND": backend}


def contrib(admin: str | None) -> list[str]:
    """Django's own apps; those of others come before, and may replace their pages and djng's."""
    names = [name for name in CONTRIB if admin or name != "admin"]
    return ["djng.accounts.Accounts", *(f"django.contrib.{name}" for name in names)]


def installed_apps(names: Iterable[str], added: Iterable[str], label: str) -> list[str]:
    """Earlier apps win, so the file's own templates and commands come before everybody's."""
    ours = [label, "djng", "whitenoise.runserver_nostatic"]
    missing = [name for name in added if name not in names]
    return list(dict.fromkeys([*ours, *missing, *names]))


def check(given: Settings) -> None:
    """Refuse a keyword that is no setting, and a setting that is all but one of Django's."""
    known = {name for name in dir(global_settings) if name.isupper()} | WITHOUT_DEFAULT
    for name in given.keys() - KEYWORDS - known:
        if not name.isupper():
            like = name.upper() if name.upper() in known else nearest(name, KEYWORDS, cutoff=0)
            raise KeywordError(f"Djng() has no keyword {name!r}.", hint=f"Did you mean {like}?")
        if like := nearest(name, known, cutoff=0.9):
            raise SettingError(f"{name} is not a Django setting.", hint=f"Did you mean {like}?")
    if isinstance(given["apps"], str) or isinstance(given["middleware"], str):
        raise KeywordError("apps and middleware are lists.", hint='Write apps=["..."].')
    if any(not isinstance(each, str) for each in given["middleware"]):
        hint = 'Write "blog.Basket", or @app.middleware above it.'
        raise KeywordError("middleware is a list of dotted names.", hint=hint)
    if not isinstance(given["admin"], str | None):
        raise KeywordError("admin is a path.", hint='Write admin="admin/", or None.')


class Environment(NamedTuple):
    """The variables of the environment; a value that does not parse is a SettingError."""

    variables: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.variables.get(name, "").strip()

    def flag(self, name: str, default: bool = False) -> bool:
        words = {"1": True, "true": True, "yes": True, "on": True}
        words |= {"0": False, "false": False, "no": False, "off": False, "": default}
        value = self.get(name).lower()
        if value not in words:
            raise unusable(name, value, "1, true, yes, on, 0, false, no or off")
        return words[value]

    def listed(self, name: str, regex: str, what: str) -> list[str]:
        values = [value.strip() for value in self.get(name).split(",") if value.strip()]
        for value in values:
            if not re.fullmatch(regex, value):
                raise unusable(name, value, f"{what} with commas between them")
        return values

    def hosts(self) -> Settings:
        """Who may ask, and which other sites may post."""
        what = "bare host names, as example.com,"
        hosts = self.listed("DJANGO_ALLOWED_HOSTS", r"\*|\.?[\w.-]+|\[[0-9a-fA-F:.]+\]", what)
        what = "origins with their scheme, as https://example.com,"
        origins = self.listed("DJANGO_CSRF_TRUSTED_ORIGINS", r"[a-z][a-z0-9+.-]*://[^/\s]+", what)
        return {"ALLOWED_HOSTS": hosts or UNSERVED, "CSRF_TRUSTED_ORIGINS": origins}

    def database(self, file: Path) -> Settings:
        """The database that DATABASE_URL names, or SQLite in a file beside the user's."""
        # Without IMMEDIATE, two that read and then write fail at once: "database is locked".
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}
        named = {}
        if url := self.get("DATABASE_URL"):
            require("dj_database_url", "DATABASE_URL", "postgres")
            try:
                named = dict(import_module("dj_database_url").parse(url))
            except ValueError:
                accepted = "postgres://USER:PASSWORD@HOST:PORT/NAME"
                raise unusable("DATABASE_URL", url, accepted) from None
        if named.get("ENGINE", sqlite["ENGINE"]) != sqlite["ENGINE"]:
            if named["ENGINE"].endswith(".postgresql") and not find_spec("psycopg2"):
                require("psycopg", "DATABASE_URL", "postgres")
            return {**named, "CONN_HEALTH_CHECKS": True}
        path = file.parent / named.get("NAME", file.with_suffix(".sqlite3"))
        return {**sqlite, "NAME": ":memory:" if named.get("NAME") == ":memory:" else path}

    def cache(self) -> Settings:
        name = "CACHE_URL" if self.get("CACHE_URL") else "REDIS_URL"
        if not (url := self.get(name)):
            return {}
        accepted = "redis://HOST:PORT/NUMBER, rediss://... or unix://PATH"
        try:
            is_known = re.match("(rediss?|unix)://", url) and (urlsplit(url).port or True)
        except ValueError:
            is_known = False
        if not is_known:
            raise unusable(name, url, accepted)
        require("redis", name, "redis")
        backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
        engine = "django.contrib.sessions.backends.cached_db"
        return {"CACHES": {"default": backend}, "SESSION_ENGINE": engine}

    def port(self) -> str:
        """The port that the platform asks a server to listen on, or Django's own default."""
        return self.number("PORT", "8000", 65535)

    def number(self, name: str, default: str, most: int) -> str:
        value = self.get(name) or default
        if not (value.isascii() and value.isdigit() and 0 < int(value) <= most):
            raise unusable(name, value, f"a number from 1 to {most}")
        return value

    def secret_key(self, file: Path) -> str:
        """The key that is given, or the one kept before, or one for this process alone."""
        kept = file.with_suffix(".secret")
        given = self.get("DJANGO_SECRET_KEY") or (kept.exists() and kept.read_text())
        return given or secrets.token_urlsafe(50)


def require(module: str, variable: str, extra: str) -> None:
    if not find_spec(module):
        hint = f'pip install "djng[{extra}]"'
        raise SettingError(f"{variable} needs the package {module}.", hint=hint)


def unusable(name: str, value: str, accepted: str) -> SettingError:
    """The error for a variable; of a URL no more than the scheme is shown: it holds a password."""
    shown = repr(value)
    if name.endswith("_URL"):
        scheme, separator, _ = value.partition("://")
        shown = f"a URL of {scheme}://" if separator else "not a URL"
    message = f"the environment variable {name} is {shown}."
    return SettingError(message, hint=f"It takes {accepted}.")


def keep_secret(file: Path, key: str) -> str:
    """Write the key beside the user's file, unless one is there, and return the one that is."""
    kept = file.with_suffix(".secret")
    draft = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        if not kept.exists():
            draft.touch(0o600)
            try:
                draft.write_text(key)
                # A link appears at once and whole: of workers that start together, one makes it.
                with suppress(FileExistsError):
                    os.link(draft, kept)
            finally:
                draft.unlink()
        if secret := kept.read_text():
            return secret
        raise OSError(f"{kept.name} is empty")
    except OSError as error:
        hint = "Set DJANGO_SECRET_KEY, or let the server write there once."
        raise SetupError(f"the secret key cannot be kept: {error}.", hint=hint) from error
