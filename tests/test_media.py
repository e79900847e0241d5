"""Uploaded files: served while developing, or with serve_media=True, and never run."""

import pytest

SERVED = "from djng import Djng\n\napp = Djng(serve_media=True)"
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app")
UVICORN = ("-W", "error", "-m", "uvicorn", "--port", "PORT", "blog:app")


@pytest.fixture
def uploads(site):
    site.put("media/report.html", "<script>alert(1)</script>").put("media/notes.py", "print(1)")
    for ending in ("", ".gz", ".br", ".zst"):
        site.put(f"media/prices.txt{ending}", f"prices{ending}")
    return site.write(SERVED).put("secret.txt", "secret")


def test_uploaded_files_are_served_while_developing(site):
    site.write("").put("media/report.txt", "text")
    with site.develop("runserver", "--noreload", "--no-migrate") as server:
        assert server.request("/media/report.txt").text == "text"
        site.put("media/report.txt.gz", "of somebody else")
        assert server.request("/media/report.txt", Accept_Encoding="gzip").text == "text"
        page = server.request("/media/report.txt.gz", Accept_Encoding="gzip")
        assert page.text == "of somebody else"
        assert "Content-Encoding" not in page.headers


def test_uploaded_files_are_not_served_in_production(site):
    site.write("").put("media/report.txt", "text")
    with site.serve(*GUNICORN) as server:
        assert server.request("/media/report.txt").status == 404


@pytest.mark.parametrize("command", [GUNICORN, UVICORN])
def test_uploaded_files_are_served_in_production_with_the_option(uploads, command):
    with uploads.serve(*command) as server:
        page = server.request("/media/report.html")
        assert page.text == "<script>alert(1)</script>"
        assert page.headers["Content-Security-Policy"] == "sandbox"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in page.headers
        assert server.request("/media/notes.py").text == "print(1)"
        part = server.request("/media/notes.py", Range="bytes=0-4")
        assert (part.status, part.text) == (206, "print")
        assert server.request("/media/").status == 404
        for path in ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "/secret.txt"):
            assert server.request(f"/media/{path}").status == 404
        assert server.request("/media/x%00.txt").status == 404
        assert server.request("/media/new.txt").status == 404
        uploads.put("media/new.txt", "uploaded just now")
        assert server.request("/media/new.txt").text == "uploaded just now"
        assert_each_is_itself(server)
        assert_conditions_hold(server)
    assert "Warning" not in server.log()


def assert_each_is_itself(server):
    """An upload does not stand in for another one, whatever a browser can decompress."""
    for ending in ("", ".gz", ".br", ".zst"):
        path = f"/media/prices.txt{ending}"
        page = server.request(path, Accept_Encoding="gzip, br, zstd")
        assert page.text == f"prices{ending}"
        assert "Content-Encoding" not in page.headers
        assert "Vary" not in page.headers
        head = server.request(path, "HEAD", Accept_Encoding="gzip, br, zstd")
        assert head.headers["Content-Length"] == f"{len(page.text)}"
    assert (
        server.request("/media/prices.txt").headers["Content-Type"] == "text/plain; charset=utf-8"
    )
    assert server.request("/media/prices.txt.gz").headers["Content-Type"] == "application/gzip"
    kind = server.request("/media/prices.txt.br").headers["Content-Type"]
    assert kind == "application/octet-stream"


def assert_conditions_hold(server):
    page = server.request("/media/prices.txt.gz")
    for header, name in (("If_None_Match", "ETag"), ("If_Modified_Since", "Last-Modified")):
        again = server.request("/media/prices.txt.gz", **{header: page.headers[name]})
        assert (again.status, again.text) == (304, "")


def test_another_server_can_serve_uploaded_files(site):
    site.write(
        "from djng import Djng\n\napp = Djng(serve_media=True, MEDIA_URL='https://cdn.org/')"
    )
    assert (
        site.shell("from django.urls import resolve; print(resolve('/admin/').url_name)") == "index"
    )
