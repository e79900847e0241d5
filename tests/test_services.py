"""The page of the docs on services for a part of a site, as it is written there."""

import re

import pytest
from conftest import ROOT, Site
from django import VERSION

PAGE = (ROOT / "docs/services.md").read_text()
(FILE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    ("shop.py", "runserver", "--noreload", "PORT"),
    ("-m", "uvicorn", "--port", "PORT", "shop:app"),
]
ASYNC = """
@archive.get("/async/")
async def count(request):
    return {"orders": await Order.objects.acount(), "page size": services.get().page_size}

if __name__"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    file = FILE.replace("backends.smtp", "backends.console").replace("\nif __name__", ASYNC)
    if VERSION < (6, 1):
        mail = 'MAILERS={"default": {"BACKEND": "shop.Mail"}},  # before Django 6.1: '
        assert mail in file
        file = file.replace(f'{mail}EMAIL_BACKEND="shop.Mail"', 'EMAIL_BACKEND="shop.Mail",')
    shop = Site(tmp_path_factory.mktemp("shop")).put("shop.py", file)
    for command in ("makemigrations", "migrate", "migrate --database archive"):
        done = shop.fork("shop.py", *command.split(), "-v0")
        assert done.returncode == 0, done.stderr
    done = shop.fork(
        "-c",
        "from shop import *\n"
        "Order.objects.create(text='one')\n"
        "services.set(Services(database='archive'))\n"
        "Order.objects.bulk_create([Order(text='two'), Order(text='three')])",
    )
    assert done.returncode == 0, done.stderr
    return shop


@pytest.mark.parametrize("command", COMMANDS, ids=["WSGI", "ASGI"])
def test_each_part_has_its_database_cache_and_setting(shop, command):
    with shop.serve(*command) as server:
        for _ in range(2):  # the second answer is from the cache
            assert server.request("/orders/").text == '{"orders": 1, "page size": 20}'
            archive = '{"orders": 2, "page size": 500}'
            assert server.request("/archive/orders/").text == archive
            assert server.request("/archive/async/").text == archive


def test_each_part_sends_mails_from_its_address(shop):
    code = (
        "from shop import *\nfrom django.test import Client\n"
        "for path in ('/remind/', '/archive/remind/', '/remind/'):\n"
        "    print(Client(SERVER_NAME='localhost').post(path).status_code)"
    )
    done = shop.fork("-c", code)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^From: (\w+)@|^(\d+)$", done.stdout, re.MULTILINE) == [
        *[("shop", ""), ("", "204"), ("archive", ""), ("", "204"), ("shop", ""), ("", "204")]
    ]
