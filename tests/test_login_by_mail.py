"""Log in without a password, by a link in a mail."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Site
from django import VERSION
from test_accounts import client
from visitor import HASHER, PASSWORD, Visitor

SITE = f"""
from django.utils.html import format_html
from djng import Djng

app = Djng(users="email", {HASHER})

from django.contrib.auth.decorators import login_required

app.include("/accounts/", "djng.accounts.urls")
app.include("/accounts/", "djng.accounts.login_by_mail")


@app.route("/")
def index(request):
    return format_html("Hello {{}}", request.user)


@app.route("/private/")
@login_required
def private(request):
    return format_html("{{}}, {{}}", request.user, request.GET.get("page"))
"""
BACKEND = "django.core.mail.backends.locmem.EmailBackend"
NEW = f"MAILERS={{'default': {{'BACKEND': '{BACKEND}'}}}}"
# The same site, whose mails a test can read.
OUTBOX = SITE.replace(
    "Djng(", f"Djng({NEW if VERSION >= (6, 1) else f'EMAIL_BACKEND={BACKEND!r}'}, "
)
ASK, CONFIRM = "/accounts/login/mail/", "/accounts/login/mail/confirm/"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The site with its tables and users: one has no password, one is inactive."""
    site = Site(tmp_path_factory.mktemp("site")).write(SITE)
    site.succeed("makemigrations", "-v0")
    site.succeed("migrate", "-v0")
    site.shell(f"""
        for name in ("ada", "bob", "eve", "liz", "max"):
            blog.User.objects.create_user(f"{{name}}@example.org", "{PASSWORD}")
        blog.User.objects.create_user("new@bücher.example")
        blog.User.objects.create_user("gone@example.org", is_active=False)
    """)
    shutil.copy(site.folder / "blog.sqlite3", site.folder / "migrated.sqlite3")
    return site


@pytest.fixture(scope="module")
def server(migrated):
    with migrated.serve() as server:
        yield server


def links(server):
    return re.findall(r"http://[\d.:]+(/accounts/login/mail/\S+/\S+/\S*)", server.log())


def ask(visitor, address, path=ASK):
    """Ask for a link, and return its path."""
    before = len(links(visitor.server))
    page = visitor.fill_in(path, email=address)
    assert page.path == "/accounts/login/mail/done/"
    visitor.server.says("The 127.0.0.1")  # the last line of the mail
    (link,) = links(visitor.server)[before:]
    return link


def token_of(page):
    """The data of a form that has nothing but the token against forged requests."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    return f"csrfmiddlewaretoken={token}".encode()


def test_a_link_in_a_mail_logs_in_once_confirmed(visitor, another):
    link = ask(visitor, "NEW@bücher.example")
    page = visitor.open(link)
    assert page.path == CONFIRM
    assert "You are about to log in as new@bücher.example." in page.text
    assert visitor.open("/").text == "Hello AnonymousUser"
    assert visitor.fill_in(link).text == "Hello new@bücher.example"
    assert "has expired or was used already" in another.open(link).text


def test_the_page_after_it_is_the_one_that_was_asked_for(visitor, another):
    page = visitor.open("/private/?page=3")
    (path,) = re.findall(r'href="(/accounts/login/mail/[^"]+)"', page.text)
    link = ask(visitor, "ada@example.org", path)
    page = another.fill_in(link)  # in another browser
    assert (page.path, page.text) == ("/private/?page=3", "ada@example.org, 3")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "javascript:a"])
def test_it_never_leads_to_another_site(visitor, another, target):
    link = ask(visitor, "bob@example.org", f"{ASK}?next={target}")
    assert "evil" not in link and "javascript" not in link
    assert another.fill_in(f"{link}?next={target}").text == "Hello bob@example.org"


def test_what_reads_the_mail_uses_nothing_up(server, visitor):
    link = ask(visitor, "eve@example.org")
    for _ in range(3):
        Visitor(server).open(link)
    assert server.request(link, "HEAD").status == 302
    assert server.request(link, "POST").status == 403
    assert Visitor(server).fill_in(link).text == "Hello eve@example.org"


def test_only_a_link_leads_to_the_confirmation(visitor, another):
    assert "has expired or was used already" in visitor.open(CONFIRM).text
    link = ask(visitor, "eve@example.org")
    for wrong in (f"{ASK}x/y/", f"{link[:-3]}xx/", re.sub("mail/[^/]+/", "mail/MQ/", link)):
        assert "has expired or was used already" in another.open(wrong).text, wrong
    assert "You are about to log in" in another.open(link).text
    assert "has expired" in another.open(f"{link[:-3]}xx/").text
    assert "has expired" in another.open(CONFIRM).text  # a wrong link also ends the right one


def test_of_requests_at_once_with_one_link_one_logs_in(server, visitor):
    link = ask(visitor, "liz@example.org")
    visitors = [Visitor(server) for _ in range(4)]
    forms = [token_of(each.open(link)) for each in visitors]
    with ThreadPoolExecutor(4) as pool:
        pages = [*pool.map(lambda each, form: each.open(CONFIRM, form).text, visitors, forms)]
    assert pages.count("Hello liz@example.org") == 1
    assert sum("has expired or was used already" in page for page in pages) == 3


def test_nobody_learns_who_has_an_account(server, visitor):
    ask(visitor, "max@example.org")
    before = len(links(server))
    known = visitor.fill_in(ASK, email="max@example.org")
    server.says("max@example.org")
    assert len(links(server)) == before + 1
    for address in ("gone@example.org", "nobody@example.org"):
        page = visitor.fill_in(ASK, email=address)
        assert (page.path, page.text) == (known.path, known.text)
    assert len(links(server)) == before + 1
    assert "Enter a valid email address." in visitor.fill_in(ASK, email="nobody").text


STEPS = """
import re
from django.core import mail

def ask(address="ada@example.org", **options):
    mail.outbox = []
    client.post("/accounts/login/mail/", {"email": address}, **options)
    return re.search(r"//localhost(/accounts/\\S+)", mail.outbox[0].body)[1]

def state(link, client=client):
    page = client.get(link, follow=True)
    return "expired" if b"has expired" in page.content else "valid"

def use(link, client=client):
    page = client.get(link, follow=True)
    client.post("/accounts/login/mail/confirm/")
    return client.get("/").content.decode()
ada = blog.User.objects.get(email="ada@example.org")
"""


CHANGES = [
    "ada.set_password('another'); ada.save()",
    "ada.email = 'moved@example.org'; ada.save()",
    "ada.is_active = False; ada.save()",
    "client.login(email='ada@example.org', password='correct-horse-9'); client.logout()",
    "ada.delete()",
]


def test_a_link_ends_when_the_account_changes(site, migrated):
    code = f"""{STEPS}
from django.db import transaction
for change in {CHANGES}:
    with transaction.atomic():
        ada = blog.User.objects.get(email="ada@example.org")
        link = ask()
        print(state(link))
        exec(change)
        print(state(link))
        transaction.set_rollback(True)
"""
    site.write(OUTBOX)
    assert client(site, code, migrated).split() == ["valid", "expired"] * len(CHANGES)


def test_a_link_ends_after_minutes(site, migrated):
    code = f"""{STEPS}
from unittest import mock
import time
link, now = ask(), time.time()
for seconds in (590, 620):
    with mock.patch("time.time", lambda: now + seconds):
        print(state(link))
"""
    assert client(site.write(OUTBOX), code, migrated).split() == ["valid", "expired"]


def test_a_link_is_no_password_reset_and_a_password_reset_is_no_link(site, migrated):
    code = f"""{STEPS}
link = ask()
print(b"link was invalid" in client.get(link.replace("login/mail", "reset")).content)
mail.outbox = []
client.post("/accounts/password_reset/", {{"email": "ada@example.org"}})
reset = re.search(r"//localhost(/accounts/\\S+)", mail.outbox[0].body)[1]
print(state(reset.replace("reset", "login/mail")))
"""
    assert client(site.write(OUTBOX), code, migrated).split() == ["True", "expired"]


def test_the_session_gets_a_new_key_and_another_users_session_ends(site, migrated):
    code = f"""{STEPS}
link = ask()
client.get(link)
planted = client.session.session_key
client.post("/accounts/login/mail/confirm/")
print(planted != client.session.session_key, "_login_by_mail" in client.session)
client.session.update({{"basket": 1}})
print(use(ask("bob@example.org")))
"""
    assert client(site.write(OUTBOX), code, migrated).splitlines() == [
        "True False",
        "Hello bob@example.org",
    ]


def test_with_several_backends_and_login_required_everywhere(site, migrated):
    options = """middleware=["django.contrib.auth.middleware.LoginRequiredMiddleware"],
        AUTHENTICATION_BACKENDS=["blog.NoBackend", "django.contrib.auth.backends.ModelBackend"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", """
    backend = """
from django.contrib.auth.backends import BaseBackend
class NoBackend(BaseBackend): pass
"""
    site.write(OUTBOX.replace("Djng(", f"Djng({options}") + backend)
    code = f"{STEPS}\nlink = ask()\nprint(use(link))\nprint(state(link, django.test.Client()))"
    assert client(site, code, migrated).splitlines() == ["Hello ada@example.org", "expired"]


def test_a_mail_server_that_fails_tells_nobody_who_has_an_account(site, migrated):
    code = """
        import logging
        from unittest import mock
        logging.disable()
        with mock.patch("django.core.mail.EmailMultiAlternatives.send", side_effect=OSError):
            for name in ("ada", "nobody"):
                answer = client.post("/accounts/login/mail/", {"email": f"{name}@example.org"})
                print(answer.status_code, answer["Location"])
    """
    answer = "302 /accounts/login/mail/done/"
    assert client(site.write(OUTBOX), code, migrated).splitlines() == [answer, answer]


def test_a_site_with_usernames_may_have_it_too(site):
    site.write(OUTBOX.replace('users="email", ', ""))
    code = f"""
from django.core.management import call_command
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
User.objects.create_user("ada", "Ada@Example.org")
{STEPS.replace("ada = ", "# ")}
print(use(ask("ada@example.ORG")))
"""
    assert client(site, code) == "Hello ada"


def test_it_is_off_unless_it_is_included(site):
    site.write(OUTBOX.replace('app.include("/accounts/", "djng.accounts.login_by_mail")', ""))
    code = """
        print(client.get("/accounts/login/mail/").status_code)
        print(b"login/mail" in client.get("/accounts/login/").content)
    """
    assert client(site, code).split() == ["404", "False"]
