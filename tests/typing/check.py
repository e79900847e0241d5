"""Check the types that a user's file sees, with mypy and with pyright.

    python tests/typing/check.py

mypy runs with django-stubs' plugin and without it, strict and not. Prints each command, and ends
with an error if one of them has found something.
"""

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
PLUGINS = HERE.parent / "plugins"
MYPY = [sys.executable, "-m", "mypy", "--cache-dir=/dev/null"]
PLUGIN = ["--config-file", str(HERE / "settings.ini")]
MEMBERS = ["--config-file", str(HERE / "members.ini")]
PYRIGHT = ["-m", "basedpyright", "--level=error", "--pythonpath", sys.executable]
COMMANDS = [
    (HERE, [*MYPY, "--config-file=", "plain.py"]),
    (HERE, [*MYPY, "--config-file=", "--strict", "plain.py"]),
    (HERE, [*MYPY, *PLUGIN, "blog.py", "fields.py"]),
    (HERE, [*MYPY, *PLUGIN, "--strict", "blog.py", "fields.py"]),
    (HERE, [*MYPY, *MEMBERS, "--strict", "members.py"]),
    (EXAMPLES, [*MYPY, *PLUGIN, "blog.py"]),
    (PLUGINS, [*MYPY, "--strict", "guests.py", "guestbook"]),
    (HERE, [sys.executable, *PYRIGHT, "blog.py", "plain.py"]),
    (EXAMPLES, [sys.executable, *PYRIGHT, "--project", str(HERE / "pyright.json"), "blog.py"]),
]

failed = 0
for folder, command in COMMANDS:
    print("$", shlex.join(command), flush=True)
    failed += subprocess.run(command, cwd=folder).returncode != 0
sys.exit(failed)
