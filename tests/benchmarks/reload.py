"""How long it takes from a save until what was saved is served, over hand-written Django.

    python tests/benchmarks/reload.py

Both development servers run, and take turns. Prints the median of the ratios of neighbours, at most
1.0 is wanted, and both medians: under one second is aimed for.
"""

import contextlib
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sites import environment, write

ROUNDS = 20

MAIN = """

if __name__ == "__main__":
    app.run()
"""
MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hand_settings")
execute_from_command_line(sys.argv)
"""


@contextlib.contextmanager
def serving(script, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, script, "runserver", str(port)],
        cwd=folder,
        env={**environment(), "DJANGO_RUNSERVER_HIDE_WARNING": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for(port, text):
    """Ask until the page has the text, and return how many seconds that took."""
    start = time.perf_counter()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/")
                if connection.getresponse().read().decode() == text:
                    return time.perf_counter() - start
        time.sleep(0.01)


def save(file, text):
    """Save a view that answers with the text."""
    file.write_text(file.read_text().replace(f'"{save.last[file]}"', f'"{text}"'))
    save.last[file] = text


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        ours, theirs = folder / "one.py", folder / "hand_app/views.py"
        ours.write_text(ours.read_text() + MAIN)
        (folder / "manage.py").write_text(MANAGE)
        settings = folder / "hand_settings.py"
        settings.write_text(settings.read_text() + "DEBUG = True\n")
        save.last = dict.fromkeys([ours, theirs], "hello")
        with serving("one.py", folder) as one, serving("manage.py", folder) as two:
            for port in (one, two):
                wait_for(port, "hello")
            pairs = []
            for number in range(ROUNDS):
                pair = []
                for port, file in ((one, ours), (two, theirs)):
                    time.sleep(1 + number % 7 / 7)  # whatever the two look at, and when
                    save(file, f"hello {number}")
                    pair.append(wait_for(port, f"hello {number}"))
                pairs.append(pair)
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"save to served: {ratio:.2f} ({ours:.0f} ms, by hand {theirs:.0f} ms)")


if __name__ == "__main__":
    main()
