"""Signing in, out and up, by Django's own URLs and the pages that djng has for them."""

import quopri
import re
from http.cookiejar import CookieJar
from types import SimpleNamespace
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from conftest import Site
from test_readme import PYTHON

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
# It is weak, and fast.
HASHER = 'PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]'
PASSWORD = "correct-horse-9"
SUPERUSER = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "DJANGO_SUPERUSER_EMAIL": "root@example.org"}


def accounts(*options):
    return ACCOUNTS.replace("OPTIONS", ", ".join([HASHER, *options]))


class Visitor:
    """A browser as far as cookies, redirects and forms go."""

    def __init__(self, server):
        self.server, self.root = server, f"http://127.0.0.1:{server.port}"
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def open(self, path, data=None):
        with self.opener.open(self.root + path, data) as response:
            text = response.read().decode()
            return SimpleNamespace(text=text, path=response.url.removeprefix(self.root))

    def fill_in(self, path, **fields):
        """Open the page, send its form with the fields, and return the page that this leads to."""
        page = self.open(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        fields = {"csrfmiddlewaretoken": token, **fields}
        return self.open(page.path, urlencode(fields).encode())

    def sign_up(self, name, path="/accounts/signup/", password=PASSWORD):
        passwords = {"password1": password, "password2": password}
        email = name if "@" in name else f"{name}@example.org"
        return self.fill_in(path, username=name, email=email, **passwords)

    def sign_in(self, name, path="/accounts/login/", password=PASSWORD):
        return self.fill_in(path, username=name, password=password)

    def sign_out(self, path="/accounts/logout/", form="/accounts/password_change/"):
        token = re.search(r'middlewaretoken" value="(\w+)"', self.open(form).text)[1]
        return self.open(path, urlencode({"csrfmiddlewaretoken": token}).encode())


@pytest.fixture(scope="module", params=["", "admin=None"], ids=["admin", "no-admin"])
def server(request, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site")).write(accounts(request.param))
    with site.serve() as server:
        yield server


@pytest.fixture
def visitor(server):
    return Visitor(server)


@pytest.fixture
def another(server):
    return Visitor(server)


def test_login_required_leads_to_the_login_page_and_back(visitor, another):
    another.sign_up("ada")
    page = visitor.open("/private/?page=3")
    assert page.path.startswith("/accounts/login/?next=")
    assert "<h1>Log in</h1>" in page.text
    page = visitor.sign_in("ada", "/private/?page=3")
    assert (page.path, page.text) == ("/private/?page=3", "ada, 3")


def test_signing_in_leads_home(visitor, another):
    another.sign_up("home")
    assert visitor.sign_in("home").path == "/"
    assert visitor.open("/").text == "Hello home"


def test_a_wrong_password_is_told(visitor, another):
    another.sign_up("wrong")
    page = visitor.sign_in("wrong", password="a guess")
    assert "Please enter a correct username and password." in page.text
    assert "<title>Error: Log in</title>" in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_who_may_not_see_a_page_is_told(visitor):
    visitor.sign_up("curious")
    page = visitor.open("/forbidden/")
    assert page.path.startswith("/accounts/login/")
    assert "authenticated as curious, but are not authorized" in page.text


def test_signing_out(visitor):
    visitor.sign_up("leaver")
    page = visitor.sign_out()
    assert "<h1>Logged out</h1>" in page.text
    assert 'href="/accounts/login/"' in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_a_password_is_changed(visitor, another):
    visitor.sign_up("changer")
    new = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    page = visitor.fill_in("/accounts/password_change/", old_password="wrong", **new)
    assert "Your old password was entered incorrectly." in page.text
    page = visitor.fill_in("/accounts/password_change/", old_password=PASSWORD, **new)
    assert page.path == "/accounts/password_change/done/"
    assert "Your password was changed." in page.text
    assert visitor.open("/").text == "Hello changer"
    assert another.sign_in("changer", password="battery-staple-8").path == "/"


def test_a_forgotten_password_is_reset_by_mail(server, visitor, another):
    another.sign_up("forgetful")
    assert 'href="/accounts/password_reset/"' in visitor.open("/accounts/login/").text
    page = visitor.fill_in("/accounts/password_reset/", email="forgetful@example.org")
    assert page.path == "/accounts/password_reset/done/"
    log = server.says("The 127.0.0.1:")  # the last line of the mail
    mail = quopri.decodestring(log.encode()).decode()  # how it comes from Django 6.0 on
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


def test_signing_up_signs_in(visitor):
    page = visitor.open("/accounts/login/?next=/private/%3Fpage%3D1")
    (link,) = re.findall(r'href="(/accounts/signup/[^"]+)"', page.text)
    page = visitor.sign_up("newcomer", link)
    assert (page.path, page.text) == ("/private/?page=1", "newcomer, 1")
    visitor.sign_out()
    assert visitor.sign_in("newcomer").path == "/"


def test_a_name_is_taken_in_upper_case_too(visitor, another):
    visitor.sign_up("taken")
    for name in ("taken", "TAKEN"):
        page = another.sign_up(name)
        assert page.text.count("A user with that username already exists.") == 1
    assert another.open("/").text == "Hello AnonymousUser"


@pytest.mark.parametrize(
    ("name", "password", "complaint"),
    [
        ("weak", "12345678", "This password is entirely numeric."),
        ("similar-name", "similar-name", "too similar to the username"),
        ("not a name", PASSWORD, "Enter a valid username."),
        ("", PASSWORD, "This field is required."),
    ],
)
def test_what_is_no_good_is_told_at_sign_up(visitor, name, password, complaint):
    page = visitor.sign_up(name, password=password)
    assert page.path == "/accounts/signup/"
    assert complaint in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"


def test_required_fields_are_required_and_nothing_else_is_taken(visitor):
    fields = {"username": "sly", "password1": PASSWORD, "password2": PASSWORD}
    page = visitor.fill_in("/accounts/signup/", **fields, is_superuser="on", is_staff="on")
    assert "This field is required." in page.text
    visitor.fill_in("/accounts/signup/", email="sly@a.org", is_superuser="on", **fields)
    assert visitor.open("/").text == "Hello sly"
    assert visitor.open("/forbidden/").path.startswith("/accounts/login/")


@pytest.mark.parametrize("page", ["signup", "login"])
def test_a_hostile_next_stays_here(visitor, page):
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


def test_who_is_signed_in_has_no_sign_up(visitor):
    visitor.sign_up("member")
    assert visitor.open("/accounts/signup/").path == "/"
    assert visitor.open("/accounts/signup/?next=/private/").path == "/private/"
    assert visitor.open("/accounts/signup/?next=/accounts/signup/").path == "/"


def test_forms_need_their_token_and_are_not_cached(server):
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


def client(site, code, **options):
    """What the code prints that has a client of the site in `client`."""
    start = """
        import django.test
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        client = django.test.Client(SERVER_NAME="localhost")
        new = {"username": "ada", "email": "a@b.org"}
        new |= dict.fromkeys(["password1", "password2"], "correct-horse-9")
    """
    return site.shell("\n".join(map(str.strip, f"{start}\n{code}".splitlines())), **options)


def test_the_pages_speak_the_sites_language(site):
    code = 'print(client.get("/accounts/login/").text)'
    page = client(site.write(accounts('LANGUAGE_CODE="ar"')), code)
    assert '<html lang="ar" dir="rtl">' in page
    assert "<h1>ادخل</h1>" in page


def test_sign_up_with_several_backends_and_login_required_everywhere(site):
    backends = [f"django.contrib.auth.backends.{kind}Backend" for kind in ("RemoteUser", "Model")]
    middleware = ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
    site.write(accounts(f"AUTHENTICATION_BACKENDS={backends}, middleware={middleware}"))
    code = """
        print(client.get("/").status_code, client.get("/accounts/signup/").status_code)
        client.post("/accounts/signup/", new)
        print(client.get("/").text)
    """
    assert client(site, code).splitlines() == ["302 200", "Hello ada"]


def test_whom_no_backend_lets_in_is_sent_to_sign_in(site):
    backends = ["django.contrib.auth.backends.RemoteUserBackend"]
    site.write(accounts(f"AUTHENTICATION_BACKENDS={backends}"))
    code = 'print(client.post("/accounts/signup/?next=/private/", new)["Location"])'
    assert client(site, code) == "/accounts/login/?next=/private/"


def test_a_sign_up_of_the_sites_own(site):
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
    assert client(site, code).split() == ["200", "302", "False"]


OWN = """
app.templates["registration/base.html"] = '''
<title>{% block title %}{% endblock %}</title><b>ours</b>{% block content %}{% endblock %}'''
app.templates["registration/password_reset_form.html"] = "whole {{ form.email }}"
"""


def test_a_sites_own_templates_replace_the_look_of_all_or_a_page(site):
    site.write(accounts() + OWN)
    site.put("templates/registration/password_reset_done.html", "in the folder")
    with site.serve() as server:
        page = server.request("/accounts/login/").text
        assert "<title>Log in</title><b>ours</b>" in page
        assert 'name="username"' in page and "<style" not in page
        assert server.request("/accounts/password_reset/").text.startswith("whole <input")
        assert server.request("/accounts/password_reset/done/").text == "in the folder"


def test_the_pages_of_other_apps_come_first(site):
    site.put("theme/__init__.py", "").put("theme/templates/registration/login.html", "the theme's")
    with site.write(accounts('apps=["theme"]')).serve() as server:
        assert server.request("/accounts/login/").text == "the theme's"


@pytest.fixture(scope="module")
def with_superuser(module_site):
    module_site.write(accounts()).succeed("migrate", "--verbosity", "0")
    module_site.succeed("createsuperuser", "--noinput", "--username", "root", **SUPERUSER)
    return module_site


def test_the_admins_pages_stay_its_own(with_superuser):
    with with_superuser.serve() as server:
        visitor = Visitor(server)
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


def test_every_page_that_the_admin_has_is_the_same(with_superuser):
    compared = with_superuser.shell("""
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


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    (source,) = [text for text in PYTHON if "members.User" in text]
    site = Site(tmp_path_factory.mktemp("members"))
    site.put("members.py", source.replace("app = Djng(", f"app = Djng({HASHER}, "))
    new = ("createsuperuser", "--noinput", "--email", "Root@Example.org")
    for words in (["makemigrations"], ["migrate", "-v0"], new):
        done = site.python("members.py", *words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
    with site.serve("members.py", "runserver", "--noreload", "PORT") as server:
        yield server


def test_an_email_is_enough_to_sign_up_and_in(members):
    visitor, again = Visitor(members), Visitor(members)
    page = visitor.open("/accounts/signup/").text
    assert re.findall(r'name="(\w+)"', page) == [
        *["viewport", "csrfmiddlewaretoken", "email", "password1", "password2"]
    ]
    assert visitor.sign_up("Ada@Example.org").text == "<h1>Hello ada@example.org</h1>"
    assert "Email address already exists." in again.sign_up("ADA@example.ORG").text
    assert "Enter a valid email address." in again.sign_up("ada@").text
    assert again.sign_in("ada@EXAMPLE.org").text == "<h1>Hello ada@example.org</h1>"


def test_the_admin_of_users_with_an_email_alone(members):
    visitor, added = Visitor(members), Visitor(members)
    assert visitor.sign_in("root@example.org", "/admin/").path == "/admin/"
    new = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    page = visitor.fill_in("/admin/members/user/add/", email="Grace@Example.org", **new)
    assert re.fullmatch(r"/admin/members/user/\d+/change/", page.path)
    assert "added successfully" in page.text
    page = visitor.fill_in(page.path, email="hopper@example.org", is_active="on")
    assert page.path == "/admin/members/user/"
    assert "hopper@example.org" in visitor.open("/admin/members/user/?q=HOPPER").text
    assert added.sign_in("hopper@example.org").text == "<h1>Hello hopper@example.org</h1>"
