"""The page of the docs on WebSockets, as it is written there."""

import re

import pytest
from conftest import ROOT, free_port
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PAGE = (ROOT / "docs/websockets.md").read_text()
(FILE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [("chat.py", "runserver", "PORT")]
COMMANDS += [("chat.py", "serve", "--asgi", "--port", "PORT")]
for name in ("chat:app", "chat:application"):
    COMMANDS += [("-m", "daphne", "-p", "PORT", name)]
    COMMANDS += [("-m", "uvicorn", "--lifespan", "off", "--port", "PORT", name)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_answers_http_and_websockets(site, command):
    with site.put("chat.py", FILE).serve(*command) as server:
        assert "new WebSocket" in server.request("/").text
        address = f"ws://127.0.0.1:{server.port}/echo/"
        with connect(address, origin=f"http://127.0.0.1:{server.port}", proxy=None) as socket:
            socket.send("Hello")
            assert socket.recv(timeout=30) == "You said: Hello"


def test_the_page_names_the_servers():
    for command in ("python chat.py serve --asgi", "daphne chat:app", "uvicorn chat:app"):
        assert f"$ {command}\n" in PAGE


UVICORN = ("-m", "uvicorn", "--port", "PORT", "chat:app")


@pytest.mark.parametrize("setting", ["", ', ASGI_APPLICATION="chat.app"'])
def test_a_websocket_without_channels_is_refused_in_one_line(site, setting):
    """ASGI_APPLICATION is missing, or names the app itself."""
    plain = FILE.replace(
        'apps=["daphne", "channels"], ASGI_APPLICATION="chat.application"', setting
    )
    plain = plain.replace("Djng(, ", "Djng(").replace("from channels", "# ")
    plain = (
        f"{plain.partition('class Echo')[0]}\n\n@app.get('/')\ndef index(request): return 'here'"
    )
    with site.put("chat.py", plain).serve(*UVICORN) as server:
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://127.0.0.1:{server.port}/echo/", proxy=None)
        assert server.request("/").text == "here"
    says = "A WebSocket was refused. It needs Channels and ASGI_APPLICATION.\n"
    assert server.log().count(says) == 1
    assert "Traceback" not in server.log()


def test_granian_without_an_interface_says_which_to_write(site):
    site.write("", "chat.py")
    done = site.python("-m", "granian", "--port", str(free_port()), "chat:app")
    assert done.returncode == 1
    assert "djng has no RSGI. Run: granian --interface wsgi chat:app, or" in done.stderr
    assert "Traceback" not in done.stderr
