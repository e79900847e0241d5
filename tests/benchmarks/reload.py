"""How long it takes from a save until what was saved is served, over hand-written Django and Flask.

    python tests/benchmarks/reload.py

All development servers run, and take turns. Prints the median of the ratios of neighbours, of which
at most 0.30 of hand-written Django is wanted, and the medians: 250 ms on an idle machine.
"""

import contextlib
import tempfile
import time
from pathlib import Path

from sites import DEVELOPMENT, developing, report, wait_for, write_development

ROUNDS = 20


def save(file, text):
    """Save a view that answers with the text."""
    before = file.read_text()
    start = before.index('"hello') + 1
    file.write_text(before[:start] + text + before[before.index('"', start) :])


def measure(folder):
    """For each server, how long each of its rounds took."""
    times = {name: [] for name in DEVELOPMENT}
    with contextlib.ExitStack() as stack:
        ports = {
            name: stack.enter_context(developing(command, folder))
            for name, (command, _) in DEVELOPMENT.items()
        }
        for port in ports.values():
            wait_for(port, "hello")
        for number in range(ROUNDS):
            for name, (_, file) in DEVELOPMENT.items():
                time.sleep(1 + number % 7 / 7)  # whatever they look at, and when
                save(folder / file, f"hello {number}")
                times[name].append(wait_for(ports[name], f"hello {number}"))
    return times


def main():
    with tempfile.TemporaryDirectory() as name:
        write_development(Path(name))
        report("save to served", measure(Path(name)))


if __name__ == "__main__":
    main()
