"""Say what was written, what a person has to look at, and how to go on."""

import ast
import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from djng.eject.modules import PARENT
from djng.eject.project import Project
from djng.eject.source import Span
from djng.eject.wiring import RENAMED, is_main
from djng.exceptions import Location, command_line, short_path

FOLDERS = re.compile(r"((?:^|/)(?:migrations|templates|static|public)/).*")
HERE = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "PYTEST_VERSION"}


def tree(project: Project) -> list[str]:
    """The files of the project; of migrations, templates and the like only the folders."""
    shown = {FOLDERS.sub(r"\1", place) for place in project.places}
    return [f"  {each}" for each in sorted(shown, key=Path) if not each.endswith("__init__.py")]


def remarks(project: Project) -> list[str]:
    """What did not come along, or may mean something else now, with file and line."""
    found = [*lines(project), *lost_comments(project), *statements(project)]
    shown = [f"{where}: {message}" for where, message in sorted(set(found))]
    return shown + [f"{name}: not copied." for name in project.beside.left()]


def lines(project: Project) -> Iterator[tuple[Location, str]]:
    source = project.source
    for number, line in enumerate(source.data.decode().split("\n"), 1):
        where = Location(str(source.path), number)
        if re.match(r"\s*#.*(\bdjng\b|@?\bapp\.)", line) and "dependencies" not in line:
            yield where, "this comment speaks of djng."
        if re.search(r"^[^#]*\b__file__\b", line) and not PARENT.search(line.encode()):
            yield where, "__file__ is another file now."


def lost_comments(project: Project) -> Iterator[tuple[Location, str]]:
    """Comments above, behind and in what does not come along."""
    source = project.source
    for start, end in removed(project):
        for number, line in enumerate(source.text(start, end).split("\n"), source.line_of(start)):
            if re.search(r"(^|\s)#(?! (isort|noqa|fmt|ruff|type|pragma):)", line):
                yield Location(str(source.path), number), "this comment did not come along."


def removed(project: Project) -> Iterator[Span]:
    """What no module has: around imports, and what other modules say in Django's way."""
    source, wiring = project.source, project.wiring
    for statement in source.statements:
        node = statement.node
        if is_main(node):
            yield statement.start, statement.end
        elif statement in project.plan.imports:  # a comment behind one comes along
            yield statement.start, source.start_of(node)
        elif wiring.is_only_wiring(statement):
            yield statement.start, source.start_of(node)
            yield source.span(node)[1], statement.end
        for use in wiring.uses if statement.decorators else ():
            if use.node in statement.decorators and use.attribute not in RENAMED:
                yield source.span(use.node)[1], source.lines_of(use.node)[1]
    yield source.statements[-1].end, len(source.data)


def statements(project: Project) -> Iterator[tuple[Location, str]]:
    """What only a script does, and strings such as "blog.send", which name what has moved."""
    placed = [statement for group in project.plan.groups for statement in group.statements]
    for statement in project.source.statements:
        for each in statement.node.body if is_main(statement.node) else ():  # type: ignore[attr-defined]
            if not re.fullmatch(r"\w+\.run\(\)", ast.unparse(each)):
                yield project.source.where(each), "manage.py does not do this."
        for node in ast.walk(statement.node) if statement in placed else ():
            text = str(node.value) if isinstance(node, ast.Constant) else ""
            owner, _, name = text.rpartition(".")
            if owner == project.label and project.plan.module_of(name) not in (None, "models"):
                yield project.source.where(node), f'"{text}" has another module now.'


def steps(project: Project, folder: Path) -> list[str]:
    """The commands to go on with."""
    found, folders = list[str](), set[Path]()
    for command, path in copies(project):
        target = folder / path.relative_to(project.site.path.parent)
        folders |= {target.parent} - {folder}
        if command == "backup":
            found.append(command_line(f"backup {shlex.quote(str(target))}"))
        else:
            source = shlex.quote(short_path(str(path)))
            found.append(f"{command} {source} {shlex.quote(str(target.parent))}")
    made = [f"mkdir -p {shlex.quote(str(each))}" for each in sorted(folders)]
    last = ["pip install -r requirements.txt", "python manage.py migrate"]
    return [*made, *found, f"cd {shlex.quote(str(folder))}", *last]


def copies(project: Project) -> Iterator[tuple[str, Path]]:
    """The data of the site, with the command that copies it.

    The project finds what is outside of the site's folder where it is.
    """
    site, found = project.site, list[tuple[str, Path]]()
    for each in connections.all():
        if each.vendor == "sqlite":
            command = "backup" if each.alias == DEFAULT_DB_ALIAS else "cp"
            found.append((command, Path(str(each.settings_dict["NAME"])).absolute()))
    found += [("cp -r", site.data / f"{site.path.stem}.secret"), ("cp -r", site.data / "media")]
    for command, path in found:
        if path.exists() and path.is_relative_to(site.path.parent):
            yield command, path


def check(project: Project, folder: Path) -> Iterator[tuple[str, int, str]]:
    """Run Django's checks and the user's tests in the project: command, exit code, output."""
    kept = {name: value for name, value in os.environ.items() if name not in HERE}
    environment = {**kept, "DJANGO_SECRET_KEY": secrets.token_urlsafe(50)}
    commands = [["manage.py", "check"], ["manage.py", "makemigrations", "--check", "--dry-run"]]
    commands += project.test_commands()
    for command in commands:
        done = subprocess.run(  # noqa: S603  # the commands are those above
            [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
        )
        yield " ".join(["python", *command]), done.returncode, done.stdout + done.stderr
