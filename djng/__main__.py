"""Run as ``python -m djng``: start a new site."""

import argparse

from djng.new import new

parser = argparse.ArgumentParser("python -m djng", description="One Python file is a Django site.")
commands = parser.add_subparsers(required=True, metavar="new")
subparser = commands.add_parser("new", help="write a file to start from")
subparser.add_argument("file", help="the name of the file, such as blog.py")
print(new(parser.parse_args().file))  # noqa: T201
