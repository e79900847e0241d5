"""The account pages: log in, log out, sign up, and change or reset a password."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from urllib.parse import urlencode

import pytest
from conftest import Site
from visitor import HASHER, PASSWORD, Visitor

ACCOUNTS = """
from djng import Djng

app = Djng(OPTIONS)

from django.contrib.auth.decorators import login_required, permission_required

app.include("/accounts/", "django.contrib.auth.urls")
app.include("/accounts/", "djng.signup")


@app.route("/")
def index(request):
    return f"Hello {request.user}"


@app.route("/private/")
@login_required
def private(request):
    return f"{request.user}, {request.GET.get('page')}"


@app.route("/forbidden/")
@permission_required("blog.everything")
def forbidden(request):
    return "never"
"""


def accounts(*options):
    return ACCOUNTS.replace("OPTIONS", ", ".join([HASHER, *options]))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The site with its tables and a superuser."""
    site = Site(tmp_path_factory.mktemp("site")).write(accounts())
    site.shell(f"""
        from django.contrib.auth.models import User
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        User.objects.create_superuser("root", "root@example.org", "{PASSWORD}")
    """)
    shutil.copy(site.folder / "blog.sqlite3", site.folder / "migrated.sqlite3")
    return site


@pytest.fixture(scope="module")
def server(migrated):
    with migrated.serve() as server:
        yield server


def test_login_required_leads_to_the_login_page_and_back(visitor, another):
    another.sign_up("ada")
    page = visitor.open("/private/?page=3")
    assert page.path.startswith("/accounts/login/?next=")
    assert "<h1>Log in</h1>" in page.text
    page = visitor.sign_in("ada", "/private/?page=3")
    assert (page.path, page.text) == ("/private/?page=3", "ada, 3")


def test_after_log_in_comes_the_home_page(visitor, another):
    another.sign_up("home")
    assert visitor.sign_in("home").path == "/"
    assert visitor.open("/").text == "Hello home"


def test_a_wrong_password_shows_an_error(visitor, another):
    another.sign_up("wrong")
    page = visitor.sign_in("wrong", password="a guess")
    assert "Please enter a correct username and password." in page.text
    assert "<title>Error: Log in</title>" in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_a_user_without_permission_sees_why(visitor):
    visitor.sign_up("curious")
    page = visitor.open("/forbidden/")
    assert page.path.startswith("/accounts/login/")
    assert "authenticated as curious, but are not authorized" in page.text


def test_the_log_in_page_alone_refuses_nothing_to_a_user(visitor):
    visitor.sign_up("browsing")
    assert "not authorized" not in visitor.open("/accounts/login/").text


def test_log_out(visitor):
    visitor.sign_up("leaver")
    page = visitor.sign_out()
    assert "<h1>Logged out</h1>" in page.text
    assert 'href="/accounts/login/"' in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_a_user_changes_the_password(visitor, another):
    visitor.sign_up("changer")
    new = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    page = visitor.fill_in("/accounts/password_change/", old_password="wrong", **new)
    assert "Your old password was entered incorrectly." in page.text
    page = visitor.fill_in("/accounts/password_change/", old_password=PASSWORD, **new)
    assert page.path == "/accounts/password_change/done/"
    assert "Your password was changed." in page.text
    assert visitor.open("/").text == "Hello changer"
    assert another.sign_in("changer", password="battery-staple-8").path == "/"


def test_a_user_resets_a_forgotten_password_by_mail(server, visitor, another):
    another.sign_up("forgetful")
    assert 'href="/accounts/password_reset/"' in visitor.open("/accounts/login/").text
    page = visitor.fill_in("/accounts/password_reset/", email="forgetful@example.org")
    assert page.path == "/accounts/password_reset/done/"
    log = server.says("The 127.0.0.1:")  # the last line of the mail
    mail = log
    assert "you are: forgetful" in mail
    assert f"Subject: Password reset on 127.0.0.1:{server.port}" in mail
    link = re.findall(rf"^{visitor.root}(/accounts/reset/\S+)", mail, re.MULTILINE)[-1]
    page = visitor.fill_in(link, new_password1="battery-staple-8", new_password2="other")
    assert "The two password fields didn" in page.text
    again = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    page = visitor.fill_in(link, **again)
    assert page.path == "/accounts/reset/done/"
    assert "Your password has been set." in page.text
    assert visitor.sign_in("forgetful", password="battery-staple-8").path == "/"
    assert "The password reset link was invalid" in another.open(link).text


def test_a_new_user_is_logged_in(visitor):
    page = visitor.open("/accounts/login/?next=/private/%3Fpage%3D1")
    (link,) = re.findall(r'href="(/accounts/signup/[^"]+)"', page.text)
    page = visitor.sign_up("newcomer", link)
    assert (page.path, page.text) == ("/private/?page=1", "newcomer, 1")
    visitor.sign_out()
    assert visitor.sign_in("newcomer").path == "/"


def test_two_names_must_differ_in_more_than_upper_case(visitor, another):
    visitor.sign_up("taken")
    for name in ("taken", "TAKEN"):
        page = another.sign_up(name)
        assert page.text.count("A user with that username already exists.") == 1
    assert another.open("/").text == "Hello AnonymousUser"


@pytest.mark.parametrize(
    ("first", "second"), [("Ärger", "äRGER"), ("Жанна", "жанНА"), ("Σίσυφος", "ΣΊΣΥΦΟΣ")]
)
def test_the_case_of_every_letter_counts_as_the_same(visitor, another, first, second):
    assert visitor.sign_up(first).path == "/"
    assert "A user with that username already exists." in another.sign_up(second).text
    assert another.sign_up(f"{second[:-1]}x").path == "/"


SLOW_VALIDATOR = """
class SlowValidator:
    def validate(self, password, user=None):
        import time
        time.sleep(1)

    def get_help_text(self):
        return ""
"""


@pytest.fixture(scope="module")
def slow(migrated, tmp_path_factory):
    """A site where some time passes between the check of a name and the save."""
    site = Site(tmp_path_factory.mktemp("slow"))
    shutil.copy(migrated.folder / "migrated.sqlite3", site.folder / "blog.sqlite3")
    validators = 'AUTH_PASSWORD_VALIDATORS=[{"NAME": "blog.SlowValidator"}]'
    site.write(accounts(validators) + SLOW_VALIDATOR)
    with site.serve() as server:
        yield server


@pytest.mark.parametrize("names", ["same same same", "Case cASE CASE", "Über über ÜBER"])
def test_of_sign_ups_at_once_with_one_name_one_succeeds(slow, names):
    with ThreadPoolExecutor(3) as pool:
        pages = [*pool.map(lambda name: Visitor(slow).sign_up(name), names.split())]
    assert sorted(page.path for page in pages) == ["/", *["/accounts/signup/"] * 2]
    refused = [page.text for page in pages if page.path != "/"]
    assert all("A user with that username already exists." in text for text in refused)
    assert "Traceback" not in slow.log()


@pytest.mark.parametrize(
    ("name", "password", "complaint"),
    [
        ("weak", "12345678", "This password is entirely numeric."),
        ("similar-name", "similar-name", "too similar to the username"),
        ("not a name", PASSWORD, "Enter a valid username."),
        ("", PASSWORD, "This field is required."),
    ],
)
def test_sign_up_shows_what_is_wrong(visitor, name, password, complaint):
    page = visitor.sign_up(name, password=password)
    assert page.path == "/accounts/signup/"
    assert complaint in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_sign_up_requires_its_fields_and_ignores_others(visitor):
    fields = {"username": "sly", "password1": PASSWORD, "password2": PASSWORD}
    page = visitor.fill_in("/accounts/signup/", **fields, is_superuser="on", is_staff="on")
    assert "This field is required." in page.text
    visitor.fill_in("/accounts/signup/", email="sly@a.org", is_superuser="on", **fields)
    assert visitor.open("/").text == "Hello sly"
    assert visitor.open("/forbidden/").path.startswith("/accounts/login/")


@pytest.mark.parametrize("page", ["signup", "login"])
def test_next_never_leads_to_another_site(visitor, page):
    for number, target in enumerate(["//evil.example", "https://evil.example/", "javascript:a"]):
        name = f"hunted-{page}-{number}"
        path = f"/accounts/{page}/?{urlencode({'next': target})}"
        assert "evil" not in visitor.open(path).text
        if page == "login":
            Visitor(visitor.server).sign_up(name)
            assert visitor.sign_in(name, path).path == "/"
        else:
            assert visitor.sign_up(name, path).path == "/"
        visitor.sign_out()


def test_a_logged_in_user_cannot_sign_up(visitor):
    visitor.sign_up("member")
    assert visitor.open("/accounts/signup/").path == "/"
    assert visitor.open("/accounts/signup/?next=/private/").path == "/private/"
    assert visitor.open("/accounts/signup/?next=/accounts/signup/").path == "/"


def test_forms_need_a_csrf_token_and_are_not_cached(server):
    for name in ("signup", "login"):
        assert server.request(f"/accounts/{name}/", "POST", "username=x").status == 403
        assert "no-store" in server.request(f"/accounts/{name}/").headers["Cache-Control"]


def test_every_field_has_a_label_and_every_page_a_language(visitor):
    for name in ("signup", "login", "password_reset"):
        page = visitor.open(f"/accounts/{name}/").text
        assert '<html lang="en-us" dir="ltr">' in page
        fields = re.findall(r'<input (?!type="hidden")[^>]*id="(\w+)"', page)
        assert fields and fields == re.findall(r'<label for="(\w+)"', page)
        assert not re.search(r"(src=|<link|url\()", page.partition("</style>")[0])


def client(site, code, migrated=None):
    """Return what the code prints. Its `client` is a test client of the site."""
    if migrated:
        shutil.copy(migrated.folder / "migrated.sqlite3", site.folder / "blog.sqlite3")
    start = """
        import django.test

        client = django.test.Client(SERVER_NAME="localhost")
        new = {"username": "ada", "email": "a@b.org"}
        new |= dict.fromkeys(["password1", "password2"], "correct-horse-9")
    """
    return site.shell(f"{dedent(start)}\n{dedent(code)}")


PAGES = """
def show(path, page):
    text = re.sub('value="[A-Za-z0-9]{64}"', "", page.text)  # the CSRF token
    print(f"==== {path} {page.status_code}", text)

import re
form = dict.fromkeys(["new_password1", "new_password2"], "other-horse-9")
wrong, right = {"old_password": "wrong"}, {"old_password": "correct-horse-9"}
for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password_reset/"):
    show(path, client.get(path))
    show(path, client.post(path, {"username": "ada", "password": "wrong"}))
show("/accounts/signup/", client.post("/accounts/signup/", new, follow=True))
for data in (wrong, right):
    path = "/accounts/password_change/"
    show(path, client.get(path))
    show(path, client.post(path, {**form, **data}, follow=True))
show("/accounts/logout/", client.post("/accounts/logout/"))
show("/accounts/login/", client.get("/forbidden/", follow=True))
"""


def test_the_pages_are_the_same_without_the_admin(site, migrated, tmp_path_factory):
    pages = client(site.write(accounts()), PAGES, migrated)
    without = Site(tmp_path_factory.mktemp("without")).write(accounts("admin=None"))
    assert client(without, PAGES, migrated) == pages
    assert pages.count("==== ") == 13
    assert "Your password was changed." in pages


def test_the_pages_are_in_the_sites_language(site):
    code = 'print(client.get("/accounts/login/").text)'
    page = client(site.write(accounts('LANGUAGE_CODE="ar"')), code)
    assert '<html lang="ar" dir="rtl">' in page
    assert "<h1>ادخل</h1>" in page


def test_sign_up_with_several_backends_and_login_required_everywhere(site, migrated):
    backends = [f"django.contrib.auth.backends.{kind}Backend" for kind in ("RemoteUser", "Model")]
    middleware = ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
    site.write(accounts(f"AUTHENTICATION_BACKENDS={backends}, middleware={middleware}"))
    code = """
        print(client.get("/").status_code, client.get("/accounts/signup/").status_code)
        client.post("/accounts/signup/", new)
        print(client.get("/").text)
    """
    assert client(site, code, migrated).splitlines() == ["302 200", "Hello ada"]


def test_a_new_user_that_no_backend_accepts_must_log_in(site, migrated):
    backends = ["django.contrib.auth.backends.RemoteUserBackend"]
    site.write(accounts(f"AUTHENTICATION_BACKENDS={backends}"))
    code = 'print(client.post("/accounts/signup/?next=/private/", new)["Location"])'
    assert client(site, code, migrated) == "/accounts/login/?next=/private/"


def test_a_site_may_have_its_own_sign_up_form(site, migrated):
    site.write(
        accounts()
        + """
from django import forms
from djng.signup import SignUpForm, SignUpView


class MemberForm(SignUpForm):
    terms = forms.BooleanField(label="I accept the terms.")


@app.route("/join/", name="signup")
class Join(SignUpView):
    form_class = MemberForm
"""
    )
    code = """
        from djng.signup import SignUpForm
        meta = type("Meta", (SignUpForm.Meta,), {"fields": ("username",)})
        assert "email" not in type("Short", (SignUpForm,), {"Meta": meta})().fields
        print(client.post("/join/", new).status_code)
        print(client.post("/join/", {**new, "terms": "on"}).status_code)
        print("I accept the terms." in client.get("/join/").text)
    """
    assert client(site, code, migrated).split() == ["200", "302", "False"]


OWN = """
app.templates["registration/base.html"] = '''
<title>{% block title %}{% endblock %}</title><b>ours</b>{% block content %}{% endblock %}'''
app.templates["registration/password_reset_form.html"] = "whole {{ form.email }}"
"""


def test_the_sites_own_templates_come_first_then_those_of_its_apps(site):
    site.write(accounts('apps=["theme"]') + OWN)
    site.put("theme/__init__.py", "").put("theme/templates/registration/login.html", "the theme's")
    site.put("templates/registration/password_reset_done.html", "in the folder")
    code = """
        for name in ("signup", "password_reset", "password_reset/done", "login"):
            print(client.get(f"/accounts/{name}/").text, end="===")
    """
    sign_up, reset, done, log_in, _ = client(site, code).split("===")
    assert "<title>Sign up</title><b>ours</b>" in sign_up
    assert 'name="username"' in sign_up and "<style" not in sign_up
    assert reset.startswith("whole <input")
    assert done == "in the folder"
    assert log_in == "the theme's"


def test_the_admin_keeps_its_own_pages(visitor):
    assert visitor.sign_in("root", "/admin/").path == "/admin/"
    page = visitor.open("/admin/password_change/")
    assert 'id="site-name"' in page.text and "<style" not in page.text
    assert page.text.count("Please enter your old password") == 1
    new = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    page = visitor.fill_in("/admin/password_change/", old_password=PASSWORD, **new)
    assert page.path == "/admin/password_change/done/"
    assert 'id="site-name"' in page.text
    page = visitor.sign_out("/admin/logout/", "/admin/password_change/")
    assert 'id="site-name"' in page.text
    assert 'href="/admin/">Log in again' in page.text


def test_the_admins_templates_render_as_before(migrated):
    compared = migrated.shell("""
        from pathlib import Path
        from django.contrib import admin
        from django.contrib.auth.models import AnonymousUser, User
        from django.template import engines
        from django.template.loader import render_to_string
        from django.test import RequestFactory

        request = RequestFactory().get("/")
        request.user = AnonymousUser()
        context = {**admin.site.each_context(request), "title": "Title", "validlink": True}
        context |= {"uid": "MQ", "token": "a-b", "site_name": "Here"}
        context |= {"user": User(username="<ada>")}
        for path in (Path(admin.__file__).parent / "templates/registration").iterdir():
            own = engines["django"].from_string(path.read_text()).render(context)
            found = render_to_string(f"registration/{path.name}", context)
            print(path.name, own.split() == found.split())
    """)
    assert len(compared.splitlines()) == 8
    assert "False" not in compared
