"""``runserver`` shows a link that signs in to the admin of a new site.

It works once, on this machine, and only while developing.
"""

import re
import shutil
import time

import pytest
from conftest import Site

HELLO = "@app.get('/')\ndef index(request):\n    return f'{request.user.pk} {request.user}'\n"
EMAIL_USER = """
from djng import Djng

app = Djng(AUTH_USER_MODEL="blog.User")

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Manager(BaseUserManager):
    def create_superuser(self, email, password):
        user = self.model(email=email, is_superuser=True)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    last_login = None
    is_staff = True
    is_active = True
    USERNAME_FIELD = "email"
    objects = Manager()
"""


RUNSERVER = ("blog.py", "runserver", "--noreload", "PORT")
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
UVICORN = ("-m", "uvicorn", "--port", "PORT", "blog:app")


def link(server, banner="CONTROL-C"):
    """The path of the newest link in the terminal, or None if there is none."""
    found = re.findall(r"sign in\s+http://[^/]+(/\S+)", server.says(banner))
    return found[-1] if found else None


def follow(server, path, **headers):
    """Follow the link as a browser does, and return the user who is then signed in."""
    answer = server.request(path, **headers)
    assert answer.status == 302, answer.text[:300] + server.log()[-1500:]
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")
    assert "no-store" in answer.headers["Cache-Control"]
    cookie = "; ".join(each.split(";")[0] for each in answer.headers.get_all("Set-Cookie"))
    assert server.request("/admin/", Cookie=cookie).status == 200
    return server.request("/", Cookie=cookie).text


@pytest.fixture(scope="module")
def migrated(module_site):
    module_site.write(HELLO).succeed("migrate", "-v0")
    return module_site


def copy(site, folder):
    shutil.copytree(site.folder, folder, dirs_exist_ok=True)
    return Site(folder)


@pytest.fixture
def site(migrated, tmp_path):
    return copy(migrated, tmp_path)


@pytest.fixture(scope="module")
def shared(migrated, tmp_path_factory):
    return copy(migrated, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def started(shared):
    """A server and its link, which nobody uses before the last test that has this fixture."""
    with shared.serve(*RUNSERVER) as server:
        yield server, link(server)


def test_a_forged_link_is_refused(started):
    server, path = started
    assert server.request(f"{path[:-3]}xx/").status == 403
    assert server.request("/admin/sign-in/admin/").status == 403
    assert server.request(path, "HEAD").status == 403


PROXY_HEADERS = """
    Via Forwarded X_Forwarded_For X_Forwarded_Host X_Forwarded_Proto X_Forwarded_Port X_Forwarded
    Forwarded_For X_Real_IP True_Client_IP CF_Connecting_IP CF_Ray X_Client_IP X_Cluster_Client_IP
    Fastly_Client_IP Fly_Client_IP X_Original_Forwarded_For X_Envoy_External_Address X_Remote_Addr
"""


def test_a_link_is_refused_behind_a_proxy(started):
    server, path = started
    for header in PROXY_HEADERS.split():
        assert server.request(path, **{header: "192.0.2.7"}).status == 403, header


def test_a_client_on_another_machine_is_refused(migrated):
    code = """
        from django.test import RequestFactory
        from djng.dev import signin
        for address in ("127.0.0.1", "127.8.8.8", "::1", "192.0.2.7", "2001:db8::1"):
            print(signin.is_local(RequestFactory(REMOTE_ADDR=address).get("/")))
    """
    assert migrated.shell(code).split() == ["True"] * 3 + ["False"] * 2


@pytest.mark.parametrize(
    ("command", "debug"),
    [(RUNSERVER, "0"), (GUNICORN, "0"), (GUNICORN, "1"), (UVICORN, "0"), (UVICORN, "1")],
)
def test_only_runserver_with_debug_has_links(shared, started, command, debug):
    _, path = started
    with shared.serve(*command, DJANGO_DEBUG=debug) as server:
        server.until(lambda answer: answer.status == 200)
        assert link(server, banner="") is None
        answer = server.request(path, Accept="text/plain")
        assert answer.status in (302, 404)
        assert "sessionid" not in str(answer.headers)


def test_a_link_creates_a_superuser_and_signs_in_once(shared, started):
    first, path = started
    with shared.serve(*RUNSERVER) as server:  # every process of the site knows the link
        assert follow(server, path) == "1 admin"
    user = "from django.contrib.auth.models import User; u = User.objects.get(); "
    shown = shared.shell(user + "print(u.is_superuser, u.has_usable_password())")
    assert shown == "True False"
    answer = first.request(path, Accept="text/plain")
    assert answer.status == 403
    assert "works once" in answer.text
    assert "python blog.py createsuperuser" in answer.text


def test_each_start_shows_a_new_link_until_a_superuser_has_a_password(site):
    with site.serve(*RUNSERVER) as server:
        assert follow(server, link(server)) == "1 admin"
    with site.serve(*RUNSERVER) as server:
        assert follow(server, link(server)) == "1 admin"
    with site.serve(*RUNSERVER) as server:
        variables = {"DJANGO_SUPERUSER_PASSWORD": "a password", "DJANGO_SUPERUSER_EMAIL": "a@b.org"}
        site.succeed("createsuperuser", "--noinput", "--username", "ada", **variables)
        assert server.request(link(server)).status == 403
    with site.serve(*RUNSERVER) as server:
        assert link(server) is None


def test_a_link_expires(site):
    site.write(HELLO + "from djng.dev import signin\nsignin.MINUTES = 0.2 / 60\n")
    with site.serve(*RUNSERVER) as server:
        path = link(server)
        time.sleep(0.5)
        assert server.request(path).status == 403


def test_a_link_survives_a_reload(site):
    with site.develop() as server:
        path = link(server)
        site.edit("{request.user}", "{request.user} again")
        server.shows("again")
        assert follow(server, path) == "1 admin again"


def test_an_ordinary_user_called_admin_is_not_changed(site):
    make = "from django.contrib.auth.models import User; User.objects.create_user('admin')"
    site.shell(make)
    with site.serve(*RUNSERVER) as server:
        assert link(server) is None


def test_a_link_of_a_user_model_without_last_login_works_once_too(tmp_path):
    site = Site(tmp_path).write(EMAIL_USER + HELLO)
    with site.develop() as server:
        path = link(server)
        assert follow(server, path) == "1 admin@localhost"
        assert server.request(path).status == 403
        site.edit("{request.user}", "{request.user} again")
        server.shows("again")
        assert server.request(path).status == 403
    with site.serve(*RUNSERVER) as server:
        assert server.request(path).status == 403
        assert follow(server, link(server)) == "1 admin@localhost again"


def test_a_site_without_an_admin_has_no_links(site):
    site.write("from djng import Djng\napp = Djng(admin=None)\n" + HELLO)
    with site.serve(*RUNSERVER) as server:
        server.until(lambda answer: answer.status == 200)
        assert "admin" not in server.log()
