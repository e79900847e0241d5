"""The command ``djng``, also run as ``python -m djng``: start a new site."""

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import NoReturn

import django

from djng import __version__
from djng.exceptions import APP_LINE, closest_match
from djng.new import new

VERSION = f"djng {__version__}, Django {django.__version__}, Python {sys.version.split()[0]}"
COMMANDS = ("new",)
FOR_EXAMPLE = """\
Start a site, and run it:
  djng new blog.py
  python blog.py
"""


def main() -> None:
    """Run the command line: ``djng new blog.py``, ``djng --version``."""
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        refuse(arguments)
    parser = build_parser()
    options = parser.parse_args(arguments)
    text = run(options) if options.command else parser.format_help().strip()
    if hasattr(signal, "SIGPIPE"):  # as after ``djng new blog.py | head -1``
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(text)  # noqa: T201


def run(options: argparse.Namespace) -> str:
    if options.sources:
        from djng.new.from_data import new_from_data  # it needs Django's models

        return new_from_data(options.file, options.sources, in_place=options.in_place)
    if options.in_place:
        sys.exit("--in-place needs --from and an SQLite database.")
    return new(options.file)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "djng",
        description="One Python file is a Django site.",
        epilog=FOR_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="command")
    subparser = commands.add_parser("new", help="write a file to start from")
    subparser.add_argument("file", help="the name of the file, such as blog.py")
    what = "CSV or TSV files, a folder of them, or an SQLite database: the data of the site"
    subparser.add_argument("--from", dest="sources", nargs="+", metavar="DATA", help=what)
    what = "use the SQLite database as it is, instead of copying its data"
    subparser.add_argument("--in-place", action="store_true", help=what)
    return parser


def refuse(arguments: list[str]) -> NoReturn:
    """Exit with what to type instead: most commands belong to a site, not to djng."""
    name, line = arguments[0], shlex.join(arguments)
    if name.endswith(".py"):
        hint = f"Run it: python {line}" if Path(name).exists() else f"Write it: djng new {line}"
        sys.exit(f"djng needs a command before {name}.\n  {hint}")
    if like := closest_match(name, COMMANDS, cutoff=0.6):
        sys.exit(f"djng has no command {name!r}.\n  Did you mean {like}?")
    lines = site_commands(line)
    own = "\n  ".join(["Your site may have it:", *lines])
    hint = own if lines else "Start a site: djng new blog.py"
    sys.exit(f"djng has no command {name!r}. {hint}")


def site_commands(line: str) -> list[str]:
    """The command line for each site in this folder."""
    files = [file.name for file in sorted(Path().glob("*.py")) if is_site(file)]
    return [f"python {shlex.quote(name)} {line}" for name in files]


def is_site(file: Path) -> bool:
    try:
        return bool(APP_LINE.search(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


if __name__ == "__main__":
    main()
