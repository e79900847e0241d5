"""``@app.command`` makes a function of the file a management command."""

import pytest

COMMANDS = '''
from datetime import date
from decimal import Decimal
from typing import Literal
from pathlib import Path

from django.core.management.base import CommandError


@app.command
def greet(name: str, times: int = 1, *, loud: bool = False, punctuation: str | None = None):
    """Say hello.

    As often as you like.
    """
    text = f"Hello {name}{punctuation or ''}"
    print((text.upper() if loud else text) + " " + str(times * 2))


@app.command
def total(*prices: Decimal):
    return f"{sum(prices)} {type(prices[0]).__name__}"


@app.command
def sized(path: Path, verbosity: int, *, unit):
    print(path.name, verbosity, unit)


@app.command
async def later(times=2):
    print("later " * times)


@app.command
def many(*args: int):
    print(args)


@app.command
def publish(live: bool, size: Literal["s", "m"] = "s", day: date = None, form: str = "%Y"):
    print(live, size, day, form)


@app.command
def listed(names: list[int]):
    print(names)


@app.command
def release(version, **options):
    print(version, options)


@app.command
def tag(*, version: int = 1, settings: str = "none"):
    print(version, settings)


@app.command
def fail():
    raise CommandError("it cannot be done", returncode=7)


assert greet("ada") is None
'''


@pytest.fixture(scope="module")
def file(module_site):
    return module_site.write(COMMANDS)


CALLS = [
    (["greet", "Ada"], "Hello Ada 2"),
    (["greet", "Ada", "--times", "3", "--loud"], "HELLO ADA 6"),
    (["greet", "Ada", "--punctuation=!", "--no-loud"], "Hello Ada! 2"),
    (["total", "1.10", "2.20"], "3.30 Decimal"),
    (["sized", "/tmp/a.txt", "--unit", "kB", "-v", "2"], "a.txt 2 kB"),
    (["later", "--times", "3"], "later later later"),
    (["many", "1", "2"], "(1, 2)"),
    (["many"], "()"),
    (["publish", "--live"], "True s None %Y"),
    (["publish", "--no-live", "--size=m", "--day=2026-01-02"], "False m 2026-01-02 %Y"),
    (["listed", "1", "2"], "[1, 2]"),
    (["release", "2.0"], "2.0 {}"),
    (["tag", "--version", "3"], "3 none"),
]


@pytest.fixture(scope="module")
def outputs(file):
    """What each of the calls prints, one after the other in one process."""
    lines = file.shell(f"""
        for arguments in {[arguments for arguments, _ in CALLS]}:
            blog.app.run(["blog.py", *arguments])
    """).splitlines()[1:]
    assert len(lines) == len(CALLS)
    return dict(zip(map(str, CALLS), lines, strict=True))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[0]))
def test_parameters_of_the_function_are_arguments(outputs, call):
    _, output = call
    assert outputs[str(call)].strip() == output


def test_the_command_line_runs_a_command(file):
    shown = file.succeed("greet", "Ada", "--times", "3", "--loud")
    assert shown.splitlines() == ["Hello ada 2", "HELLO ADA 6"]


def test_the_docstring_is_the_help(file):
    shown = file.succeed("greet", "--help")
    assert "Say hello." in shown
    assert "--loud, --no-loud" in shown
    assert "default: 1" in shown
    assert "default: %Y" in file.succeed("publish", "--help")


def test_commands_are_listed_under_the_file(file):
    listing = file.succeed("help")
    assert "[blog]" in listing
    assert "greet" in listing.split("[blog]")[1].split("[", 1)[0]


def test_a_command_error_sets_the_exit_code(file):
    done = file.run("fail")
    assert (done.returncode, done.stderr.strip()) == (7, "CommandError: it cannot be done")


def test_a_value_that_is_not_among_the_choices_is_an_error(file):
    assert "invalid choice: 'x'" in file.run("publish", "--live", "--size=x").stderr


def test_a_missing_argument_is_an_error_of_argparse(file):
    done = file.run("greet")
    assert done.returncode == 2
    assert "the following arguments are required: name" in done.stderr


def test_call_command_finds_the_command(file):
    assert file.shell("""
        from django.core.management import call_command
        call_command("greet", "Ada", times=4)
    """).endswith("Hello Ada 8")


def test_the_name_of_a_django_command_is_refused(site):
    site.write("@app.command\ndef migrate(): ...")
    assert "migrate() would hide a command of Django's." in site.run("check").stderr
    assert "migrate() would hide a command of Django's." in site.fork("-c", "import blog").stderr


def test_the_function_stays_a_function(file):
    assert file.shell("blog.greet('Grace')").endswith("Hello Grace 2")
