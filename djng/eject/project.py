"""Put the project together: its modules, templates, and the files beside the site's file."""

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
from djng.eject import accounts
from djng.eject.beside import TEST, Beside
from djng.eject.classes import admin_parts, command_parts
from djng.eject.layout import Part
from djng.eject.middleware import MiddlewareWriter
from djng.eject.modules import ModuleWriter, adapt
from djng.eject.plan import Plan
from djng.eject.settings import SettingsWriter
from djng.eject.source import SCRIPT, Source
from djng.eject.urls import UrlWriter
from djng.eject.views import ViewRewriter
from djng.eject.wiring import Wiring
from djng.exceptions import Location, SetupError

STARTPROJECT = Path(django.__file__).with_name("conf") / "project_template"
GITIGNORE = "__pycache__/\n*.sqlite3*\n*.secret\nmedia/\nstaticfiles/\n"
PYTEST = """\
[pytest]
DJANGO_SETTINGS_MODULE = {}.settings
python_files = tests.py test_*.py *_test.py
"""
OWN = {"djng", "django", "whitenoise"}


class Project:
    """The files of the project, by their path in its folder."""

    def __init__(self, site: Any) -> None:
        self.site, self.label = site, site.label
        self.source = Source(site.path)
        self.wiring = Wiring(self.source, site)
        self.plan = Plan(self.source, self.wiring, site)
        self.beside = Beside(self.plan)
        self.files: dict[str, str] = {}
        adapt(self.plan)
        self.writer = ModuleWriter(self.plan)
        self.add_modules()
        if self.writer.problems:
            raise CommandError("\n".join(dict.fromkeys(map(str, self.writer.problems))))
        self.add_celery()
        self.add_package_data()
        self.add_files_beside()
        self.add_root()
        for place in [*self.files]:
            for folder in [*Path(place).parents][:-1] if place.endswith(".py") else []:
                self.files.setdefault(f"{folder}/__init__.py", "")

    def add_modules(self) -> None:
        parts = self.parts()
        settings_text = str(parts["settings"][-1])  # names middleware
        for module, found in parts.items():
            text = self.writer.text(module, found, settings_text if module == "middleware" else "")
            self.files[f"{self.label}/{module}.py"] = text
        if any("responds(" in text for text in self.files.values()):
            text = self.writer.text("shortcuts", [], "responds")
            self.files[f"{self.label}/shortcuts.py"] = text

    def parts(self) -> dict[str, list[Part]]:
        """The statements and the written lines of each module."""
        views = ViewRewriter(self.plan)
        parts: dict[str, list[Part]] = {m: [*self.plan.statements_of(m)] for m in self.plan.modules}
        for name in ("models", "admin", "middleware", "urls", "settings"):
            parts.setdefault(name, [])
        if self.plan.adds_user:
            parts["models"].insert(0, "class User(EmailUser):\n    pass")
        parts["admin"] = admin_parts(self.plan)
        if accounts.has_default_admin():
            name = get_user_model().__name__
            parts["admin"].append(f"admin.site.register({name}, EmailUserAdmin)")
        for use in self.wiring.uses:
            if use.attribute == "command":
                parts[f"management/commands/{use.target}"] = command_parts(self.plan, use.target)
        for module in parts:
            if module.startswith("templatetags/"):
                parts[module].insert(0, "register = template.Library()")
        middleware = MiddlewareWriter(views)
        parts["middleware"] += middleware.lines
        parts["urls"] += [*UrlWriter(views).texts(), *middleware.handlers()]
        parts["settings"].append(SettingsWriter(self.plan, middleware.names).text())
        self.add_apps(parts)
        return {name: found for name, found in parts.items() if found or name == "middleware"}

    def add_apps(self, parts: dict[str, list[Part]]) -> None:
        """An AppConfig that imports what only registers something."""
        if names := [name for name in ("signals", "startup") if name in parts]:
            title = "".join(each.title() for each in self.label.split("_"))
            lines = [f"        from . import {name}  # noqa: F401" for name in names]
            head = f'class {title}Config(AppConfig):\n    name = "{self.label}"\n'
            parts["apps"] = ["\n".join([head, "    def ready(self):", *lines])]

    def add_celery(self) -> None:
        """What Celery's guide asks for in the package, so that `shared_task` finds the app."""
        init = self.source.header + "\n"
        if "celery" in self.plan.modules:
            name = next(n for n, group in self.plan.owner.items() if group.module == "celery")
            file = f"{self.label}/celery.py"
            setting = f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{self.label}.settings")\n'
            text = self.files[file].replace(f"\n\n{name} =", f"\n\n{setting}\n{name} =", 1)
            self.files[file] = f"import os\n\n{text}\n{name}.autodiscover_tasks()\n"
            init += f'\nfrom .celery import {name}\n\n__all__ = ["{name}"]\n'
        self.files[f"{self.label}/__init__.py"] = init.lstrip("\n")

    def add_package_data(self) -> None:
        """Templates, and modules of djng that the site uses."""
        for name, text in [*templates.sources.items(), *accounts.page_templates()]:
            self.files[f"{self.label}/templates/{name}"] = text
        for name, text in accounts.modules(self.source.data.decode(), self.label).items():
            self.files[f"{self.label}/accounts/{name}.py"] = text
        if self.site.serves_media:
            self.files[f"{self.label}/media.py"] = Path(str(media.__file__)).read_text()

    def add_files_beside(self) -> None:
        for place, path in self.beside.files.items():
            if place.endswith(".py") and self.files.get(place, "").strip():
                message = f"the project has a module of that name, {place}."
                hint = "Give this one another name first."
                raise SetupError(message, hint=hint, where=Location(str(path), 1))
            if (text := self.beside.text(place)) is not None:
                self.files[place] = text

    def add_root(self) -> None:
        """What stands at the top of the project, or serves it."""
        for name in ("manage.py", "project_name/wsgi.py", "project_name/asgi.py"):
            text = (STARTPROJECT / f"{name}-tpl").read_text()
            text = text.replace("{{ project_name }}", self.label)
            text = re.sub(r"'([\w.]+)'", r'"\1"', text)
            text = text.replace("{{ docs_version }}", get_docs_version())
            self.files[name.replace("project_name", self.label)] = text
        self.files["requirements.txt"] = self.requirements()
        self.files[".gitignore"] = GITIGNORE
        texts = [self.read(place) for place in self.tests()]
        is_pytest = re.search(r"^(async )?def test_|import pytest", "\n".join(texts), re.MULTILINE)
        if is_pytest and "pytest.ini" not in self.beside.files:
            self.files["pytest.ini"] = PYTEST.format(self.label)

    def tests(self) -> list[str]:
        """The files with the user's tests."""
        places = [f"{self.label}/tests.py", *self.beside.files]
        return [e for e in places if (e in self.files and e.endswith("/tests.py")) or TEST.match(e)]

    def read(self, place: str) -> str:
        return self.files.get(place) or self.beside.files[place].read_text()

    def test_commands(self) -> list[list[str]]:
        """The commands that run the user's tests."""
        tests = [name for name in self.tests() if not name.endswith(("conftest.py", ".ini"))]
        is_pytest = "pytest.ini" in self.files or "pytest.ini" in self.beside.files
        return [["-m", "pytest", "-q"] if is_pytest else ["manage.py", "test"]] if tests else []

    def requirements(self) -> str:
        """What the project needs: the file's own list, and the packages that it imports."""
        script = SCRIPT.search(self.source.data.decode())
        listed = script[1].partition("dependencies")[2] if script else ""
        major, minor = django.VERSION[:2]
        needed = [f"django~={major}.{minor}.0", "whitenoise>=6.12"]
        needed += re.findall(r'["\']([^"\']+)["\']', listed)
        needed += [f"{name}>={version(name)}" for name in sorted(self.packages())]
        found: dict[str, str] = {}
        for each in needed:  # the first one of a name says more
            name = re.split(r"[^\w.-]", each)[0].lower()
            if name != "djng":
                found.setdefault(name, each)
        return "".join(f"{each}\n" for each in sorted(found.values(), key=str.lower))

    def packages(self) -> set[str]:
        """The installed packages that the site's imports and settings name."""
        imports = [each for found in self.writer.own.by_name.values() for each in found]
        names = {each.module or each.name for each in imports}
        names |= {*settings.INSTALLED_APPS, *settings.MIDDLEWARE}
        distributions = packages_distributions()
        tops = {name.partition(".")[0] for name in names}
        return {each for top in tops for each in distributions.get(top, [])[:1]}

    def write(self, target: Path) -> None:
        for place, path in self.beside.files.items():
            if not self.files.get(place):
                (target / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / place)
        for place, text in self.files.items():
            if text or not (target / place).exists():
                (target / place).parent.mkdir(parents=True, exist_ok=True)
                (target / place).write_text(text)
        target.joinpath("manage.py").chmod(0o755)
