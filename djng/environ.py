"""Settings from environment variables. Runs while the user's file is imported."""

import re
import secrets
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

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
        """The database that DATABASE_URL names, or an SQLite file beside the user's file."""
        named = self.parse_database_url() if self.get("DATABASE_URL") else {}
        engine = str(named.get("ENGINE", SQLITE["ENGINE"]))
        if engine != SQLITE["ENGINE"]:
            if engine.endswith(".postgresql") and not find_spec("psycopg2"):
                require("psycopg", "DATABASE_URL", "postgres")
            return {**named, "CONN_HEALTH_CHECKS": True}
        path = file.parent / named.get("NAME", file.with_suffix(".sqlite3"))
        return {**SQLITE, "NAME": ":memory:" if named.get("NAME") == ":memory:" else path}

    def parse_database_url(self) -> Settings:
        require("dj_database_url", "DATABASE_URL", "postgres")
        try:
            return dict(import_module("dj_database_url").parse(self.get("DATABASE_URL")))
        except ValueError:
            accepted = "postgres://USER:PASSWORD@HOST:PORT/NAME"
            raise invalid("DATABASE_URL", self.get("DATABASE_URL"), accepted) from None

    def cache(self) -> Settings:
        """A Redis for the cache and the sessions, if CACHE_URL or REDIS_URL names one."""
        name = "CACHE_URL" if self.get("CACHE_URL") else "REDIS_URL"
        if not (url := self.get(name)):
            return {}
        if not is_redis_url(url):
            raise invalid(name, url, "redis://HOST:PORT/NUMBER, rediss://... or unix://PATH")
        require("redis", name, "redis")
        backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
        engine = "django.contrib.sessions.backends.cached_db"
        return {"CACHES": {"default": backend}, "SESSION_ENGINE": engine}

    def secret_key(self, file: Path) -> str:
        """The key from the environment or ``blog.secret``, or a random one for this process."""
        saved = file.with_suffix(".secret")
        given = self.get("DJANGO_SECRET_KEY") or (saved.exists() and saved.read_text())
        return given or secrets.token_urlsafe(50)


def is_redis_url(url: str) -> bool:
    try:
        return bool(re.match("(rediss?|unix)://", url) and (urlsplit(url).port or True))
    except ValueError:  # the port is no number
        return False


def require(module: str, variable: str, extra: str) -> None:
    if not find_spec(module):
        hint = f'pip install "djng[{extra}]"'
        raise SettingError(f"{variable} needs the package {module}.", hint=hint)


def invalid(name: str, value: str, accepted: str) -> SettingError:
    """The error for a variable. It shows only the scheme of a URL, which may hold a password."""
    shown = repr(value)
    if name.endswith("_URL"):
        scheme, separator, _ = value.partition("://")
        shown = f"a URL of {scheme}://" if separator else "not a URL"
    message = f"the environment variable {name} is {shown}."
    return SettingError(message, hint=f"It takes {accepted}.")
