"""``djng new blog.py``: write a file to start from, and what git should ignore beside it."""

import shlex
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from string import Template

from djng.conf import CONTRIB
from djng.shadowing import hides_module

START = Path(__file__).with_name("start.py-tpl")
# What a site makes beside its file, with examples of each.
IGNORED = {
    "*.sqlite3*": ("blog.sqlite3", "blog.sqlite3-wal"),
    "*.secret": ("blog.secret",),
    "media/": ("media",),
    "staticfiles/": ("staticfiles",),
}


def new(name: str) -> str:
    """Write a file to start from, never over another one; return what to do with it."""
    file = site_file(name)
    try:
        write(file, Template(START.read_text(encoding="utf-8")).substitute(name=file.name))
    except OSError as error:
        sys.exit(f"{file} is not written: {error.strerror}.\n  {way_out(error, file)}")
    lines = [f"Wrote {file}. Run it: python {shlex.quote(str(file))}", ignore_in_git(file.parent)]
    return "\n".join(filter(None, lines))


def site_file(name: str) -> Path:
    """The path of a new site; exits if Python could not import it, or would import it instead."""
    file = Path(name if name.endswith(".py") else f"{name}.py")
    if not file.stem or "." in file.stem:
        sys.exit(f"Python cannot import {name}.\n  Choose a name like blog.py.")
    if file.stem in CONTRIB or hides_module(file.stem, str(file.resolve().parent)):
        hint = f"Choose another name, such as my_{file.name}."
        sys.exit(f"{file.name} would hide the module {file.stem}.\n  {hint}")
    if file.stem in ("__init__", "__main__"):
        sys.exit(f"{file.name} cannot be the name of a site.\n  Choose a name like blog.py.")
    if (package := file.with_suffix("") / "__init__.py").exists():
        sys.exit(f"{package} would hide {file.name} from every import.\n  Choose another name.")
    return file


def write(file: Path, text: str) -> None:
    """Write a new file, completely or not at all."""
    with file.open("x", encoding="utf-8") as target:
        try:
            target.write(text)
            target.flush()
        except OSError:
            file.unlink()
            raise


def way_out(error: OSError, file: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"Make the folder first: mkdir -p {shlex.quote(str(file.parent))}"
    return "Choose another name." if isinstance(error, FileExistsError) else "Nothing is written."


def ignore_in_git(folder: Path) -> str:
    """Write a .gitignore if there is none; return that, or what is missing from it."""
    file = folder / ".gitignore"
    try:
        if not file.exists():
            write(file, "".join(f"{pattern}\n" for pattern in IGNORED))
            return f"Wrote {file}: git ignores the database, the secret key and uploads."
        lines = [line.strip().strip("/") for line in file.read_text(errors="replace").splitlines()]
    except OSError as error:
        return f"{file} is not written: {error.strerror}."
    missing = [pattern for pattern, names in IGNORED.items() if not are_ignored(names, lines)]
    return f"Add to {file}: {' '.join(missing)}" if missing else ""


def are_ignored(names: Iterable[str], lines: list[str]) -> bool:
    return all(any(fnmatch(name, line) for line in lines) for name in names)
