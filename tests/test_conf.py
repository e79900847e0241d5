"""Settings are a pure function of the file, the environment and the keywords."""

from copy import deepcopy

import pytest
from django.conf import global_settings

from djng.conf import build, for_pytest
from djng.environ import Environment
from djng.exceptions import DjngError, SettingError


def settings(folder, environ=None, command=None, **given):
    return build(folder / "blog.py", environ or {}, given, "blog", command)


def test_debug_is_only_on_under_runserver(tmp_path):
    assert settings(tmp_path)["DEBUG"] is False
    assert settings(tmp_path, command="migrate")["DEBUG"] is False
    assert settings(tmp_path, command="runserver")["DEBUG"] is True


@pytest.mark.parametrize(("value", "debug"), [("1", True), ("Yes", True), ("off", False)])
def test_a_variable_turns_debug_on_and_off(tmp_path, value, debug):
    assert settings(tmp_path, {"DJANGO_DEBUG": value})["DEBUG"] is debug


def test_a_keyword_in_capitals_is_a_setting(tmp_path):
    made = settings(tmp_path, {"DJANGO_DEBUG": "1"}, DEBUG=False, LANGUAGE_CODE="de")
    assert (made["DEBUG"], made["LANGUAGE_CODE"]) == (False, "de")


def test_files_are_beside_the_users_file(tmp_path):
    made = settings(tmp_path)
    assert made["DATABASES"]["default"]["NAME"] == tmp_path / "blog.sqlite3"
    assert made["TEMPLATES"][0]["DIRS"] == [tmp_path / "templates"]
    assert made["MEDIA_ROOT"] == tmp_path / "media"


def test_only_existing_folders_are_served(tmp_path):
    assert settings(tmp_path)["STATICFILES_DIRS"] == []
    (tmp_path / "static").mkdir()
    (tmp_path / "public").mkdir()
    made = settings(tmp_path)
    assert made["STATICFILES_DIRS"] == [tmp_path / "static"]
    assert made["WHITENOISE_ROOT"] == tmp_path / "public"


def test_the_manifest_storage_needs_a_manifest(tmp_path):
    assert "Manifest" not in settings(tmp_path)["STORAGES"]["staticfiles"]["BACKEND"]
    (tmp_path / "staticfiles").mkdir()
    (tmp_path / "staticfiles" / "staticfiles.json").write_text("{}")
    assert "Manifest" in settings(tmp_path)["STORAGES"]["staticfiles"]["BACKEND"]


def test_apps_and_middleware_are_added(tmp_path):
    made = settings(tmp_path, apps=["shop"], middleware=["shop.Basket"])
    assert made["INSTALLED_APPS"].index("shop") < made["INSTALLED_APPS"].index(
        "django.contrib.admin"
    )
    assert made["MIDDLEWARE"][-1] == "shop.Basket"


def test_a_function_gets_the_default_and_returns_the_setting(tmp_path):
    plain = settings(tmp_path)["MIDDLEWARE"]
    made = settings(
        tmp_path,
        MIDDLEWARE=lambda default: ["toolbar.Toolbar", *default],
        LANGUAGES=lambda default: default[:1],
        LOCALE_PATHS=lambda default: [*default, tmp_path],
    )
    assert made["MIDDLEWARE"] == ["toolbar.Toolbar", *plain]
    assert made["LANGUAGES"] == global_settings.LANGUAGES[:1]
    assert made["LOCALE_PATHS"] == [tmp_path]


@pytest.mark.parametrize("name", ["STORAGES", "LOGGING", "DATABASES", "CACHES"])
def test_a_function_cannot_change_the_default(tmp_path, name):
    def spoil(default):
        for each in default.values():
            if isinstance(each, dict):
                each.clear()
        return default

    before = deepcopy([settings(tmp_path).get(name), getattr(global_settings, name)])
    assert settings(tmp_path, **{name: spoil})[name] not in before
    assert [settings(tmp_path).get(name), getattr(global_settings, name)] == before


def test_a_function_can_change_debug_and_https(tmp_path):
    assert settings(tmp_path, DEBUG=lambda default: default)["DEBUG"] is False
    assert settings(tmp_path, DEBUG=lambda default: not default)["DEBUG"] is True
    made = settings(tmp_path, https=True, SECURE_HSTS_SECONDS=lambda default: default + 1)
    assert made["SECURE_HSTS_SECONDS"] == 365 * 24 * 60 * 60 + 1


def test_apps_and_middleware_can_be_any_iterable(tmp_path):
    made = settings(tmp_path, apps=iter(["one"]), INSTALLED_APPS=lambda default: iter(default))
    assert made["INSTALLED_APPS"].count("one") == 1
    assert "django.contrib.auth" in made["INSTALLED_APPS"]


def test_a_function_that_returns_nothing_is_an_error(tmp_path):
    with pytest.raises(SettingError, match="the function for MIDDLEWARE returned None") as caught:
        settings(tmp_path, MIDDLEWARE=lambda default: default.insert(0, "toolbar.Toolbar"))
    assert "return" in caught.value.hint
    assert settings(tmp_path, WHITENOISE_ROOT=lambda default: default)["WHITENOISE_ROOT"] is None


def test_a_setting_that_is_a_function_stays_a_function(tmp_path):
    def of_whitenoise(path, url): ...

    made = settings(tmp_path, WHITENOISE_IMMUTABLE_FILE_TEST=of_whitenoise)
    assert made["WHITENOISE_IMMUTABLE_FILE_TEST"] is of_whitenoise


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["a", "b"], ["a", "b", "new"]),
        (["a", "new", "b"], ["a", "new", "b"]),
        (lambda default: ["a", *default[-1:]], ["a", "new"]),
        (lambda default: [*default[-1:], "a"], ["new", "a"]),
        (lambda default: ["a"], ["a", "new"]),
    ],
)
def test_middleware_is_added_once(tmp_path, given, made):
    assert settings(tmp_path, MIDDLEWARE=given, middleware=["new"])["MIDDLEWARE"] == made


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["a", "b"], ["new", "a", "b"]),
        (["a", "new", "b"], ["a", "new", "b"]),
        (lambda default: ["a", *default[:1]], ["a", "new"]),
        (lambda default: [*default[:1], "a"], ["new", "a"]),
        (lambda default: ["a"], ["new", "a"]),
    ],
)
def test_apps_are_added_once(tmp_path, given, made):
    apps = settings(tmp_path, INSTALLED_APPS=given, apps=["new"])["INSTALLED_APPS"]
    assert apps == ["blog", "djng", "whitenoise.runserver_nostatic", *made]


def test_a_site_can_have_no_admin(tmp_path):
    assert "django.contrib.admin" not in settings(tmp_path, admin=None)["INSTALLED_APPS"]


def test_installed_apps_always_contain_the_file(tmp_path):
    made = settings(tmp_path, INSTALLED_APPS=["django.contrib.auth"], MIDDLEWARE=[])
    assert made["INSTALLED_APPS"][0] == "blog"
    assert "django.contrib.sessions" not in made["INSTALLED_APPS"]
    assert made["MIDDLEWARE"] == []


def test_only_this_machine_is_allowed_by_default(tmp_path):
    hosts = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
    assert settings(tmp_path)["ALLOWED_HOSTS"] == [*hosts, "testserver"]  # which no server keeps
    named = settings(tmp_path, {"DJANGO_ALLOWED_HOSTS": "example.com, .example.org"})
    assert named["ALLOWED_HOSTS"] == ["example.com", ".example.org"]


def test_https_lets_no_other_host_post(tmp_path):
    environ = {"DJANGO_HTTPS": "1", "DJANGO_ALLOWED_HOSTS": "example.com,.example.org"}
    environ["DJANGO_CSRF_TRUSTED_ORIGINS"] = "https://other.example"
    made = settings(tmp_path, environ)
    assert made["SECURE_SSL_REDIRECT"] is True
    assert made["CSRF_TRUSTED_ORIGINS"] == ["https://other.example"]


def test_the_secret_key_is_random_until_one_is_saved(tmp_path):
    assert settings(tmp_path)["SECRET_KEY"] != settings(tmp_path)["SECRET_KEY"]
    (tmp_path / "blog.secret").write_text("kept")
    assert settings(tmp_path)["SECRET_KEY"] == "kept"
    assert settings(tmp_path, {"DJANGO_SECRET_KEY": "given"})["SECRET_KEY"] == "given"


def test_building_writes_nothing(tmp_path):
    settings(tmp_path, command="runserver")
    assert list(tmp_path.iterdir()) == []


def test_database_url_names_another_database(tmp_path):
    made = settings(tmp_path, {"DATABASE_URL": "postgres://me:pass@db.example:5433/blog"})
    database = made["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "blog")


def test_an_sqlite_path_in_database_url_is_relative_to_the_file(tmp_path):
    made = settings(tmp_path, {"DATABASE_URL": "sqlite:///other.sqlite3"})["DATABASES"]["default"]
    assert made["NAME"] == tmp_path / "other.sqlite3"
    assert made["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize("name", ["CACHE_URL", "REDIS_URL"])
def test_redis_holds_the_cache_and_the_sessions(tmp_path, name):
    made = settings(tmp_path, {name: "redis://localhost:6379/1"})
    assert made["CACHES"]["default"]["LOCATION"] == "redis://localhost:6379/1"
    assert made["SESSION_ENGINE"] == "django.contrib.sessions.backends.cached_db"


def test_the_port_is_8000_unless_a_variable_says_otherwise():
    assert (Environment({}).port(), Environment({"PORT": "5000"}).port()) == ("8000", "5000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DJANGO_DEBUG", "maybe"),
        ("DJANGO_HTTPS", "2"),
        ("DJANGO_ALLOWED_HOSTS", "https://example.com"),
        ("DJANGO_ALLOWED_HOSTS", "example.com:80"),
        ("DJANGO_CSRF_TRUSTED_ORIGINS", "example.com"),
    ],
)
def test_a_variable_that_does_not_parse_is_an_error(tmp_path, name, value):
    with pytest.raises(SettingError) as caught:
        settings(tmp_path, {name: value})
    assert name in caught.value.message
    assert value in caught.value.message
    assert "It takes" in caught.value.hint


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", "٣"])
def test_a_wrong_port_is_an_error(value):
    with pytest.raises(SettingError, match="PORT"):
        Environment({"PORT": value}).port()


@pytest.mark.parametrize("name", ["DATABASE_URL", "CACHE_URL", "REDIS_URL"])
@pytest.mark.parametrize("value", ["nothing://me:hush@[h", "postgres//me:hush@host"])
def test_the_error_for_a_wrong_url_shows_no_password(tmp_path, name, value):
    with pytest.raises(SettingError) as caught:
        settings(tmp_path, {name: value})
    assert name in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_misspelt_setting_is_corrected(tmp_path):
    with pytest.raises(SettingError, match="DEBUGG is not a Django setting") as caught:
        settings(tmp_path, DEBUGG=True)
    assert "DEBUG?" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"ALLOWED_HOSTS": "example.com"}, "ALLOWED_HOSTS is a list.", 'Write ["example.com"].'),
        ({"MIDDLEWARE": lambda default: "a.B"}, "MIDDLEWARE is a list.", 'Write ["a.B"].'),
        ({"TIME_ZONE": "Berlin"}, "there is no TIME_ZONE 'Berlin'.", '"Europe/Berlin"?'),
        ({"middleware": [object]}, "middleware is a list of dotted names.", "@app.middleware"),
    ],
)
def test_wrong_values_are_errors_at_once(tmp_path, given, message, hint):
    with pytest.raises(DjngError) as caught:
        settings(tmp_path, **given)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_tests_never_use_the_real_database():
    postgres = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}
    made = for_pytest({"default": sqlite, "other": postgres})
    assert made["default"]["NAME"] == ":memory:"
    assert made["other"]["NAME"] == made["other"]["TEST"]["NAME"] == "test_shop"
    assert postgres["NAME"] == "shop"


def test_settings_of_other_packages_are_accepted(tmp_path):
    made = settings(tmp_path, REST_FRAMEWORK={}, CORS_ALLOWED_ORIGINS=[], CRISPY_TEMPLATE_PACK="x")
    assert made["CRISPY_TEMPLATE_PACK"] == "x"
