"""What slow clients do to a server, and what it costs a server to withstand them.

    pip install gunicorn uvicorn waitress granian
    python tests/benchmarks/slow_clients.py [SERVER...]

Opens 200 slow connections of each kind, and 1,100 that send nothing, and asks for another page
meanwhile. Prints the longest time of four answers (or "none" after 8 seconds) and the memory of the
server. Then all servers are asked in turn over 1, 8 and 64 connections, without slow clients, and
the script prints how many requests a second each has answered.
"""

import argparse
import contextlib
import os
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sites import environment

SLOW, IDLE, PATIENCE, ROUNDS, REQUESTS = 200, 1100, 8, 9, 600
SITE = """
from djng import Djng

app = Djng(SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"])

from django.db import models
from django.http import FileResponse
from django.views.decorators.csrf import csrf_exempt


class Row(models.Model):
    text = models.CharField(max_length=100)


@app.get("/")
def hello(request):
    return "hello"


@app.get("/rows/")
def rows(request):
    return [*Row.objects.values("id", "text")[:20]]


@app.post("/write/")
@csrf_exempt
def write(request):
    Row.objects.create(text="written")
    return f"{len(request.POST)} fields"


@app.get("/file/")
def file(request):
    return FileResponse(open("static/large.bin", "rb"))


@app.get("/stream/")
def stream(request):
    for _ in range(1000):
        yield "x" * 20_000


@app.command
def fill():
    Row.objects.bulk_create(Row(text=f"row {n}") for n in range(20))


if __name__ == "__main__":
    app.run()
"""
GRANIAN = ["-m", "granian", "--interface=wsgi", "--port=PORT", "--backpressure=8192"]
SERVERS = {
    "serve": ["blog.py", "serve", "--port=PORT"],
    "serve --asgi": ["blog.py", "serve", "--port=PORT", "--asgi"],
    "granian, 4 threads": [*GRANIAN, "--blocking-threads=4", "blog:app"],
    "granian, 1024 threads": [*GRANIAN, "--blocking-threads=1024", "blog:app"],
    "gunicorn": ["-m", "gunicorn", "--threads=4", "--bind=127.0.0.1:PORT", "blog:app"],
    "uvicorn": ["-m", "uvicorn", "--no-access-log", "--port=PORT", "blog:app"],
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:PORT", "blog:app"],
}
SERVERS["gunicorn"].insert(2, "--keep-alive=60")
SERVERS["waitress"][2:2] = ["--connection-limit=8192", "--asyncore-use-poll"]


def head(line, length=0):
    kind = "application/x-www-form-urlencoded"
    return (
        f"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


# What a slow client sends. Then it neither sends nor reads more.
KINDS = {
    "sends nothing": b"",
    "sends half a head": head("GET /")[:20],
    "sends half a form": head("POST /write/", 100_000) + b"text=",
    "reads a static file": head("GET /static/large.bin"),
    "reads a file": head("GET /file/"),
    "reads a stream": head("GET /stream/"),
}
ENDS = (b"hello", b"]", b"fields")
PAGES = {"hello": head("GET /"), "rows": head("GET /rows/"), "write": head("POST /write/")}


def run(folder, *words):
    subprocess.run([sys.executable, "blog.py", *words], cwd=folder, env=environment(), check=True)


@contextlib.contextmanager
def serving(folder, name):
    """The port and the process of a server, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in SERVERS[name]]
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env=environment(),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        while ask(port, PAGES["hello"]) is None:
            time.sleep(0.1)
        yield port, process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with slow clients, some never end by themselves
        process.wait()


def connect(port, request, patience=PATIENCE):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(patience)
    with contextlib.suppress(OSError):  # a server that no longer accepts anyone
        client.connect(("127.0.0.1", port))
        client.sendall(request)
    return client


def ask(port, request):
    """How long an answer takes; None if there is none."""
    start = time.perf_counter()
    with connect(port, request) as client, contextlib.suppress(OSError):
        if client.recv(4096).startswith(b"HTTP/1.1 200"):
            return time.perf_counter() - start
    return None


def memory(process):
    """The megabytes that a server and its workers have."""
    listed = subprocess.run(["ps", "-e", "-o", "pid,ppid,rss"], capture_output=True, text=True)
    rows = [[int(word) for word in line.split()] for line in listed.stdout.splitlines()[1:]]
    return sum(rss for pid, parent, rss in rows if process.pid in (pid, parent)) // 1024


def show_slow(folder, name, kind):
    count = IDLE if kind == "sends nothing" else SLOW
    with serving(folder, name) as (port, process), contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(connect(port, KINDS[kind]))
        time.sleep(2)
        times = [ask(port, PAGES["rows"]) for _ in range(3)] + [ask(port, PAGES["write"])]
        text = "none" if None in times else f"{1000 * max(times):.0f} ms"
        print(f"{name:<22} {count:>5} {kind:<20} {text:>8} {memory(process):>5} MB", flush=True)


def rate(port, request, count):
    """Requests a second, over this number of connections at the same time."""
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        sent, answered, start = 0, 0, time.perf_counter()
        for _ in range(count):
            client = stack.enter_context(connect(port, request, patience=60))
            selector.register(client, selectors.EVENT_READ)
            sent += 1
        while answered < sent:
            for key, _ in selector.select(60):
                answer = key.fileobj.recv(65536)
                if not answer:
                    sys.exit("the server has closed a connection")
                if not answer.endswith(ENDS):  # the rest comes later
                    continue
                answered += 1
                if sent < REQUESTS:
                    key.fileobj.sendall(request)
                    sent += 1
        return answered / (time.perf_counter() - start)


def show_rates(folder, names):
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(serving(folder, name))[0] for name in names}
        for page, request in PAGES.items():
            for count in (1, 8, 64):
                rates = {name: [] for name in names}
                for _ in range(ROUNDS):
                    for name, port in ports.items():
                        rates[name].append(rate(port, request, count))
                for name, measured in rates.items():
                    text = f"{statistics.median(measured):6.0f} requests a second"
                    print(f"{name:<22} {page:<6} {count:>2} connections {text}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("servers", nargs="*", metavar="SERVER", default=[*SERVERS])
    names = parser.parse_args().servers
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10240), hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "blog.py").write_text(SITE)
        (folder / "static").mkdir()
        (folder / "static/large.bin").write_bytes(bytes(20_000_000))
        run(folder, "makemigrations", "-v0")
        run(folder, "migrate", "-v0")
        run(folder, "fill")
        for server in names:
            for kind in KINDS:
                show_slow(folder, server, kind)
        show_rates(folder, names)


if __name__ == "__main__":
    main()
