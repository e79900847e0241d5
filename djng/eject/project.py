"""Write the project: its modules, templates and the files beside the site's file."""

import ast
import re
import shutil
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.version import get_docs_version

from djng import media, templates
from djng.eject import accounts, placing, wired
from djng.eject.beside import Beside, is_test
from djng.eject.imports import Imports, UnknownNameError
from djng.eject.layout import joined
from djng.eject.plan import Plan
from djng.eject.scopes import ScopeWriter
from djng.eject.settings import FILES, SettingsWriter
from djng.eject.source import SCRIPT, Names, Source, Statement
from djng.eject.urls import UrlWriter
from djng.eject.views import ViewRewriter
from djng.eject.wiring import Wiring
from djng.exceptions import Location, SetupError

Part = tuple[Statement | None, str]


class Project:
    """The files of the project, by their path in its folder."""

    def __init__(self, site: Any) -> None:
        self.site, self.label = site, site.label
        self.folder: Path = site.path.parent
        self.database_name = f"{site.path.stem}.sqlite3"
        self.source = Source(site.path)
        self.wiring = Wiring(self.source, vars(site.module))
        self.plan = Plan(self.source, self.wiring, site)
        placing.adapt(self.plan)
        self.views = ViewRewriter(self.plan)
        self.imports = Imports(self.plan)
        self.problems: list[SetupError] = []
        self.files: dict[str, str] = {}
        self.parts: dict[str, list[Part]] = {
            module: [(each, each.text) for each in self.plan.statements_of(module)]
            for module in self.plan.modules
        }
        self.beside = Beside(self.plan)
        self.write_modules()
        self.add_templates()
        self.add_files_beside()
        self.add_test_settings()
        if self.problems:
            raise CommandError("\n".join(dict.fromkeys(map(str, self.problems))))

    def write_modules(self) -> None:
        scopes = ScopeWriter(self.plan, self.views)
        self.add_wired_parts()
        self.add_middleware(scopes)
        urls = UrlWriter(self.plan, self.views)
        parts = self.parts.setdefault("urls", [])
        texts = urls.texts()
        helpers = ("by_method", "by_method_async", "decorated")
        wanted = [name for name in helpers if any(f"{name}(" in text for text in texts)]
        parts += [(None, each) for each in [*pieces("urls.py", wanted), *texts, *scopes.handlers()]]
        writer = SettingsWriter(self.plan, scopes.names, self.processors())
        self.parts.setdefault("settings", []).append((None, writer.text()))
        self.add_shortcuts()
        self.add_apps()
        for module, parts in self.parts.items():
            self.files[f"{self.label}/{module}.py"] = self.module_text(module, joined(parts))
        self.add_packages()

    def add_wired_parts(self) -> None:
        if self.plan.adds_user:
            self.parts.setdefault("models", []).insert(
                0, (None, "class User(EmailUser):\n    pass")
            )
        parts = wired.admin_parts(self.plan)
        if accounts.has_default_admin():
            name = get_user_model().__name__
            parts.append((None, f"admin.site.register({name}, EmailUserAdmin)"))
        if parts:
            self.parts["admin"] = parts
        for use in self.wiring.uses:
            if use.attribute == "command":
                (statement,) = self.plan.owner[use.target].statements
                parts = self.parts[f"management/commands/{use.target}"]
                parts.append((None, wired.command_part(self.plan, statement)))
        for module, parts in self.parts.items():
            if module.startswith("templatetags"):
                parts.insert(0, (None, "register = template.Library()"))

    def add_middleware(self, scopes: ScopeWriter) -> None:
        errors = scopes.error_middleware()
        wanted = ["SlashRedirectMiddleware"]
        if re.search(r"\.(POST|GET|FILES)\[", self.source.data.decode()):
            wanted.append("MissingKeyMiddleware")
            scopes.names.append(f"{self.label}.middleware.MissingKeyMiddleware")
        wanted += ["only_for"] * any("only_for(" in text for text in scopes.parts)
        parts = self.parts.setdefault("middleware", [])
        parts[:0] = [(None, text) for text in pieces("middleware.py", wanted)]
        parts += [(None, text) for text in [*scopes.parts, errors] if text]

    def processors(self) -> list[str]:
        names = [each.__name__ for each in templates.context_processors]
        return [f"{self.label}.context_processors.{name}" for name in names]

    def add_shortcuts(self) -> None:
        text = "\n".join(text for parts in self.parts.values() for _, text in parts)
        wanted = [name for name in ("responds", "to_response") if f"{name}(" in text]
        if wanted:
            self.parts["shortcuts"] = [(None, each) for each in pieces("shortcuts.py", wanted)]

    def module_text(self, module: str, text: str) -> str:
        try:
            head = self.imports.text_for(module, text)
        except UnknownNameError as error:
            self.refuse(module, str(error))
            return ""
        text = text.replace(f"python {self.site.path.name}", "python manage.py")
        docstring = ""
        if found := re.match(r'\A\n?(""".*?""")\n+', text, re.DOTALL):
            docstring, text = f"{found[1]}\n\n", text[found.end() :]
        if not head:
            return f"{docstring}{text.strip()}\n"
        first = ast.parse(text).body[0] if text.strip() else None
        gap = "\n\n\n" if isinstance(first, DEFINITIONS) else "\n\n"
        return f"{docstring}{head}{gap}{text.strip()}\n"

    def refuse(self, module: str, name: str) -> None:
        """Refuse each line of a module that uses a name for which the project has nothing."""
        message = f"a Django project has no {name}, and eject cannot say what this means there."
        for statement in self.plan.statements_of(module):
            for node in ast.walk(statement.node):
                if isinstance(node, ast.Name) and node.id == name:
                    where = self.source.where(node)
                    self.problems.append(SetupError(message, hint="Change it first.", where=where))

    def add_apps(self) -> None:
        """An AppConfig that imports what only registers something."""
        names = [name for name in ("signals", "startup") if name in self.parts]
        if names:
            title = "".join(each.title() for each in self.label.split("_"))
            lines = [f"        from . import {name}  # noqa: F401" for name in names]
            head = f'class {title}Config(AppConfig):\n    name = "{self.label}"\n'
            self.parts["apps"] = [(None, "\n".join([head, "    def ready(self):", *lines]))]

    def test_commands(self) -> list[list[str]]:
        """The commands that run the user's tests."""
        tests = [name for name in self.test_files() if not name.endswith("conftest.py")]
        if not tests:
            return []
        return [["-m", "pytest", "-q"]] if "pytest.ini" in self.files else [["manage.py", "test"]]

    def test_files(self) -> list[str]:
        own = [f"{self.label}/tests.py"] if "tests" in self.parts else []
        return own + [place for place in self.beside.files if is_test(place)]

    def add_test_settings(self) -> None:
        texts = [
            self.files.get(place) or self.beside.files[place].read_text()
            for place in self.test_files()
        ]
        is_pytest = any(
            re.search(r"^(async )?def test_|import pytest", t, re.MULTILINE) for t in texts
        )
        if is_pytest and "pytest.ini" not in self.beside.files:
            self.files["pytest.ini"] = PYTEST.format(self.label)

    def add_packages(self) -> None:
        header = self.source.header
        self.files[f"{self.label}/__init__.py"] = f"{header}\n{self.celery()}".lstrip("\n")
        for name in [*self.files]:
            for folder in [*Path(name).parents][:-1]:
                self.files.setdefault(f"{folder}/__init__.py", "")
        startproject = Path(django.__file__).with_name("conf").joinpath("project_template")
        for name in ("manage.py", "project_name/wsgi.py", "project_name/asgi.py"):
            text = (startproject / f"{name}-tpl").read_text()
            text = text.replace("{{ project_name }}", self.label)
            text = re.sub(r"'([\w.]+)'", r'"\1"', text)
            text = text.replace("{{ docs_version }}", get_docs_version())
            self.files[name.replace("project_name", self.label)] = text
        self.files["requirements.txt"] = self.requirements()
        self.files[".gitignore"] = "__pycache__/\n*.sqlite3*\n*.secret\nmedia/\nstaticfiles/\n"

    def celery(self) -> str:
        """What Celery's guide asks for in the package, so that `shared_task` finds the app."""
        if "celery" not in self.parts:
            return ""
        name = next(n for n, group in self.plan.owner.items() if group.module == "celery")
        file = f"{self.label}/celery.py"
        setting = f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{self.label}.settings")\n'
        text = self.files[file].replace(f"\n\n{name} =", f"\n\n{setting}\n{name} =", 1)
        self.files[file] = f"import os\n\n{text}\n{name}.autodiscover_tasks()\n"
        return f'\nfrom .celery import {name}\n\n__all__ = ["{name}"]\n'

    def requirements(self) -> str:
        """What the project needs: the file's own list, and the packages that it imports."""
        found = SCRIPT.search(self.source.data.decode())
        listed = (
            re.findall(r'["\']([^"\']+)["\']', found[1].partition("dependencies")[2])
            if found
            else []
        )
        major, minor = django.VERSION[:2]
        lines = {f"django~={major}.{minor}.0", "whitenoise>=6.12"}
        lines |= {each for each in listed if re.match(r"[\w.-]+", each)[0].lower() not in OWN}  # type: ignore[index]
        known = {re.match(r"[\w.-]+", each)[0].lower() for each in lines}  # type: ignore[index]
        for package in self.packages():
            if package.lower() not in known | OWN:
                lines.add(f"{package}>={version(package)}")
        return "".join(f"{each}\n" for each in sorted(lines, key=str.lower))

    def packages(self) -> set[str]:
        distributions = packages_distributions()
        names = {
            each.module or each.name for found in self.imports.by_name.values() for each in found
        }
        names |= {*settings.INSTALLED_APPS, *settings.MIDDLEWARE}
        tops = {name.partition(".")[0] for name in names}
        return {d for top in tops for d in distributions.get(top, [])[:1]}

    def add_templates(self) -> None:
        for name, text in templates.sources.items():
            self.files[f"{self.label}/templates/{name}"] = text
        if accounts.has_account_pages():
            for name, text in accounts.page_templates():
                self.files[f"{self.label}/templates/{name}"] = text
        if self.site.serves_media:
            self.files[f"{self.label}/media.py"] = Path(str(media.__file__)).read_text()
        for name, text in accounts.modules(self.source.data.decode(), self.label).items():
            self.files[f"{self.label}/{name}"] = text
            self.files.setdefault(f"{self.label}/accounts/__init__.py", "")

    def add_files_beside(self) -> None:
        for place in self.beside.files:
            if place in self.files and place.endswith(".py") and self.files[place].strip():
                where = Location(str(self.beside.files[place]), 1)
                message = f"the project has a module of that name, {place}."
                raise SetupError(message, hint="Give this one another name first.", where=where)
            if (text := self.beside.text(place)) is not None:
                self.files[place] = text

    def write(self, target: Path) -> None:
        for place, path in self.beside.files.items():
            if place not in self.files or not self.files[place]:
                (target / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / place)
        for name, text in self.files.items():
            file = target / name
            if text or not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        target.joinpath("manage.py").chmod(0o755)


def pieces(name: str, wanted: list[str]) -> list[str]:
    """Functions and classes of a file of this package, with those that they use."""
    text = (FILES / f"{name}-tpl").read_text()
    bodies = {n.name: n for n in ast.parse(text).body if isinstance(n, DEFINITIONS)}
    texts = {name: str(ast.get_source_segment(text, node)) for name, node in bodies.items()}
    for each in wanted:
        wanted += [n for n in Names(texts[each]).used if n in texts and n not in wanted]
    return [texts[name] for name in texts if name in wanted]


PYTEST = """\
[pytest]
DJANGO_SETTINGS_MODULE = {}.settings
python_files = tests.py test_*.py *_test.py
"""
OWN = {"djng", "django", "whitenoise"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
