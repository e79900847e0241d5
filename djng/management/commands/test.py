"""Run the tests in the user's file and beside it. Runs as ``python blog.py test``."""

import inspect
import unittest
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import test
from django.test.runner import DiscoverRunner
from django.test.utils import get_runner

from djng.app import Djng

NO_TESTS = 5  # the exit code of unittest and pytest in that case


class Command(test.Command):
    def handle(self, *test_labels: str, **options: Any) -> None:
        if not test_labels and (site := Djng.current):
            test_labels = find_labels(site)
            runner = get_runner(settings, options["testrunner"])
            pattern = options.get("pattern")
            if issubclass(runner, DiscoverRunner) and not has_tests(runner, test_labels, pattern):
                where = f"{site.path.name}, or in test_*.py beside it"
                message = f"There are no tests: write a TestCase in {where}."
                raise CommandError(f"{message} Test functions need pytest.", returncode=NO_TESTS)
        super().handle(*test_labels, **options)


def has_tests(runner: type[DiscoverRunner], labels: tuple[str, ...], pattern: str | None) -> bool:
    suite = runner(pattern=pattern, verbosity=0, interactive=False).build_suite(labels)
    return bool(suite.countTestCases())


def find_labels(site: Djng) -> tuple[str, ...]:
    """The test cases in the site's file, and the folder of the file."""
    classes = [value for value in vars(site.module).values() if inspect.isclass(value)]
    cases = [each for each in classes if issubclass(each, unittest.TestCase)]
    own = [f"{site.label}.{each.__name__}" for each in cases if each.__module__ == site.label]
    return (*own, str(site.path.parent))
