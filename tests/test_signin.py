"""The way into the admin of a new site works once, here, and only while developing."""

import re
import time

import pytest

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


def link(server, banner="CONTROL-C"):
    """The path of the newest link that the terminal shows, None where it shows none."""
    found = re.findall(r"sign in\s+http://[^/]+(/\S+)", server.says(banner))
    return found[-1] if found else None


def follow(server, path, **headers):
    """Follow the link as a browser does, and return who is signed in then."""
    answer = server.request(path, **headers)
    assert answer.status == 302, answer.text[:300] + server.log()[-1500:]
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")
    cookie = "; ".join(each.split(";")[0] for each in answer.headers.get_all("Set-Cookie"))
    assert server.request("/admin/", Cookie=cookie).status == 200
    return server.request("/", Cookie=cookie).text


@pytest.fixture
def started(site):
    with site.write(HELLO).develop("runserver", "--noreload") as server:
        yield server


def test_the_link_makes_the_superuser_and_signs_in(site, started):
    assert follow(started, link(started)) == "1 admin"
    user = "from django.contrib.auth.models import User; u = User.objects.get(); "
    shown = site.shell(user + "print(u.is_superuser, u.has_usable_password())")
    assert shown == "True False"


def test_a_link_works_once(started):
    path = link(started)
    follow(started, path)
    answer = started.request(path, Accept="text/plain")
    assert answer.status == 403
    assert "works once" in answer.text
    assert "python blog.py createsuperuser" in answer.text


def test_a_forged_link_is_refused(started):
    path = link(started)
    assert started.request(f"{path[:-3]}xx/").status == 403
    assert started.request("/admin/sign-in/admin/").status == 403
    assert started.request(path, "HEAD").status == 403
    follow(started, path)  # none of that has used it up


def test_a_link_is_for_this_machine_alone(started):
    path = link(started)
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP"):
        assert started.request(path, **{header: "192.0.2.7"}).status == 403
    follow(started, path)


def test_a_client_elsewhere_in_the_network_is_refused(site):
    code = """
        from django.test import RequestFactory
        from djng.dev import signin
        for address in ("127.0.0.1", "127.8.8.8", "::1", "192.0.2.7", "2001:db8::1"):
            print(signin.is_local(RequestFactory(REMOTE_ADDR=address).get("/")))
    """
    assert site.write(HELLO).shell(code).split() == ["True"] * 3 + ["False"] * 2


def test_a_link_grows_old(site):
    site.write(HELLO + "from djng.dev import signin\nsignin.MINUTES = 1 / 60\n")
    with site.develop("runserver", "--noreload") as server:
        path = link(server)
        time.sleep(1.5)
        assert server.request(path).status == 403


def test_a_link_survives_a_reload(site):
    with site.write(HELLO).develop() as server:
        path = link(server)
        site.edit("request.user.pk", "request.user.id")
        server.says("Reloaded")
        assert follow(server, path) == "1 admin"


def test_the_next_start_gives_another_link_to_the_same_superuser(site):
    site.write(HELLO)
    for _ in range(2):
        with site.develop("runserver", "--noreload") as server:
            assert follow(server, link(server)) == "1 admin"


def test_a_superuser_with_a_password_ends_it(site, started):
    path = link(started)
    variables = {"DJANGO_SUPERUSER_PASSWORD": "a password", "DJANGO_SUPERUSER_EMAIL": "a@b.org"}
    site.succeed("createsuperuser", "--noinput", "--username", "ada", **variables)
    assert started.request(path).status == 403
    with site.develop("runserver", "--noreload") as server:
        assert link(server) is None


def test_a_user_who_is_called_admin_is_left_alone(site):
    make = "from django.contrib.auth.models import User; User.objects.create_user('admin')"
    site.write(HELLO).succeed("migrate", "--verbosity", "0")
    site.shell(make)
    with site.develop("runserver", "--noreload") as server:
        assert link(server) is None


@pytest.mark.parametrize(
    "command",
    [
        ("blog.py", "runserver", "--noreload", "PORT"),
        ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app"),
        ("-m", "uvicorn", "--port", "PORT", "blog:app"),
    ],
)
@pytest.mark.parametrize("debug", ["0", "1"])
def test_it_exists_under_runserver_with_debug_alone(site, command, debug):
    site.write(HELLO).succeed("migrate", "--verbosity", "0")
    with site.develop("runserver", "--noreload") as developed:
        path = link(developed)
        assert path
        with site.serve(*command, DJANGO_DEBUG=debug) as server:
            server.until(lambda answer: answer.status == 200)
            if "blog.py" in command and debug == "1":
                follow(server, path)  # another process: the same site
            else:
                assert link(server, banner="") is None
                assert server.request(path, Accept="text/plain").status in (302, 404)
                assert "sessionid" not in str(server.request(path).headers)
                follow(developed, path)  # so it was as good as it gets


def test_a_user_model_of_the_files_own(site):
    site.write(EMAIL_USER + HELLO)
    with site.develop("runserver", "--noreload") as server:
        assert follow(server, link(server)) == "1 admin@localhost"
        assert server.request(link(server)).status == 403


def test_no_link_without_an_admin(site):
    site.write("from djng import Djng\napp = Djng(admin=None)\n" + HELLO)
    with site.develop("runserver", "--noreload") as server:
        server.until(lambda answer: answer.status == 200)
        assert "admin" not in server.log()
