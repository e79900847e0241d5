"""Runs as ``python -m djng new blog.py``: writes a file to start from, never over another."""

import argparse
import shlex
import sys
from pathlib import Path

from djng.hiding import hides
from djng.settings import CONTRIB

START = '''\
# /// script
# requires-python = ">=3.11"
# dependencies = ["djng"]
# ///
"""A site in one file. Run it: python {name}"""

from django.db import models
from djng import Djng

app = Djng()  # loads Django's apps: imports of their models come below


# A model is a table; the decorator puts it into the admin, at /admin/.
@app.admin(list_display=["text", "created"])
class Note(models.Model):
    text = models.CharField(max_length=200)
    created = models.DateTimeField(auto_now_add=True)


# A view answers a URL. Text is HTML; a dict is JSON, or goes into a template="...".
@app.route("/")
def index(request):
    return f"<h1>Hello</h1><p>There are {{Note.objects.count()}} notes.</p>"


if __name__ == "__main__":
    app.run()
'''


def new(name: str) -> str:
    """Write the file, and return what to do with it."""
    file = Path(name if name.endswith(".py") else f"{name}.py")
    if file.stem in CONTRIB or hides(file.stem, str(file.resolve().parent)):
        sys.exit(f"{file.name} would hide the module {file.stem}.\n  Choose another name.")
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(START.format(name=file.name))
    except OSError as error:
        sys.exit(f"{file} is not written: {error.strerror}.\n  Choose another name.")
    return f"Wrote {file}. Run it: python {shlex.quote(str(file))}"


parser = argparse.ArgumentParser("python -m djng", description="One Python file is a Django site.")
commands = parser.add_subparsers(required=True, metavar="new")
subparser = commands.add_parser("new", help="write a file to start from")
subparser.add_argument("file", help="the file's name, as blog.py")
print(new(parser.parse_args().file))  # noqa: T201
