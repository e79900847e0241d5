"""The page of the docs on the order of imports, and what an import too early says."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs/imports.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LATE, SORTED = [text for language, text in BLOCKS if language == "python"]
OUR_ERROR, DJANGOS_ERROR = [text for language, text in BLOCKS if not language]
USER = "from django.contrib.auth.models import User\n"
ABOVE = f"from djng import Djng\n{USER}\napp = Djng()\n"


@pytest.mark.parametrize("source", [LATE, SORTED])
def test_imports_below_the_app_are_accepted(site, source):
    site.put("notes.py", source)
    assert site.fork("-c", "import notes").stderr == ""


def test_an_import_above_the_app_names_the_line(site):
    done = site.put("notes.py", ABOVE).python("notes.py")
    assert done.stderr == OUR_ERROR


def test_an_import_above_djng_has_djangos_own_error(site):
    done = site.put("notes.py", USER + ABOVE.replace(USER, "")).python("notes.py")
    assert done.stderr.splitlines()[-1] == DJANGOS_ERROR.strip()


def test_a_package_that_reads_many_settings_gets_one_error(site):
    ninja = "from ninja import NinjaAPI\n"
    done = site.put("notes.py", ABOVE.replace(USER, ninja)).python("notes.py")
    assert done.stderr == OUR_ERROR.replace(USER.strip(), ninja.strip())


def test_ruff_accepts_and_keeps_the_order(site):
    site.put("notes.py", SORTED.replace("import User\n", "import User\n\nprint(User)\n"))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,I", "notes.py"]
    done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
