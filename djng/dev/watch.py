"""Notice changed files by looking at them. Runs under ``runserver``, in all of its processes."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source
from pathlib import Path

from djng.exceptions import is_library_file

POLL_INTERVAL = 0.05  # seconds

Stamp = tuple[int, int]  # when a file was last written, in nanoseconds, and its size in bytes


def read_stamps(files: Iterable[Path]) -> dict[Path, Stamp]:
    """The stamps of those files that exist."""
    stamps = {}
    for file in files:
        with suppress(OSError):
            status = file.stat()
            stamps[file] = (status.st_mtime_ns, status.st_size)
    return stamps


def module_files() -> set[Path]:
    """The files of imported modules. Django's function resolves links too: that takes 40 ms."""
    specs = (getattr(module, "__spec__", None) for module in [*sys.modules.values()])
    return {Path(spec.origin) for spec in specs if isinstance(spec, ModuleSpec) and spec.origin}


def own(files: Iterable[Path]) -> set[Path]:
    """Those of the files that are the user's, and not of Python or of an installed package."""
    return {file for file in files if not is_library_file(str(file))}


def nearby_modules(site: Path) -> set[Path]:
    """The modules in the folder of the site's file, and one folder below."""
    return {*site.parent.glob("*.py"), *site.parent.glob("*/*.py")}


def package_folders() -> set[Path]:
    """The folders in which packages are installed. Installing one changes the folder's stamp.

    The folder of the user's file may be in PYTHONPATH, too, but saving a file changes its stamp.
    """
    return {Path(folder) for folder in sys.path[1:] if folder != sys.path[0]}


def delete_bytecode(modules: Iterable[Path]) -> None:
    """Delete the compiled files of modules that were saved in the last two seconds.

    They may be those of a save before. Python compares only the size and the second of the save.
    """
    for file, (saved, _) in read_stamps(modules).items():
        if file.suffix == ".py" and time.time_ns() - saved < 2e9:
            with suppress(OSError):
                Path(cache_from_source(file)).unlink()


def rounds() -> Iterator[None]:
    """Pause after each look at the files, for longer if there are thousands.

    Looking takes at most a tenth of one processor, whatever else the process does meanwhile.
    """
    while True:
        start = time.thread_time()
        yield
        time.sleep(max(POLL_INTERVAL, 10 * (time.thread_time() - start)))


def first_change(before: dict[Path, Stamp], now: dict[Path, Stamp]) -> Path | None:
    """A file that was written, has appeared or has gone; None if there is none."""
    differ = (file for file in {**before, **now} if before.get(file) != now.get(file))
    return next(differ, None)
