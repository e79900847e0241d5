"""How long it takes from start to the first answer, over hand-written Django and Flask.

    python tests/benchmarks/startup.py

Whole processes take turns. Prints the median of the ratios of neighbours (the goal is at most
1.05, and 1.15 of ``manage.py runserver --noreload`` for ``python blog.py``), and what
``import djng`` adds to ``import django`` (under 5 ms).
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sites import DEVELOPMENT, developing, environment, report, wait_for, write_development

ROUNDS = 40
COMMANDS = {name: command for name, (command, _) in DEVELOPMENT.items()}
COMMANDS["by hand"] = [*COMMANDS["by hand"], "--noreload"]

ANSWER = """
import io, {module}
environ = {{
    "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
    "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http",
}}
assert b"".join({module}.app(environ, lambda *args: None)) == b"hello"
"""
IMPORT = "import django, time; t = time.perf_counter(); import djng; print(time.perf_counter() - t)"


def run(code, folder):
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - start, done.stdout


def develop(command, folder):
    start = time.perf_counter()
    with developing(command, folder) as port:
        wait_for(port, "hello")
        return time.perf_counter() - start


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_development(Path(folder))
        develop(COMMANDS["djng"], folder)  # it makes the database
        rounds = [{n: develop(c, folder) for n, c in COMMANDS.items()} for _ in range(ROUNDS)]
        report(
            "development server to first answer",
            {name: [each[name] for each in rounds] for name in COMMANDS},
        )
        codes = [ANSWER.format(module=module) for module in ("one", "hand")]
        pairs = [tuple(run(code, folder)[0] for code in codes) for _ in range(ROUNDS + 1)][1:]
        imports = [float(run(IMPORT, folder)[1]) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"start to first answer: {ratio:.3f} ({ours:.0f} ms, by hand {theirs:.0f} ms)")
    print(f"import djng adds {1000 * statistics.median(imports):.1f} ms to import django")


if __name__ == "__main__":
    main()
