"""Settings are a pure function of the file, the environment and the keywords."""

from copy import deepcopy
from pathlib import Path

import django
import pytest
from django.conf import global_settings

from djng.conf import build, for_pytest
from djng.environ import Environment
from djng.exceptions import DjngError, SettingError

since_6_1 = pytest.mark.skipif(django.VERSION < (6, 1), reason="this needs Django 6.1")


def settings(folder, environ=None, command=None, **given):
    return build(folder / "blog.py", environ or {}, given, "blog", command)


def test_debug_is_only_on_under_runserver(tmp_path):
    assert settings(tmp_path)["DEBUG"] is False
    assert settings(tmp_path, command="migrate")["DEBUG"] is False
    assert settings(tmp_path, command="runserver")["DEBUG"] is True


@pytest.mark.parametrize(("value", "debug"), [("1", True), ("Yes", True), ("off", False)])
def test_a_variable_turns_debug_on_and_off(tmp_path, value, debug):
    assert settings(tmp_path, {"DJANGO_DEBUG": value})["DEBUG"] is debug


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
@pytest.mark.parametrize("command", [None, "runserver"])
def test_a_blank_variable_is_as_good_as_none(tmp_path, blank, command):
    names = (
        "DJANGO_DATA DJANGO_DEBUG DJANGO_HTTPS DJANGO_SECRET_KEY DJANGO_ALLOWED_HOSTS"
        " DATABASE_URL REDIS_URL"
    )
    blanks = dict.fromkeys(names.split(), blank)
    assert settings(tmp_path, blanks, command) == settings(tmp_path, {}, command)


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


def test_the_folder_of_makemessages_is_read(tmp_path):
    assert settings(tmp_path)["LOCALE_PATHS"] == []
    (tmp_path / "locale").mkdir()
    assert settings(tmp_path)["LOCALE_PATHS"] == [tmp_path / "locale"]


def mail(made):
    return {name: value for name, value in made.items() if name.startswith(("EMAIL", "MAILERS"))}


def test_mails_are_printed_while_developing_and_are_djangos_business_later(tmp_path):
    assert "djng.dev.mail" in str(mail(settings(tmp_path, command="runserver")))
    assert mail(settings(tmp_path)) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"EMAIL_HOST": "mail.example.com"},
        {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
        {"EMAIL_USE_TLS": True},
        pytest.param({"MAILERS": {}}, marks=since_6_1),
    ],
)
@pytest.mark.parametrize("command", [None, "runserver"])
def test_the_users_mail_settings_stay_alone(tmp_path, command, given):
    assert mail(settings(tmp_path, command=command, **given)) == given


@pytest.mark.parametrize("given", [{"EMAIL_SUBJECT_PREFIX": ""}, {"EMAIL_USE_LOCALTIME": True}])
def test_a_setting_for_the_text_of_mails_does_not_send_them(tmp_path, given):
    assert "djng.dev.mail" in str(mail(settings(tmp_path, command="runserver", **given)))


@since_6_1
def test_a_function_can_add_a_mailer(tmp_path):
    def add(default):
        return {**default, "news": {}}

    assert mail(settings(tmp_path, MAILERS=add)) == {"MAILERS": {"news": {}}}
    made = settings(tmp_path, command="runserver", MAILERS=add)["MAILERS"]
    assert [*made] == ["default", "news"]


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
    assert made["SECURE_HSTS_SECONDS"] == 60 * 60 + 1


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


def test_https_can_be_taken_back_within_an_hour(tmp_path):
    made = settings(tmp_path, {"DJANGO_HTTPS": "1"})
    assert made["SECURE_HSTS_SECONDS"] == 60 * 60
    assert not made.keys() & {"SECURE_HSTS_PRELOAD", "SECURE_HSTS_INCLUDE_SUBDOMAINS"}
    made = settings(tmp_path, https=True, SECURE_HSTS_SECONDS=31536000, SECURE_HSTS_PRELOAD=True)
    assert (made["SECURE_HSTS_SECONDS"], made["SECURE_HSTS_PRELOAD"]) == (31536000, True)


def test_the_secret_key_may_come_from_the_environment(tmp_path):
    assert settings(tmp_path, {"DJANGO_SECRET_KEY": "given"})["SECRET_KEY"] == "given"
    assert settings(tmp_path, {"DJANGO_SECRET_KEY": "a"}, SECRET_KEY="b")["SECRET_KEY"] == "b"


def test_building_writes_nothing(tmp_path):
    settings(tmp_path, command="runserver")
    assert list(tmp_path.iterdir()) == []


def test_database_url_names_another_database(tmp_path):
    made = settings(tmp_path, {"DATABASE_URL": "postgres://me:pass@db.example:5433/blog"})
    database = made["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "blog")


def database(folder, url):
    return settings(folder, {"DATABASE_URL": url})["DATABASES"]["default"]


def test_the_parts_of_database_url_are_percent_encoded(tmp_path):
    made = database(tmp_path, "postgres://m%40e:%23%2F%3F%5B%25:@%2Fvar%2FRun/my%20blog")
    assert (made["USER"], made["PASSWORD"]) == ("m@e", "#/?[%:")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("/var/Run", "", "my blog")


def test_an_sqlite_path_in_database_url_is_relative_to_the_file(tmp_path):
    made = database(tmp_path, "sqlite:///other.sqlite3")
    assert made["NAME"] == tmp_path / "other.sqlite3"
    assert made["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database(tmp_path, "sqlite:////srv/50%25@home.db")["NAME"] == Path("/srv/50%@home.db")


@pytest.mark.parametrize("url", ["sqlite://:memory:", "sqlite:///:memory:", "sqlite://"])
def test_an_sqlite_database_may_be_in_memory(tmp_path, url):
    assert database(tmp_path, url)["NAME"] == ":memory:"
    assert database(tmp_path, f"{url}?timeout=5")["OPTIONS"]["timeout"] == 5


@pytest.mark.parametrize("url", ["postgres://h/blog", "sqlite:///blog.db"])
def test_the_options_of_database_url_are_used(tmp_path, url):
    options = database(tmp_path, f"{url}?timeout=0.5&sslmode=require&pool=true&options=-c%20a=b")
    given = {"timeout": 0.5, "sslmode": "require", "pool": True, "options": "-c a=b"}
    assert options["OPTIONS"].items() >= given.items()


def test_a_service_of_postgresql_names_the_database(tmp_path):
    assert database(tmp_path, "postgres://?service=blog")["OPTIONS"] == {"service": "blog"}


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
@pytest.mark.parametrize(
    "value",
    [
        "nothing://me:hush@[h",
        "postgres//me:hush@host",
        "me:hush://x@host/blog",
        "{}://me:hush#1@host/1",
        "{}://me:hush/1@host/1",
        "{}://me:1/hush@host/1",
        "{}://me:hush?1@host/1",
        "{}://me:hush?a=1@host/1",
        "{}://me:1?a=hush@host/1",
        "{}://me:hush[1@host/1",
        "{}://me:hush[1]@host/1",
        "{}://me:hush\n1@host/1",
        "{}://me:hush@host:port/1",
        "{}://me:hush@host/1?option",
        "{}://me:hush@host/1?option=1&option=2",
    ],
)
def test_the_error_for_a_wrong_url_explains_it_and_shows_no_password(tmp_path, name, value):
    with pytest.raises(SettingError) as caught:
        settings(tmp_path, {name: value.format("postgres" if "DATABASE" in name else "redis")})
    assert name in str(caught.value)
    assert "In a password, write %25 for %, %23 for #, %2F for /," in caught.value.hint
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres://me:hush@host", "postgres://host/", "sqlite:///"])
def test_a_url_without_a_database_is_an_error(tmp_path, url):
    with pytest.raises(SettingError, match="DATABASE_URL names no database") as caught:
        database(tmp_path, url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://data/blog.db", "nothing://host/blog"])
def test_another_url_is_an_error(tmp_path, url):
    with pytest.raises(SettingError) as caught:
        database(tmp_path, url)
    assert "It takes sqlite:///FILE or postgres://USER" in caught.value.hint


def test_a_missing_driver_of_a_database_is_one_line(tmp_path):
    with pytest.raises(SettingError) as caught:
        database(tmp_path, "oracle://me:hush@host/blog")
    assert caught.value.message.startswith("the driver for DATABASE_URL is missing: ")
    assert (caught.value.hint, "\n" in caught.value.message) == ("pip install oracledb", False)
    assert "hush" not in str(caught.value)


def test_a_misspelled_setting_is_corrected(tmp_path):
    with pytest.raises(SettingError, match="DEBUGG is not a Django setting") as caught:
        settings(tmp_path, DEBUGG=True)
    assert "DEBUG?" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"ALLOWED_HOSTS": "example.com"}, "ALLOWED_HOSTS is a list.", 'Write ["example.com"].'),
        ({"MIDDLEWARE": lambda default: "a.B"}, "MIDDLEWARE is a list.", 'Write ["a.B"].'),
        (
            {"DEBUG": "False"},
            "DEBUG is True or False.",
            "Write DEBUG=False or DEBUG=True",
        ),
        (
            {"USE_TZ": ""},
            "USE_TZ is True or False.",
            "Write USE_TZ=False or USE_TZ=True",
        ),
        (
            {"DATABASE_URL": "sqlite:///a"},
            "DATABASE_URL is an environment variable, not a setting.",
            "Set it",
        ),
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


def test_a_setting_that_an_installed_app_reads_is_not_misspelled(tmp_path, monkeypatch):
    (tmp_path / "shop/deep").mkdir(parents=True)
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/deep/conf.py").write_text("getattr(settings, 'MEDIA_ROOTS', [])")
    monkeypatch.syspath_prepend(tmp_path)
    for given in ({"apps": ["shop.deep"]}, {"INSTALLED_APPS": ["shop.deep.DeepConfig"]}):
        assert settings(tmp_path, MEDIA_ROOTS=[1], **given)["MEDIA_ROOTS"] == [1]
        with pytest.raises(SettingError, match="MEDIA_ROOTZ is not a Django setting"):
            settings(tmp_path, MEDIA_ROOTZ=[1], **given)
    with pytest.raises(SettingError, match="MEDIA_ROOTS is not a Django setting"):
        settings(tmp_path, MEDIA_ROOTS=[1], apps=["nosuch", "django.contrib.sites"])


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="it takes both forms")
def test_admins_without_names_are_refused_before_django_6(tmp_path):
    with pytest.raises(SettingError, match="list of pairs"):
        settings(tmp_path, ADMINS=["ada@example.org"])
