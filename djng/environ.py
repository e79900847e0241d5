"""Settings from environment variables. Runs while the user's file is imported."""

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import load_backend

from djng.exceptions import SettingError

Settings = dict[str, Any]

LOOPBACK = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
# django.test.Client asks for testserver in scripts and shells. No server answers to that name.
DEFAULT_HOSTS = [*LOOPBACK, "testserver"]
SQLITE: Settings = {
    "ENGINE": "django.db.backends.sqlite3",
    # Without IMMEDIATE, two requests that read and then write fail: "database is locked".
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
}
# For each scheme of DATABASE_URL: Django's backend, and the package of its driver.
POSTGRES = ("django.db.backends.postgresql", '"djng[postgres]"')
DATABASES = {
    "postgres": POSTGRES,
    "postgresql": POSTGRES,
    "postgis": ("django.contrib.gis.db.backends.postgis", POSTGRES[1]),
    "mysql": ("django.db.backends.mysql", "mysqlclient"),
    "oracle": ("django.db.backends.oracle", "oracledb"),
    "mssql": ("mssql", "mssql-django"),
    "cockroach": ("django_cockroachdb", "django-cockroachdb"),
}


class Environment(NamedTuple):
    """The environment variables that djng reads.

    Each method returns a value or Django settings. A value that it cannot parse is a SettingError.
    """

    variables: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.variables.get(name, "").strip()

    def flag(self, name: str, default: bool = False) -> bool:
        words = {"1": True, "true": True, "yes": True, "on": True}
        words |= {"0": False, "false": False, "no": False, "off": False, "": default}
        value = self.get(name).lower()
        if value not in words:
            raise invalid(name, value, "1, true, yes, on, 0, false, no or off")
        return words[value]

    def number(self, name: str, default: str, maximum: int) -> str:
        value = self.get(name) or default
        if not (value.isascii() and value.isdigit() and 0 < int(value) <= maximum):
            raise invalid(name, value, f"a number from 1 to {maximum}")
        return value

    def port(self) -> str:
        """The port that a hosting platform asks for, or Django's default."""
        return self.number("PORT", "8000", 65535)

    def split(self, name: str, regex: str, what: str) -> list[str]:
        values = [value.strip() for value in self.get(name).split(",") if value.strip()]
        for value in values:
            if not re.fullmatch(regex, value):
                raise invalid(name, value, f"{what} separated by commas")
        return values

    def hosts(self) -> Settings:
        what = "bare host names such as example.com,"
        hosts = self.split("DJANGO_ALLOWED_HOSTS", r"\*|\.?[\w.-]+|\[[0-9a-fA-F:.]+\]", what)
        what = "origins with their scheme, such as https://example.com,"
        origins = self.split("DJANGO_CSRF_TRUSTED_ORIGINS", r"[a-z][a-z0-9+.-]*://[^/\s]+", what)
        return {"ALLOWED_HOSTS": hosts or DEFAULT_HOSTS, "CSRF_TRUSTED_ORIGINS": origins}

    def database(self, file: Path) -> Settings:
        """The database that DATABASE_URL names, relative to the folder of `file`, or that file."""
        if not (url := self.get("DATABASE_URL")):
            return {**SQLITE, "NAME": file}
        accepted = "sqlite:///FILE or postgres://USER:PASSWORD@HOST:PORT/NAME"
        url = re.sub(r"^sqlite://(:memory:)?($|\?)", r"sqlite:///:memory:\2", url)
        parts, options = split_url("DATABASE_URL", url, accepted)
        name, is_sqlite = unquote(parts.path[1:]), parts.scheme == "sqlite"
        if parts.scheme not in ("sqlite", *DATABASES) or (is_sqlite and parts.netloc):
            raise invalid("DATABASE_URL", url, accepted)
        if not (name or "service" in options):  # a service of PostgreSQL has a name of its own
            raise SettingError("DATABASE_URL names no database.", hint=f"It takes {accepted}.")
        if not is_sqlite:
            return {**server(parts), "NAME": name, "OPTIONS": options}
        path = name if name == ":memory:" else file.parent / name
        return {**SQLITE, "NAME": path, "OPTIONS": {**SQLITE["OPTIONS"], **options}}

    def cache(self) -> Settings:
        """A Redis for the cache and the sessions, if CACHE_URL or REDIS_URL names one."""
        name = "CACHE_URL" if self.get("CACHE_URL") else "REDIS_URL"
        if not (url := self.get(name)):
            return {}
        accepted = "redis://:PASSWORD@HOST:PORT/NUMBER, rediss://... or unix://PATH"
        parts, _ = split_url(name, url, accepted)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise invalid(name, url, accepted)
        if not find_spec("redis"):
            hint = 'pip install "djng[redis]"'
            raise SettingError(f"{name} needs the package redis.", hint=hint)
        backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
        engine = "django.contrib.sessions.backends.cached_db"
        return {"CACHES": {"default": backend}, "SESSION_ENGINE": engine}


def server(parts: SplitResult) -> Settings:
    """The database server of a URL; raises SettingError if Django cannot load its backend."""
    engine, package = DATABASES[parts.scheme]
    try:
        load_backend(engine)
    except (ImproperlyConfigured, ImportError) as error:
        reason = re.split(r"\n|\. ", str(error))[0]
        message = f"the driver for DATABASE_URL is missing: {reason}"
        raise SettingError(message, hint=f"pip install {package}") from error
    return {
        "ENGINE": engine,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
    }


def split_url(name: str, url: str, accepted: str) -> tuple[SplitResult, Settings]:
    """The parts of a URL, and the options in its query."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
        options = {key: parse_option(text) for key, text in pairs}
        # A password that is not percent-encoded ends the host, and goes on behind it.
        is_cut = parts.fragment or (parts.netloc and "@" in parts.path + parts.query)
        if is_cut or parts.port == 0 or len(options) < len(pairs) or re.search(r"\s", url):
            raise ValueError
    except ValueError:
        raise invalid(name, url, accepted) from None
    return parts, options


def parse_option(text: str) -> Any:
    """A number, true, false or another JSON value, which some drivers want; else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def invalid(name: str, value: str, accepted: str) -> SettingError:
    """The error for a variable. It shows only the scheme of a URL, which may hold a password."""
    shown, hint = repr(value), f"It takes {accepted}."
    if name.endswith("_URL"):
        scheme = re.match(r"(?i)[a-z][a-z0-9+.-]*://", value)
        shown = f"a URL of {scheme[0]}" if scheme else "not a URL"
        hint += " In a password, write %25 for %, %23 for #, %2F for /, %3F for ?,"
        hint += " %5B for [ and %40 for @."
    return SettingError(f"the environment variable {name} is {shown}.", hint=hint)
