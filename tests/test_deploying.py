"""The files that docs/deploying shows do what the pages say, as far as one machine can try it."""

import re
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from conftest import ROOT, Site, environment, free_port, serving
from test_docs import BLOCK, PATH, assert_known

PAGES = ROOT / "docs/deploying"
FILE = re.compile(r"^# (\S+)\n")
SITE = """
from djng import Djng

app = Djng(SECURE_REDIRECT_EXEMPT=["^up$"])


@app.get("/")
def index(request):
    return f"<h1>The blog</h1>{request.build_absolute_uri()}"


if __name__ == "__main__":
    app.run()
"""
PROXIED = {"Host": "example.com", "X-Forwarded-Proto": "https"}


def shown(page):
    """The files that a page shows, by the name in their first line."""
    text = re.sub(r"^ {3}", "", (PAGES / page).read_text(), flags=re.MULTILINE)
    blocks = [block[2] for block in BLOCK.finditer(text)]
    return {found[1]: text for text in blocks if (found := FILE.match(text))}


@pytest.fixture
def blog(tmp_path):
    """The folder of a site, with a health check, that is deployed."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public/up").write_text("up")
    return Site(tmp_path).put("blog.py", SITE)


def run(command, folder, **variables):
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=environment(PATH=PATH, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def values(name, text):
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def assert_served_over_https(server):
    assert "https://example.com/" in server.request("/", **PROXIED).text
    plain = server.request("/", Host="example.com")
    assert (plain.status, plain.headers["Location"]) == (301, "https://example.com/")
    assert server.request("/up").text == "up"


# A virtual server


@pytest.fixture
def unit():
    return shown("server.md")["/etc/systemd/system/blog.service"]


def test_systemd_accepts_the_unit(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd here")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    file = tmp_path / "blog.service"
    file.write_text(unit.replace("/srv/blog", str(tmp_path)))
    assert "blog.service" not in run(f"systemd-analyze verify {file}", tmp_path)


@contextmanager
def unit_started(unit, blog):
    """What systemd does with the unit: its variables, the command before, and the command."""
    port = free_port()
    variables = dict(each.split("=", 1) for each in values("Environment", unit))
    before, command = (values(name, unit)[0] for name in ("ExecStartPre", "ExecStart"))
    commands = [each.replace("/srv/blog/.venv/bin/", "") for each in (before, command)]
    run(commands[0], blog.folder, **variables)
    command = ["bash", "-c", f"exec {commands[1].replace('8000', str(port))}"]
    with serving(command, blog.folder, port, {"PATH": PATH, **variables}) as server:
        server.says("Started worker-2")  # granian never stops a worker that is still starting
        yield server


def test_the_unit_migrates_and_serves(unit, blog):
    with unit_started(unit, blog) as server:
        assert (blog.folder / "blog.sqlite3").exists()
        assert_served_over_https(server)


def ask(url, port, *options):
    """The answer to a request for example.com, which is this machine."""
    curl = ["curl", "-ski", "--noproxy", "*", "--resolve", f"example.com:{port}:127.0.0.1"]
    return subprocess.run([*curl, *options, url], capture_output=True, text=True).stdout


def assert_proxied(https, http):
    secure = ask(f"https://example.com:{https}/", https)
    assert f"https://example.com:{https}/" in secure
    assert "strict-transport-security: max-age=3600" in secure.lower()
    assert "location: https://example.com" in ask(f"http://example.com:{http}/", http).lower()


def test_caddy_serves_the_site_over_https(unit, blog, tmp_path_factory):
    if not (caddy := shutil.which("caddy")):
        pytest.skip("caddy is not installed")
    folder, https, http = tmp_path_factory.mktemp("caddy"), free_port(), free_port()
    with unit_started(unit, blog) as server:
        # The ports and the certificate are of this machine.
        options = ["admin off", "local_certs", "skip_install_trust"]
        options += [f"https_port {https}", f"http_port {http}"]
        text = shown("server.md")["Caddyfile"].replace("8000", str(server.port))
        (folder / "Caddyfile").write_text("{\n" + "\n".join(options) + "\n}\n" + text)
        command, home = [caddy, "run", "--config", "Caddyfile"], {"HOME": str(folder)}
        with serving(command, folder, https, home) as proxy:
            proxy.says("serving initial configuration")
            assert_proxied(https, http)


def test_nginx_serves_the_site_over_https(unit, blog, tmp_path_factory):
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not (nginx and shutil.which("openssl")):
        pytest.skip("nginx is not installed")
    folder, https, http = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    key = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=example.com"
    run(f"{key} -keyout privkey.pem -out fullchain.pem", folder)
    with unit_started(unit, blog) as server:
        text = shown("server.md")["blog.nginx"].replace("8000", str(server.port))
        text = text.replace("listen 443", f"listen {https}").replace("listen 80", f"listen {http}")
        text = text.replace("/etc/letsencrypt/live/example.com", str(folder))
        text = text.replace("Host $host;", "Host $http_host;")  # the port is not 443 here
        head = f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        places = [f"{each}_temp_path {folder}/{each};" for each in TEMPORARY]
        http_block = f"access_log off; {' '.join(places)}\n{text}"
        (folder / "nginx.conf").write_text(f"{head}http {{\n{http_block}\n}}\n")
        command = [nginx, "-p", str(folder), "-e", "stderr", "-c", f"{folder}/nginx.conf"]
        with serving(command, folder, https, {}):
            assert_proxied(https, http)


TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]


# A container


def instructions(dockerfile):
    for line in dockerfile.splitlines()[1:]:
        yield line.split(" ", 1)


def test_the_dockerfile_does_what_its_lines_say(blog, tmp_path_factory):
    data, site = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("image")
    port, variables, checks = free_port(), {}, []
    text = shown("container.md")["Dockerfile"].replace("/data", str(data))
    for name, value in instructions(text.replace("8000", str(port))):
        if name == "RUN" and value.startswith("pip install"):
            assert_known(value.replace("--no-cache-dir ", ""))
        elif name == "COPY":
            shutil.copytree(blog.folder, site, dirs_exist_ok=True)
        elif name == "ENV":
            variables |= [value.split("=", 1)]
        elif name == "HEALTHCHECK":
            checks.append(value.removeprefix("CMD "))
        elif name == "CMD":
            command = eval(value)  # noqa: S307  # a list of strings
    variables |= {"DJANGO_ALLOWED_HOSTS": "example.com", "DJANGO_HTTPS": "1"}
    with serving(command, site, port, {"PATH": PATH, **variables}) as server:
        server.says("Started worker-1")
        assert_served_over_https(server)
        run(checks[0], site, NO_PROXY="*")
    assert {"blog.sqlite3", "blog.secret"} <= {path.name for path in data.iterdir()}
    assert not [*site.glob("*.sqlite3"), *site.glob("*.secret")]


def test_the_image_gets_no_data_and_no_key():
    ignored = {*shown("container.md")[".dockerignore"].splitlines()[1:]}
    assert {"*.sqlite3*", "*.secret", "media", ".git"} <= ignored
    repository = {*shown("platform.md")[".gitignore"].splitlines()[1:]}
    assert {"*.sqlite3*", "*.secret", "media/"} <= repository


# A platform


def test_the_procfile_releases_and_serves(blog, tmp_path_factory):
    files = shown("platform.md")
    commands = dict(line.split(": ", 1) for line in files["Procfile"].splitlines()[1:])
    for package in files["requirements.txt"].splitlines()[1:]:
        assert_known(f"pip install {shlex.quote(package)}")
    port, database = free_port(), tmp_path_factory.mktemp("database") / "platform.sqlite3"
    variables = {"DATABASE_URL": f"sqlite:///{database}", "PORT": str(port), "DJANGO_HTTPS": "1"}
    variables |= {"DJANGO_SECRET_KEY": "k" * 50, "DJANGO_ALLOWED_HOSTS": "example.com"}
    run(commands["release"], blog.folder, **variables)
    command = ["bash", "-c", f"exec {commands['web']}"]
    with serving(command, blog.folder, port, {"PATH": PATH, **variables}) as server:
        server.says("Started worker-1")
        assert_served_over_https(server)
    assert database.exists()


# PythonAnywhere


def test_the_wsgi_file_serves_the_site(blog, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("www"), free_port()
    text = shown("pythonanywhere.md")["wsgi_file.py"].replace("/home/me/blog", str(blog.folder))
    (folder / "wsgi_file.py").write_text(text.replace("me.pythonanywhere.com", "example.com"))
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "wsgi_file:application"]
    with serving(command, folder, port, {"PATH": PATH}) as server:
        assert_served_over_https(server)


def test_pages_name_only_files_that_are_tried():
    tried = "/etc/systemd/system/blog.service Caddyfile blog.nginx Dockerfile .dockerignore"
    tried += " requirements.txt Procfile .gitignore wsgi_file.py"
    names = {name for page in PAGES.glob("*.md") for name in shown(page.name)}
    assert names == {*tried.split()}


def test_every_place_is_listed():
    text = (ROOT / "docs/deploying.md").read_text()
    assert all(f"(deploying/{page.name})" in text for page in PAGES.glob("*.md"))
