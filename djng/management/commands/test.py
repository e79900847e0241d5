"""Runs ``test``: Django's, which also finds the tests in the user's file and beside it."""

import inspect
import sys
import unittest
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import test
from django.test.utils import get_runner

from djng.app import Djng

NONE = 5  # as the exit status of unittest and pytest is then


class Command(test.Command):
    def handle(self, *test_labels: str, **options: Any) -> None:
        if not test_labels and Djng.current:
            test_labels = own_labels(Djng.current.label)
            probe = get_runner(settings, options["testrunner"])(verbosity=0, interactive=False)
            if not probe.build_suite(test_labels).countTestCases():
                file = f"{Djng.current.label}.py"
                what = f"There are no tests: write a TestCase in {file}, or in test_*.py beside it."
                raise CommandError(f"{what} Test functions are for pytest.", returncode=NONE)
        super().handle(*test_labels, **options)


def own_labels(label: str) -> tuple[str, ...]:
    """The test cases of the file, each by its name, and the folder that the file is in."""
    module = sys.modules[label]
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    cases = [each for each in classes if issubclass(each, unittest.TestCase)]
    own = [f"{label}.{each.__name__}" for each in cases if each.__module__ == label]
    return (*own, str(Path(str(module.__file__)).parent))
