"""What the file defines has the file's name from its definition on, however the file is run."""

import sys
import time

import pytest
from conftest import environment

RECORDER = """
import dataclasses, enum, pickle, typing
from collections import namedtuple
from djng import Djng

recorded = []


def record(thing):
    recorded.append(str(thing.__module__))
    return thing


@record
def above(): ...


app = Djng()


@record
def function(): ...


@record
class Plain:
    @record
    class Nested:
        @record
        def method(self): ...


@record
@dataclasses.dataclass
class Data:
    number: int = 1


class Color(enum.Enum):
    RED = "red"


class Typed(typing.NamedTuple):
    number: int = 1


Point = namedtuple("Point", "x y")
VALUES = [Data(2), Color.RED, Typed(3), Point(4, 5), Plain.Nested, function, Plain]


@app.command
def show():
    print(recorded, __name__, __name__ != "__main__", __name__ in ["__main__"])


@app.command
def dump():
    open("values.pickle", "wb").write(pickle.dumps([*VALUES, Plain.__module__]))


@app.command
def load():
    *values, name = pickle.load(open("values.pickle", "rb"))
    print(values == VALUES, type(name).__name__)
"""
LOAD = "import pickle; print(pickle.load(open('values.pickle', 'rb'))[:-1] == blog.VALUES)"


@pytest.fixture
def recorder(site):
    return site.write(RECORDER)


def test_a_decorator_sees_the_files_name(recorder):
    shown = recorder.succeed("show").split("] ")
    # What stands above Djng() is renamed by it; a decorator there has seen it before.
    assert shown[0] == "['__main__', 'blog', 'blog', 'blog', 'blog', 'blog'"
    assert shown[1] == "blog False True\n"
    code = "from django.core.management import call_command; call_command('show')"
    assert recorder.shell(code) == f"{['blog'] * 6} blog True False"


def test_pickles_are_read_by_the_script_and_by_others(recorder):
    recorder.succeed("dump")
    assert recorder.succeed("load") == "True str\n"
    assert recorder.shell(LOAD) == "True"
    code = "import pickle; open('values.pickle', 'wb').write(pickle.dumps([*blog.VALUES, 'blog']))"
    recorder.shell(f"blog.app.start()\n{code}")
    assert recorder.succeed("load") == "True str\n"


def test_pickles_are_read_where_there_is_no_djng(recorder):
    recorder.succeed("dump")
    recorder.put("names.py", "import pickletools\npickletools.dis(open('values.pickle', 'rb'))")
    shown = recorder.python("names.py").stdout
    assert "djng" not in shown
    assert "__main__" not in shown


HUEY = """
from djng import Djng

app = Djng(
    apps=["huey.contrib.djhuey"],
    HUEY={"huey_class": "huey.SqliteHuey", "filename": "queue.db", "immediate": False},
)

from huey.contrib.djhuey import task


@task()
def write(text):
    open("written", "a").write(text)


@app.get("/")
def index(request):
    write("asked ")
    return str(write.task_class.__module__)
"""


def until_written(site, text, patience=20):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        path = site.folder / "written"
        if path.exists() and path.read_text() == text:
            return True
        time.sleep(0.1)
    return False


def test_hueys_consumer_runs_what_a_server_has_enqueued(site):
    pytest.importorskip("huey")
    site.write(HUEY)
    with site.serve("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "blog:app") as server:
        assert server.request("/").text == "blog"
        with background(site, "blog.py", "run_huey", "-w", "1"):
            assert until_written(site, "asked ")


def background(site, *arguments):
    """A process without a port, while the block runs."""
    import contextlib
    import os
    import signal
    import subprocess

    @contextlib.contextmanager
    def running():
        with (site.folder / "background.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=site.folder,
                env=environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=20)

    return running()


CELERY = """
from djng import Djng

site = Djng(
    CELERY_BROKER_URL="filesystem://",
    CELERY_BROKER_TRANSPORT_OPTIONS={
        "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"
    },
)

from celery import Celery, shared_task
from django.contrib.auth.models import User

app = Celery("anything")
app.config_from_object("django.conf:settings", namespace="CELERY")


@shared_task
def write(text):
    open("written", "a").write(f"{text} {User._meta.label} ")


@site.get("/")
def index(request):
    write.delay("asked")
    return f"{write.name} {hasattr(write, 'delay_on_commit')}"


if __name__ == "__main__":
    site.run()
"""


def test_celerys_worker_runs_what_a_server_has_enqueued(site):
    pytest.importorskip("celery")
    (site.folder / "queue").mkdir()
    site.put("blog.py", CELERY)
    with site.serve() as server:
        assert server.request("/").text == "blog.write True"
        with background(site, "-m", "celery", "-A", "blog", "worker", "-P", "solo"):
            assert until_written(site, "asked auth.User "), (
                site.folder / "background.log"
            ).read_text()


def test_apscheduler_keeps_the_files_name(site):
    pytest.importorskip("apscheduler")
    site.write("""
        from apscheduler.util import obj_to_ref

        def tick(): ...

        print(obj_to_ref(tick))
    """)
    assert site.succeed("check", "-v0").startswith("blog:tick\n")
