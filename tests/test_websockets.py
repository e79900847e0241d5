"""The page of the docs on WebSockets, as it is written there."""

import re

import pytest
from conftest import ROOT
from websockets.sync.client import connect

PAGE = (ROOT / "docs/websockets.md").read_text()
(FILE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [("chat.py", "runserver", "PORT")]
COMMANDS += [("-m", "daphne", "-p", "PORT", "chat:application")]
COMMANDS += [("-m", "uvicorn", "--lifespan", "off", "--port", "PORT", "chat:application")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
def test_a_file_answers_http_and_websockets(site, command):
    with site.put("chat.py", FILE).serve(*command) as server:
        assert "new WebSocket" in server.request("/").text
        address = f"ws://127.0.0.1:{server.port}/echo/"
        with connect(address, origin=f"http://127.0.0.1:{server.port}", proxy=None) as socket:
            socket.send("Hello")
            assert socket.recv(timeout=30) == "You said: Hello"


def test_the_page_names_the_servers():
    for _, server, *_ in COMMANDS[1:]:
        assert f"$ {server} chat:application" in PAGE
