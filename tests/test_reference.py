"""The reference page lists what the code has: nothing is missing, and nothing is extra.

A failure names the entry to add to docs/reference.md, or to take out, and the section.
"""

import ast
import functools
import inspect
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

import djng
import djng.signup
from djng import conf, exceptions
from djng.routing import BaseRouter

PAGE = (ROOT / "docs/reference.md").read_text()
PACKAGE = ROOT / "djng"
TREES = [ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")]
NODES = [node for tree in TREES for node in ast.walk(tree)]
TEXTS = {each.value for each in NODES if isinstance(each, ast.Constant)}
TEXTS = {text for text in TEXTS if isinstance(text, str)}


def section(title):
    """The text below a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n", PAGE, re.MULTILINE)
    assert found, f"docs/reference.md has no section {title!r}"
    return re.split(r"^#+ ", PAGE[found.end() :], flags=re.MULTILINE)[0]


def rows(title):
    """The second cell of each row in the section's table, by the code in the first cell."""
    found = re.findall(r"^\| `(.+?)` \|(.*)\|$", section(title), re.MULTILINE)
    assert len(dict(found)) == len(found), f"{title}: a name is listed twice"
    return dict(found)


def compare(title, expected, listed=None):
    """Fail with the names that the section lacks, and with those that the code does not have."""
    expected, listed = {*expected}, {*(rows(title) if listed is None else listed)}
    where = f"docs/reference.md, section {title!r}:"
    assert not expected - listed, f"{where} add {sorted(expected - listed)}"
    assert not listed - expected, f"{where} take out {sorted(listed - expected)}"


# Names


def public(owner):
    kinds = (property, functools.cached_property)
    return {
        name
        for name, value in vars(owner).items()
        if name[0] != "_" and (inspect.isfunction(value) or isinstance(value, kinds))
    }


def keywords(function):
    """The defaults of a function's keyword-only parameters."""
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


def public_names():
    yield from (f"djng.{name}" for name in djng.__all__)
    yield from (f"djng.signup.{name}" for name in djng.signup.__all__ if name != "urlpatterns")
    for name in ("models", "admin"):  # of djng.accounts
        tree = ast.parse((PACKAGE / f"accounts/{name}.py").read_text())
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        yield from (f"djng.accounts.{name}.{each}" for each in classes)


def test_the_public_names_are_listed():
    compare("Names to import", public_names())


def test_urlconfs_are_listed():
    files = [file for file in PACKAGE.rglob("*.py") if "urlpatterns = [" in file.read_text()]
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    modules = {name.replace("djng.accounts.signup", "djng.signup") for name in modules}
    compare("URLs to include", modules)


# What djng's other modules ask the app.
ASKED = {"is_read"}


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("The app and routers", public(BaseRouter)),
        ("The app", public(djng.Djng) - ASKED | {"templates", "library"}),
    ],
)
def test_what_the_app_has_is_listed(title, names):
    compare(title, names, [re.split(r"app\.", name)[1] for name in rows(title)])


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("Keywords of Djng()", djng.Djng.__init__),
        ("Keywords of Router()", djng.Router.__init__),
        ("Keywords of a route", djng.Djng.route),
        ("Keywords of include()", djng.Djng.include),
        ("Keywords of error()", djng.Djng.error),
    ],
)
def test_keywords_are_listed_with_their_defaults(title, function):
    compare(title, keywords(function))
    for name, default in keywords(function).items():
        shown = re.search("`(.+?)`", rows(title)[name])[1]
        assert ast.literal_eval(shown) == ([] if default == () else default), name


# Settings and environment variables


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The settings that djng gives a default: while developing, and for a site behind HTTPS."""
    pytest.importorskip("redis")
    file = tmp_path_factory.mktemp("site") / "blog.py"
    developing = conf.build(file, {}, {}, "blog", "runserver")
    served = conf.build(file, {"REDIS_URL": "redis://localhost"}, {"https": True}, "blog", None)
    return {**developing, **served}


def test_settings_with_a_default_are_listed(settings):
    mail = {"EMAIL_BACKEND", "MAILERS"}  # which of them it is depends on Django
    compare("Settings", {*settings} | mail)


def test_the_defaults_that_are_shown_hold(settings):
    for name, cell in rows("Settings").items():
        if shown := re.fullmatch(r" `([^`]+)`( with HTTPS)? ", cell):
            assert ast.literal_eval(shown[1]) == settings[name], name


# With these, djng tells its child processes something, and pytest says that it runs.
VARIABLE = r"(DJANGO|DJNG|GRANIAN|PYTEST)_[A-Z_]+|(DATABASE|CACHE|REDIS)_URL|PORT|WEB_CONCURRENCY"
INTERNAL = r"DJNG_.*|PYTEST_VERSION"


def test_environment_variables_are_listed(settings):
    names = {text for text in TEXTS if re.fullmatch(VARIABLE, text)} - {*settings}
    compare("Environment variables", {n for n in names if not re.fullmatch(INTERNAL, n)})


# Commands


def own_commands():
    """djng's commands by name, each with the class of Django's that it extends."""
    for file in sorted(PACKAGE.rglob("management/commands/*.py")):
        app = ".".join(file.relative_to(ROOT).parts[:-3])
        command = load_command_class(app, file.stem)
        bases = [each for each in type(command).__mro__ if issubclass(each, BaseCommand)]
        yield file.stem, command, next(b for b in bases if not b.__module__.startswith("djng"))


def arguments(command, name):
    """The arguments of a command: options as ``--port``, others as ``FILE``."""
    for action in command.create_parser("blog.py", name)._actions:
        long = [each for each in action.option_strings if each.startswith("--")]
        yield long[0] if long else action.metavar or action.dest.upper()


def entries():
    """What the table of commands has to list."""
    for name, command, base in own_commands():
        added = [a for a in arguments(command, name) if a not in {*arguments(base(), name)}]
        positional = [each for each in added if not each.startswith("--")]
        if base is BaseCommand or name == "runserver":
            yield " ".join([name, *positional])
        yield from (f"{name} {each}" for each in added if each.startswith("--"))


def test_commands_and_their_options_are_listed():
    listed = [each for each in rows("Commands") if not each.startswith(TOOL)]
    compare("Commands", entries(), listed)


def test_commands_of_django_that_say_more_are_named():
    for name, *_ in own_commands():
        assert f"`{name}" in section("Commands"), name


TOOL = "djng "


def usage(*names):
    """What ``djng ... --help`` lists: the subcommands, or the arguments of one."""
    command = [sys.executable, "-m", "djng", *names, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text = done.stdout.partition("\n\n")[2]
    options = re.findall(r"^ {2}(?:-\w, )?(--(?!help)[\w-]+)", text, re.MULTILINE)
    return options + re.findall(r"^ {2,4}(\w+) {2,}\S", text, re.MULTILINE)


def test_the_command_without_a_site_is_listed():
    expected = []
    for name in usage():
        arguments = [] if name.startswith("--") else usage(name)
        positional = [each.upper() for each in arguments if not each.startswith("--")]
        expected.append(" ".join(["djng", name, *positional]))
        expected += [f"djng {name} {each}" for each in arguments if each.startswith("--")]
    compare("Commands", expected, [each for each in rows("Commands") if each.startswith(TOOL)])


# Files


def paths():
    """The names of files and folders that the code looks for or writes beside the user's file."""
    files = [
        file for file in PACKAGE.rglob("*.py") if file.parent.name != "new"
    ]  # there is none yet
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        match node:
            case ast.BinOp(_, ast.Div(), ast.Constant(str() as name)):
                yield name
            case ast.Call(ast.Attribute(_, "with_suffix"), [ast.Constant(str() as suffix)]):
                yield f"blog{suffix}"


# Names in examples, in the folder `blog`, in Django itself, and of what nobody should have.
INSIDE = {
    "project_template",
    "monday.sqlite3",
    "models",
    "models.py",
    "template",
    "blog",
    "blog.py",
    "staticfiles.json",
}


def test_files_beside_the_file_are_listed():
    text = section("Files and folders")
    for name in {*paths()} - INSIDE:
        assert re.search(rf"`([\w.]+/)*{re.escape(name)}/?`", text), f"add {name} to the files"


def test_a_site_leaves_only_files_that_are_listed(site):
    site.write("""
        from django.db import models

        class Post(models.Model):
            title = models.TextField()
    """)
    with site.develop() as server:
        server.says("Stop:")
    names = {name for name in site.files() if not name.startswith("blog/migrations/")}
    listed = {name.rstrip("/") for name in re.findall(r"`(\S+)`", section("Files and folders"))}
    assert names - listed <= {"blog.py", "server.log"}


# Checks


def test_system_checks_are_listed():
    compare("System checks", {i for text in TEXTS for i in re.findall(r"djng\.[EW]\d{3}", text)})


# Errors. The page shows a message as users see it, and the code has it with placeholders.

COMMANDS, WITHOUT_SITE = "Errors of commands", "Errors before there is a site"
TITLES = {"CommandError": COMMANDS, "exit": WITHOUT_SITE}
ERRORS = {
    n
    for n, v in vars(exceptions).items()
    if getattr(v, "__module__", "") == exceptions.__name__ and n.endswith("Error")
}


def pattern(node, names):
    """A regular expression for the text that an expression makes."""
    match node:
        case ast.Constant(str() as text):
            return re.escape(text)
        case ast.FormattedValue(ast.Constant(str() as text)):
            return re.escape(text)
        case ast.JoinedStr(parts):
            return "".join(pattern(part, names) for part in parts)
        case ast.BinOp(left, ast.Add(), right):
            return pattern(left, names) + pattern(right, names)
        case ast.Name(name) | ast.FormattedValue(ast.Name(name)):
            return names.get(name, ".+")
    return ".+"


def messages():
    """The section and a pattern for each error that the code raises."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
    for function in (node for node in NODES if isinstance(node, functions)):
        names = {}
        for node in sorted(located(function), key=lambda each: (each.lineno, each.col_offset)):
            match node:
                case ast.Assign([ast.Name(name)], value):
                    names[name] = pattern(value, names)
                case ast.AugAssign(ast.Name(name), _, value):
                    names[name] = names.get(name, "") + pattern(value, names)
                case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                    pairs = zip(targets, values, strict=True)
                    names |= {t.id: pattern(v, names) for t, v in pairs if isinstance(t, ast.Name)}
                case ast.Call(ast.Name(kind) | ast.Attribute(_, kind), [first, *more]):
                    if kind == "wrong_return":
                        yield "ReturnTypeError", rf".+ returned {pattern(more[0], names)}\."
                    elif kind in {*ERRORS, *TITLES}:
                        yield TITLES.get(kind, kind), pattern(first, names)


def located(node):
    return [each for each in ast.walk(node) if hasattr(each, "lineno")]


def first_lines():
    """Each message's first line, without backticks. What is all placeholders says nothing here."""
    for title, text in messages():
        line = text.split("\\\n")[0].replace("`", "")  # as re.escape() writes the end of a line
        if len(line.replace(".+", "")) > 8:
            yield title, line


def readable(regex):
    return re.sub(r"\\(.)", r"\1", regex.replace(".+", "..."))


@pytest.mark.parametrize("title", sorted({*ERRORS, *TITLES.values()} - {"DjngError"}))
def test_messages_are_listed(title):
    shown = [*rows(title)]
    patterns = {line for kind, line in first_lines() if kind == title}
    missing = [readable(p) for p in patterns if not any(re.fullmatch(p, each) for each in shown)]
    extra = [each for each in shown if not any(re.fullmatch(p, each) for p in patterns)]
    where = f"docs/reference.md, section {title!r}:"
    assert not missing, f"{where} add a row for {missing}"
    assert not extra, f"{where} take out {extra}"
