"""The page of what is promised names tests that exist."""

import re

from conftest import ROOT

PAGE = (ROOT / "docs/promises.md").read_text()


def test_every_promise_has_a_test():
    rows = re.findall(r"^\| (?!promise)[A-Z*].*$", PAGE, re.MULTILINE)
    named = re.findall(r"`(test_\w+)` \|$", PAGE, re.MULTILINE)
    source = "".join(file.read_text() for file in (ROOT / "tests").glob("test_*.py"))
    assert len(named) == len(rows) > 10
    assert [name for name in named if f"def {name}(" not in source] == []
