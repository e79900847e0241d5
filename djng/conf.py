"""The Django settings of a file. Runs while the user's file is imported."""

import os
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import django
from django.conf import global_settings
from django.utils.log import DEFAULT_LOGGING

from djng.data_folder import check_private, find_data_folder
from djng.environ import Environment, Settings
from djng.exceptions import KeywordError, SettingError, closest_match, get_django_6, listed

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
DEFAULTS: Settings = {
    "ROOT_URLCONF": "djng.urlconf",
    "LOGGING_CONFIG": "djng.app.configure_logging",
    "TIME_ZONE": "UTC",
    "USE_TZ": True,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": f"django.contrib.auth.password_validation.{name}Validator"} for name in VALIDATORS
    ],
    "MEDIA_URL": "media/",
    "LOGIN_REDIRECT_URL": "/",
}
# Only while DEBUG is on: otherwise Django's own reporter mails the admins.
ERROR_PAGES = {
    "CSRF_FAILURE_VIEW": "djng.dev.error_page.csrf_failure",
    "DEFAULT_EXCEPTION_REPORTER": "djng.dev.error_page.ExceptionReporter",
}
# What ``check --deploy`` asks for, where a proxy serves the site over HTTPS.
HTTPS: Settings = {
    "CSRF_COOKIE_SECURE": True,
    "SECURE_HSTS_SECONDS": 60 * 60,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SECURE_SSL_REDIRECT": True,
    "SESSION_COOKIE_SECURE": True,
    # It also asks for HSTS on all subdomains (W005) and in the lists of browsers (W021), which
    # nobody can take back for months. That is for the owner of the domain to decide.
    "SILENCED_SYSTEM_CHECKS": ["security.W005", "security.W021"],
}
COMMANDS_WITHOUT_HTTPS = ("runserver", "test")
KEYWORDS: Settings = {
    "apps": (),
    "middleware": (),
    "admin": "admin/",
    "migrate": True,
    "https": False,
    "serve_media": False,
    "data": None,
    "users": None,
}
# Settings that Django or a package reads, and for which not every Django has a default.
CSP = ("SECURE_CSP", "SECURE_CSP_REPORT_ONLY")
WITHOUT_DEFAULT = {"MAILERS", "TASKS", "ASGI_APPLICATION", *CSP}
LISTS = (
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "INSTALLED_APPS",
    "MIDDLEWARE",
    "STATICFILES_DIRS",
)
# Environment variables. As keywords, they would be settings that nothing reads.
VARIABLES = {"DATABASE_URL", "CACHE_URL", "REDIS_URL", "DJANGO_ALLOWED_HOSTS", "DJANGO_DATA"}
VARIABLES |= {"DJANGO_CSRF_TRUSTED_ORIGINS", "DJANGO_DEBUG", "DJANGO_HTTPS", "DJANGO_SECRET_KEY"}
# These change how mails look, not where they go.
FORMATS_OF_MAIL = {"EMAIL_SUBJECT_PREFIX", "EMAIL_USE_LOCALTIME"}


def build(
    file: Path, environ: Mapping[str, str], given: Settings, label: str, command: str | None
) -> Settings:
    """Return the settings of the site in `file`, by name.

    Takes the environment variables, the keywords of `Djng`, the label of the file's app and the
    management command that is about to run. Keywords win over the environment, and the environment
    over the defaults. Raises KeywordError and SettingError. ::

        build(Path("blog.py"), os.environ, {"LANGUAGE_CODE": "de"}, "blog", "runserver")
    """
    given = {**KEYWORDS, **given}
    given |= {name: [*listed(given[name], name)] for name in ("apps", "middleware")}
    check_keywords(given)
    given["data"] = find_data_folder(file, environ, given["data"])
    overrides = {name: value for name, value in given.items() if name not in KEYWORDS}
    environment = Environment(environ)
    debug = environment.flag("DJANGO_DEBUG", command == "runserver")
    debug = override("DEBUG", overrides.pop("DEBUG", debug), {"DEBUG": debug})
    settings = default_settings(file, environment, given, command, debug)
    if given["users"]:
        settings["AUTH_USER_MODEL"] = f"{label}.User"
    settings |= {name: override(name, value, settings) for name, value in overrides.items()}
    check_values(settings)
    check_private(given["data"], file.parent, settings)
    settings["INSTALLED_APPS"] = installed_apps(settings["INSTALLED_APPS"], given["apps"], label)
    missing = [name for name in given["middleware"] if name not in settings["MIDDLEWARE"]]
    settings["MIDDLEWARE"] = [*settings["MIDDLEWARE"], *missing]
    return settings


def default_settings(
    file: Path, environment: Environment, given: Settings, command: str | None, debug: bool
) -> Settings:
    """The settings before the user's own; those of the environment are among them."""
    has_https = given["https"] or environment.flag("DJANGO_HTTPS")
    return {
        **DEFAULTS,
        **(ERROR_PAGES if debug else {}),
        **(HTTPS if has_https and command not in COMMANDS_WITHOUT_HTTPS else {}),
        "DEBUG": debug,
        "LOGGING": logging_settings(debug),
        "BASE_DIR": file.parent,
        "SECRET_KEY": environment.get("DJANGO_SECRET_KEY"),
        "DATABASES": {"default": environment.database(given["data"] / f"{file.stem}.sqlite3")},
        "TEMPLATES": [template_settings(file.parent, given)],
        "MEDIA_ROOT": given["data"] / "media",
        "LOCALE_PATHS": existing(file.parent / "locale"),
        "INSTALLED_APPS": [*given["apps"], *contrib_apps(given["admin"])],
        "MIDDLEWARE": [*default_middleware(given), *given["middleware"]],
        **static_files(file.parent, command, debug or command == "test"),
        **environment.cache(),
        **environment.hosts(),
        **email_settings(given, debug),
    }


def override(name: str, value: Any, defaults: Settings) -> Any:
    """The value given for a setting; a function is called with a copy of the default."""
    if not (isfunction(value) and name in {*defaults, *dir(global_settings), *WITHOUT_DEFAULT}):
        return value
    default = defaults.get(name, getattr(global_settings, name, {}))
    result = value(deepcopy(default))
    if result is None and default is not None:
        hint = "Did you forget `return`?"
        raise SettingError(f"the function for {name} returned None.", hint=hint)
    return result


def check_keywords(given: Settings) -> None:
    """Refuse unknown keywords, and capitals that look like a misspelled Django setting."""
    known = {name for name in dir(global_settings) if name.isupper()} | WITHOUT_DEFAULT
    named = given.get("INSTALLED_APPS")
    installed = named if isinstance(named, list | tuple) else ()
    for name in given.keys() - KEYWORDS - known:
        if not name.isupper():
            hint = suggest_keyword(name, known)
            raise KeywordError(f"Djng() has no keyword {name!r}.", hint=hint)
        if name in VARIABLES:
            hint = "Set it in the environment in which the site runs."
            raise SettingError(f"{name} is an environment variable, not a setting.", hint=hint)
        like = closest_match(name, known, cutoff=0.9)
        if like and not is_read(name, [*given["apps"], *installed]):
            raise SettingError(f"{name} is not a Django setting.", hint=f"Did you mean {like}?")
    if any(not isinstance(each, str) for each in given["apps"]):
        raise KeywordError("apps is a list of dotted names.", hint='Write apps=["taggit"].')
    if any(not isinstance(each, str) for each in given["middleware"]):
        hint = 'Write "blog.Basket", or put @app.middleware above the class.'
        raise KeywordError("middleware is a list of dotted names.", hint=hint)
    if not isinstance(given["admin"], str | None):
        raise KeywordError("admin is a path.", hint='Write admin="admin/", or None.')
    if given["users"] not in (None, "email"):
        hint = 'Write users="email", or AUTH_USER_MODEL="blog.User" for a model of your own.'
        raise KeywordError(f"users={given['users']!r} is unknown.", hint=hint)
    if given["users"] and "AUTH_USER_MODEL" in given:
        raise KeywordError("users and AUTH_USER_MODEL both say who signs in.", hint="Remove one.")


def suggest_keyword(name: str, settings: set[str]) -> str:
    from djng.dev import flask  # only after a mistake

    if name.upper() in settings:
        return f"Did you mean {name.upper()}?"
    if name in flask.APP:
        return f"Write instead: {flask.APP[name]}"
    return f"Did you mean {closest_match(name, KEYWORDS, cutoff=0)}?"


def is_read(setting: str, apps: Iterable[str]) -> bool:
    """Whether the source of an app, or of the package that the app is in, has that name."""
    word = re.compile(rb"\b%b\b" % setting.encode())
    packages = {app.partition(".")[0] for app in apps} - {"django"}  # whose settings are known
    specs = filter(None, map(find_spec, packages))
    folders = (folder for spec in specs for folder in spec.submodule_search_locations or ())
    files = (file for folder in folders for file in Path(folder).rglob("*.py"))
    return any(word.search(file.read_bytes()) for file in files)


def check_values(settings: Settings) -> None:
    """Refuse values that Django refuses too, but with a hint."""
    for name in LISTS:
        if isinstance(value := settings[name], str | os.PathLike | None):
            hint = f'Write ["{value}"].' if value else "Write [], or leave it out."
            raise SettingError(f"{name} is a list.", hint=hint)
    for name, value in settings.items():
        if isinstance(value, str) and isinstance(getattr(global_settings, name, None), bool):
            hint = f'Write {name}=False or {name}=True, without quotes: even "False" is true.'
            raise SettingError(f"{name} is True or False.", hint=hint)
    for name in ("ADMINS", "MANAGERS") if django.VERSION < (6, 0) else ():
        if like := next((each for each in settings.get(name, ()) if isinstance(each, str)), None):
            hint = f'Write [("Ada", "{like}")].'
            raise SettingError(f"{name} is a list of pairs before Django 6.0.", hint=hint)
    zone = settings["TIME_ZONE"]
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError, TypeError) as error:  # zoneinfo raises all of them
        cities = {name.rpartition("/")[2]: name for name in sorted(available_timezones())}
        like = closest_match(f"{zone}".rpartition("/")[2], cities, cutoff=0)
        hint = f'Did you mean "{cities.get(str(like))}"?'
        raise SettingError(f"there is no TIME_ZONE {zone!r}.", hint=hint) from error


def existing(folder: Path) -> list[Path]:
    return [folder] if folder.is_dir() else []  # Django warns of one that doesn't exist


def static_files(folder: Path, command: str | None, may_change: bool) -> Settings:
    """Serve static files from their folders; after ``collectstatic``, hashed and compressed."""
    public, root = folder / "public", folder / "staticfiles"
    # A manifest that lacks a file makes a page crash.
    is_collected = (root / "staticfiles.json").exists() or command == "collectstatic"
    hashed = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    storage = {"BACKEND": hashed if is_collected else plain}
    return {
        "STATIC_URL": "static/",
        "STATICFILES_DIRS": existing(folder / "static"),
        "STATIC_ROOT": root if is_collected else None,
        "STORAGES": {**global_settings.STORAGES, "staticfiles": storage},
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": may_change,
        "WHITENOISE_ROOT": public if public.is_dir() else None,
    }


def has_csp(given: Settings) -> bool:
    """Whether a content security policy is set; raises SettingError if Django has none."""
    names = [name for name in CSP if given.get(name)]
    if names and django.VERSION < (6, 0):
        hint = f"{get_django_6()}\nOr use the package django-csp, with its own setting."
        raise SettingError(f"{names[0]} needs Django 6.0, this is {django.__version__}.", hint=hint)
    return bool(names)


def default_middleware(given: Settings) -> list[str]:
    first, *rest = MIDDLEWARE
    csp = "django.middleware.csp.ContentSecurityPolicyMiddleware"
    return [first, csp, *rest] if has_csp(given) else [first, *rest]


def template_settings(folder: Path, given: Settings) -> Settings:
    """Templates of the file come first, then those in its folder, then those of the apps."""
    processors = [*PROCESSORS, "template.{}.csp"] if has_csp(given) else PROCESSORS
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


def logging_settings(debug: bool) -> Settings:
    """Django's logging, but errors go to stderr with DEBUG off too. Django would only mail them."""
    error = "djng.dev.error_page.ErrorFormatter" if debug else "djng.log.ErrorFormatter"
    formatters = {"djng.error": {"()": error}, "djng.host": {"()": "djng.log.HostFormatter"}}
    stderr = {"class": "logging.StreamHandler"}
    mails = {**DEFAULT_LOGGING["handlers"]["mail_admins"], "class": "djng.log.AdminEmailHandler"}
    loggers = {
        "django.security.DisallowedHost": {"handlers": ["djng.host"], "propagate": False},
        "django": {"handlers": ["mail_admins"], "level": "INFO"},
        "django.request": {"level": "WARNING" if debug else "ERROR"},
    }
    return {
        **DEFAULT_LOGGING,
        "formatters": DEFAULT_LOGGING["formatters"] | formatters,
        "handlers": {**DEFAULT_LOGGING["handlers"], "mail_admins": mails}
        | {name: {**stderr, "formatter": name} for name in formatters},
        "loggers": DEFAULT_LOGGING["loggers"] | loggers,
        "root": {"handlers": ["djng.error"], "level": "WARNING"},
    }


def email_settings(given: Settings, debug: bool) -> Settings:
    """Print mails while developing, unless the user says where they go."""
    if not debug or any(name.startswith("EMAIL_") for name in given.keys() - FORMATS_OF_MAIL):
        return {}
    backend = "djng.dev.mail.EmailBackend"
    if django.VERSION >= (6, 1):  # it refuses both settings together
        return {"MAILERS": {"default": {"BACKEND": backend}}}
    return {"EMAIL_BACKEND": backend}


def contrib_apps(admin: str | None) -> list[str]:
    """Django's apps. The user's apps come before them, and may replace their templates."""
    names = [name for name in CONTRIB if admin is not None or name != "admin"]
    return ["djng.accounts", *(f"django.contrib.{name}" for name in names)]


def installed_apps(names: Iterable[str], added: Iterable[str], label: str) -> list[str]:
    """All apps. The file is the first, so that its templates and commands win."""
    names = [*names]
    missing = [name for name in added if name not in names]
    servers = [name for name in [*added, *names] if has_runserver(name)]
    first = [label, *servers, "djng", "whitenoise.runserver_nostatic"]
    return list(dict.fromkeys([*first, *missing, *names]))


def has_runserver(app: str) -> bool:
    """Whether the app has a development server, as daphne does: then the user wants that one."""
    package, *rest = app.split(".")
    if package in ("django", "whitenoise") or not (spec := find_spec(package)):
        return False
    folders = spec.submodule_search_locations or ()
    return any(Path(each, *rest, "management/commands/runserver.py").exists() for each in folders)


def for_pytest(databases: dict[str, Settings]) -> dict[str, Settings]:
    """Test databases instead of the real ones.

    Without ``--ds``, pytest-django sees the settings only when it collects the file. That is too
    late to block tests that use the database without asking for it.
    """
    result = deepcopy(databases)
    for database in result.values():
        if database["ENGINE"].endswith("sqlite3"):
            database["NAME"] = ":memory:"
        else:
            test = database.setdefault("TEST", {})
            database["NAME"] = test["NAME"] = test.get("NAME") or f"test_{database['NAME']}"
    return result
