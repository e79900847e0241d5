"""``python -m djng new blog.py``: write a file to start from."""

import shlex
import sys
from pathlib import Path

from djng.conf import CONTRIB
from djng.shadowing import hides_module

START = '''\
# /// script
# requires-python = ">=3.11"
# dependencies = ["djng"]
# ///
"""A site in one file. Run it: python {name}"""

from django.db import models
from djng import Djng

app = Djng()  # this loads Django's apps: import their models below it


# A model is a table in the database; the decorator shows it in the admin, at /admin/.
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
    """Write a file to start from, never over another one; return what to do with it."""
    file = Path(name if name.endswith(".py") else f"{name}.py")
    if file.stem in CONTRIB or hides_module(file.stem, str(file.resolve().parent)):
        sys.exit(f"{file.name} would hide the module {file.stem}.\n  Choose another name.")
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(START.format(name=file.name))
    except OSError as error:
        sys.exit(f"{file} is not written: {error.strerror}.\n  Choose another name.")
    return f"Wrote {file}. Run it: python {shlex.quote(str(file))}"
