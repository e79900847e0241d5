"""How long a hello-world request takes through the WSGI callable, over hand-written Django.

    python tests/benchmarks/request.py

Two processes take turns, so that a machine that slows down slows both. Several pairs of processes
do so, because each process has its own layout in memory. Prints the median of the ratios of
neighbouring turns. The goals: at most 1.03 with the default middleware and 1.04 without any.
"""

import statistics
import subprocess
import sys
import tempfile

from sites import environment, write

PROCESSES, ROUNDS, REQUESTS = 8, 30, 400

WORKER = """
import importlib, io, sys, time

app = importlib.import_module(sys.argv[1]).app
environ = {
    "REQUEST_METHOD": "GET", "PATH_INFO": sys.argv[2], "QUERY_STRING": "", "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost",
    "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http",
}

def ask(times):
    for _ in range(times):
        body = app(dict(environ), lambda status, headers, exc_info=None: None)
        assert b"".join(body) == b"hello"
        body.close()

ask(200)
for line in sys.stdin:
    start = time.perf_counter()
    ask(int(line))
    print(time.perf_counter() - start, flush=True)
"""


def worker(module, folder, path="/"):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, module, path],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def turn(process):
    process.stdin.write(f"{REQUESTS}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def duel(folder, first="one", second="hand", path="/"):
    with worker(first, folder, path) as ours, worker(second, folder) as theirs:
        pairs = [(turn(ours), turn(theirs)) for _ in range(ROUNDS)]
        ours.stdin.close()
        theirs.stdin.close()
    return pairs


def measure(bare):
    with tempfile.TemporaryDirectory() as folder:
        write(folder, bare=bare)
        pairs = [pair for _ in range(PROCESSES) for pair in duel(folder)]
    ratio = statistics.median(a / b for a, b in pairs)
    each = [1e6 * statistics.median(times) / REQUESTS for times in zip(*pairs, strict=True)]
    name = "MIDDLEWARE=[]" if bare else "default middleware"
    print(f"{name}: {ratio:.3f} ({each[0]:.0f} µs, by hand {each[1]:.0f} µs)")


if __name__ == "__main__":
    measure(bare=False)
    measure(bare=True)
