"""Run Python programs in forks of one process that has already imported Django and djng.

Starting Python and importing Django takes most of a short program's time. conftest.py starts one
of these for each worker of pytest, and sends it a line of JSON for each program.
"""

import gc
import importlib
import json
import os
import runpy
import sys
from types import ModuleType

PRELOADED = """
    django.contrib.admin django.contrib.auth.hashers django.core.management
    django.core.servers.basehttp django.core.management.commands.check
    django.db.backends.sqlite3.base django.db.migrations.executor django.forms
    django.template.backends.django django.test django.views.debug djng.app djng.asgi djng.checks
    djng.management.checks djng.management.function_commands djng.error_views
    djng.middleware djng.patterns
"""


def main():
    for name in PRELOADED.split():
        importlib.import_module(name)
    gc.freeze()  # a fork's garbage collection then copies none of this memory
    print("ready", flush=True)
    for line in sys.stdin:
        if pid := os.fork():
            _, status = os.waitpid(pid, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            run(**json.loads(line))
            return


def run(args, cwd, env, files):
    """Become the program: ``python file``, ``python -c code`` or ``python -m module``."""
    for number, (name, mode) in enumerate(zip(files, "rww", strict=True)):
        with open(name, mode) as file:
            os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[1:1] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.modules["__main__"] = main = ModuleType("__main__")
    first, *rest = args
    if first == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        exec(compile(rest[0], "<string>", "exec"), vars(main))
    elif first == "-m":
        sys.argv, sys.path[0] = rest, cwd
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = args, os.path.dirname(os.path.realpath(first))
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
