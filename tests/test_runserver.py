"""``python blog.py`` prints the addresses of the site, and finds a free port."""

import re
import socket
import sys
from urllib.request import build_opener

import django
import pytest
from conftest import free_port, serving

import djng

NORELOAD = ("runserver", "--noreload")
HELLO = "@app.get('/')\ndef index(request):\n    return 'hello'\n"


@pytest.fixture(scope="module")
def site(module_site):
    return module_site.write(HELLO)


@pytest.fixture
def taken():
    """A port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_banner_has_the_addresses(site):
    with site.develop() as server:
        log = server.says("CONTROL-C")
    base = f"http://127.0.0.1:{server.port}"
    assert re.search(rf"site\s+{base}/\n", log)
    assert re.search(rf"admin\s+{base}/admin/\n", log)
    assert re.search(rf"sign in\s+{base}/admin/sign-in/\S+\n\s+once, within 10 minutes", log)
    assert re.search(r"database\s+blog.sqlite3\n", log)
    assert f"djng {djng.__version__}, Django {django.get_version()}." in log
    assert len(log.splitlines()) <= 8


def test_the_banner_says_that_debug_is_off(site):
    with site.develop(*NORELOAD, DJANGO_DEBUG="0") as server:
        assert "DEBUG is off" in server.says("CONTROL-C")
        assert "sign in" not in server.log()


def test_the_banner_shows_no_password(site):
    url = "postgres://me:hush@127.0.0.1:1/blog"
    with site.develop(*NORELOAD, DATABASE_URL=url) as server:
        log = server.says("CONTROL-C")
    assert "blog (PostgreSQL) at 127.0.0.1" in log
    assert "hush" not in log
    assert "Traceback" not in log


def test_the_next_free_port_is_used(site, taken):
    # Port 8000 may be free on this machine or not, so the test changes the default port.
    site.put(
        "run.py",
        f"""
        import blog
        from django.core.management import call_command
        from djng.management.commands.runserver import Command
        Command.default_port = "{taken}"
        call_command(Command(), use_reloader=False)
        """,
    )
    with serving([sys.executable, "run.py"], site.folder, taken, {}) as server:
        log = server.says("CONTROL-C")
        port = int(re.search(rf"Port {taken} is taken, using port (\d+).", log)[1])
        server.port = port
        assert server.request("/").text == "hello"
        assert f"http://127.0.0.1:{port}/" in log


@pytest.mark.parametrize("how", ["argument", "variable"])
@pytest.mark.parametrize("reload", [[], ["--noreload"]])
def test_a_fixed_port_that_is_taken_is_an_error(site, taken, how, reload):
    arguments = [str(taken)] if how == "argument" else []
    variables = {"PORT": str(taken)} if how == "variable" else {}
    done = site.run("runserver", *arguments, *reload, **variables)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"Port {taken} is taken." in line
    assert f"python blog.py runserver {taken + 1}" in line


def test_a_phone_can_use_the_site_on_all_addresses(site):
    with site.develop("runserver", "0.0.0.0:PORT") as server:
        phone = re.search(rf"phone\s+http://(\S+):{server.port}/", server.says("CONTROL-C"))
        if not phone:
            pytest.skip("this machine is in no network")
        host = f"{phone[1]}:{server.port}"
        assert server.request("/", Host=host).text == "hello"
        assert server.request("/", Host="192.0.2.254").status == 400


def test_a_phone_cannot_use_the_site_with_debug_off(site):
    with site.develop(*NORELOAD, "0.0.0.0:PORT", DJANGO_DEBUG="0") as server:
        phone = re.search(rf"phone\s+http://(\S+):{server.port}/", server.says("CONTROL-C"))
        if not phone:
            pytest.skip("this machine is in no network")
        assert server.request("/", Host=phone[1]).status == 400


@pytest.fixture
def ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")


def test_the_address_can_be_ipv6(site, ipv6):
    port = free_port()
    command = [sys.executable, "blog.py", "runserver", "--ipv6", str(port)]
    with serving(command, site.folder, port, {}, host="::1") as server:
        assert f"http://[::1]:{port}/" in server.says("CONTROL-C")


@pytest.mark.parametrize("address", ["[::]", "[::0]"])
def test_all_addresses_of_ipv6_are_those_of_ipv4_too(site, ipv6, address):
    with site.develop("runserver", f"{address}:PORT") as server:
        log = server.says("CONTROL-C")
        (base,) = re.findall(r"site\s+(\S+)\n", log)
        for url in (base, f"http://[::1]:{server.port}/", *re.findall(r"phone\s+(\S+)\n", log)):
            with build_opener().open(url, timeout=20) as page:
                assert page.read() == b"hello", url


def test_the_help_has_the_options_of_django_and_of_djng(site):
    shown = site.succeed("runserver", "--help")
    assert "--no-migrate" in shown
    assert "addrport" in shown


def test_a_wrong_port_is_an_error(site):
    done = site.run("runserver", "99999")
    assert done.returncode == 1
    assert done.stderr == "CommandError: 99999 is not a port: the highest is 65535.\n"
