"""Four pages through real servers: djng over hand-written Django, nanodjango and Flask over djng.

    pip install gunicorn uvicorn granian nanodjango flask-sqlalchemy
    python tests/benchmarks/servers.py

Each site runs in one worker, with the same rows in an SQLite of its own. Under a server they all
run and are asked in turn, over one connection each, so that a machine that slows down slows all.
Prints the time of a request and the median of the ratios of neighbouring turns; of djng to Django,
which has the same settings, at most 1.03 is wanted. A site that is not installed is left out.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from sites import SETTINGS, WSGI, environment

ROUNDS, REQUESTS, RESTARTS = 40, 60, 3
PAGES = {"hello": "GET /", "template": "GET /rows/", "JSON": "GET /json/", "write": "POST /write/"}

TEMPLATE = "<ul>{% for row in rows %}<li>{{ row.text }}: {{ row.number }}</li>{% endfor %}</ul>"
VIEWS = """
def hello(request): return {text}("hello")
def rows(request): return {page}
def as_json(request): return {json}(list(Row.objects.values("id", "text", "number")[:20]){safe})
@csrf_exempt
def write(request):
    Row.objects.create(text="written", number=0)
    return {text}("written")
"""
MODEL = """
from django.db import models
from django.views.decorators.csrf import csrf_exempt
class Row(models.Model):
    text = models.CharField(max_length=100)
    number = models.IntegerField(db_index=True)
"""
FILL = "Row.objects.bulk_create(Row(text=f'row {n}', number=n) for n in range(20))"
DECORATED = """
app.route("/")(hello)
app.route("/rows/"{template})(rows)
app.route("/json/")(as_json)
app.route("/write/")(write)
"""
PLAIN = {"text": "", "json": "", "safe": "", "page": '{"rows": Row.objects.all()[:20]}'}
RENDERED = {
    "text": "HttpResponse",
    "json": "JsonResponse",
    "safe": ", safe=False",
    "page": 'render(request, "rows.html", {"rows": Row.objects.all()[:20]})',
}
DJNG = f"""
from djng import Djng
app = Djng(SECRET_KEY="benchmark")
{MODEL}{VIEWS.format(**PLAIN)}{DECORATED.format(template=', template="rows.html"')}
app.templates["rows.html"] = {TEMPLATE!r}
if __name__ == "__main__": app.run()
"""
NANODJANGO = f"""
from nanodjango import Django
app = Django()
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
app.templates = {{"rows.html": {TEMPLATE!r}}}
{MODEL}{VIEWS.format(**RENDERED)}{DECORATED.format(template="")}
"""
# The settings that djng has by itself under WSGI.
SAME = """
STATIC_ROOT = None
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"
}
import sys
if "uvicorn" not in sys.argv[0]:
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    del DATABASES["default"]["OPTIONS"]["init_command"]
"""
URLS = """
from django.contrib import admin
from django.urls import path
from hand_app.views import as_json, hello, rows, write

urlpatterns = [
    path("admin/", admin.site.urls), path("", hello, name="hello"),
    path("rows/", rows, name="rows"), path("json/", as_json, name="json"),
    path("write/", write, name="write"),
]
"""
HAND_VIEWS = f"""
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from hand_app.models import Row
{VIEWS.format(**RENDERED)}
"""
FLASK = f"""
from flask import Flask, jsonify, render_template_string
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///flask.sqlite3"
db = SQLAlchemy(app)

class Row(db.Model):
    id = db.mapped_column(db.Integer, primary_key=True)
    text = db.mapped_column(db.String(100))
    number = db.mapped_column(db.Integer, index=True)

def first():
    return db.session.scalars(select(Row).limit(20))

@app.get("/")
def hello(): return "hello"

@app.get("/rows/")
def rows(): return render_template_string({TEMPLATE!r}, rows=first())

@app.get("/json/")
def as_json(): return jsonify([{{"id": r.id, "text": r.text, "number": r.number}} for r in first()])

@app.post("/write/")
def write():
    db.session.add(Row(text="written", number=0))
    db.session.commit()
    return "written"

if __name__ == "__main__":
    with app.app_context():
        db.create_all()
        db.session.add_all(Row(text=f"row {{n}}", number=n) for n in range(20))
        db.session.commit()
"""
ASGI = WSGI.replace("wsgi", "asgi")
FILES = {
    "one.py": DJNG,
    "nano.py": NANODJANGO,
    "flasky.py": FLASK,
    "hand.py": WSGI,
    "hand_async.py": ASGI,
    "hand_settings.py": SETTINGS + SAME,
    "hand_urls.py": URLS,
    "hand_app/__init__.py": "",
    "hand_app/models.py": MODEL,
    "hand_app/views.py": HAND_VIEWS,
    "templates/rows.html": TEMPLATE,
}
# The module that has it, what WSGI servers are given, and what uvicorn is, by which interface.
SITES = {
    "djng": ("djng", "one:app", "asgi3", "one:app"),
    "Django": ("django", "hand:app", "asgi3", "hand_async:app"),
    "nanodjango": ("nanodjango", "nano:app", "asgi3", "nano:app.asgi"),
    "Flask": ("flask_sqlalchemy", "flasky:app", "wsgi", "flasky:app"),
}
SERVERS = {
    "gunicorn": ["-m", "gunicorn", "--threads=2", "--bind=127.0.0.1:{port}", "{wsgi}"],
    "uvicorn": ["-m", "uvicorn", "--no-access-log", "--port={port}"],
    "granian": ["-m", "granian", "--interface=wsgi", "--port={port}", "--blocking-threads=2"],
}
SERVERS["uvicorn"] += ["--interface={interface}", "{asgi}"]
SERVERS["granian"].append("{wsgi}")


def prepare(folder):
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    hand = "import hand, sys; from django.core.management import call_command as call; "
    nano = "import nano; nano.app.manage(['{}', 'nano'][:{}]); "
    steps = {
        "djng": ["one.py makemigrations", "one.py migrate", f"-c from one import Row; {FILL}"],
        "Django": [f"-c {hand}call('makemigrations', 'hand_app')", f"-c {hand}call('migrate')"],
        "nanodjango": [f"-c {nano.format('makemigrations', 2)}", f"-c {nano.format('migrate', 1)}"],
        "Flask": ["flasky.py"],
    }
    steps["Django"].append(f"-c {hand}from hand_app.models import Row; {FILL}")
    steps["nanodjango"].append(f"-c {nano.format('check', 1)}from nano import Row; {FILL}")
    for site in sites():
        for step in steps[site]:
            option, _, rest = step.partition(" ")
            words = [option, rest] if option == "-c" else step.split()
            run(folder, words)


def run(folder, words):
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=variables(), capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{words}\n{done.stdout}{done.stderr}")


def variables():
    return {**environment(), "DJANGO_ALLOWED_HOSTS": "*", "PYTHONPATH": "."}


def sites():
    return [name for name, (module, *_) in SITES.items() if find_spec(module)]


@contextlib.contextmanager
def serving(folder, server, site):
    """A connection to the site under the server, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, wsgi, interface, asgi = SITES[site]
    names = {"port": port, "wsgi": wsgi, "interface": interface, "asgi": asgi}
    words = [word.format(**names) for word in SERVERS[server]]
    log = folder / f"{site}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=variables(), stdout=output, stderr=output
        )
    try:
        yield connect(port, process, log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def connect(port, process, log):
    for _ in range(200):
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port))
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(log.read_text())


def turn(connection, page):
    """How long the requests take, one after the other."""
    request = f"{page} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
    start = time.perf_counter()
    for _ in range(REQUESTS):
        connection.sendall(request)
        read_response(connection)
    return (time.perf_counter() - start) / REQUESTS


def read_response(connection):
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit(answer.decode())
    head = head.lower()
    if b"content-length: " in head:
        size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < size:
            body += connection.recv(65536)
    else:
        while not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)


def measure(folder, server, page):
    times = {site: [] for site in sites()}
    for _ in range(RESTARTS):
        with contextlib.ExitStack() as stack:
            open_ones = {s: stack.enter_context(serving(folder, server, s)) for s in sites()}
            for connection in open_ones.values():
                turn(connection, page)
            for _ in range(ROUNDS):
                for site, connection in open_ones.items():
                    times[site].append(turn(connection, page))
    return times


def show(server, page, times):
    ours = times.pop("djng")
    line = f"{server:<9} {page:<9} {1e6 * statistics.median(ours):5.0f} µs"
    for site, theirs in times.items():
        pairs = zip(ours, theirs, strict=True)
        ratio = statistics.median(a / b if site == "Django" else b / a for a, b in pairs)
        line += f"   djng/Django {ratio:.2f}" if site == "Django" else f"   {site}/djng {ratio:.2f}"
    print(line, flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        for server in [each for each in SERVERS if find_spec(each)]:
            for page, request in PAGES.items():
                show(server, page, measure(Path(name), server, request))
        os.sync()
