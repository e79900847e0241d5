"""Put the project together: its modules, templates, and the files beside the site's file."""

import ast
import re
import shutil
import tomllib
from collections import defaultdict
from importlib.metadata import packages_distributions, requires, version
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
from djng.eject.layout import Part, rendered
from djng.eject.middleware import MiddlewareWriter
from djng.eject.modules import ModuleWriter, adapt
from djng.eject.others import OtherModule, model_modules, other_modules
from djng.eject.plan import Plan
from djng.eject.settings import SettingsWriter
from djng.eject.source import SCRIPT, Source
from djng.eject.urls import UrlWriter
from djng.eject.views import ViewRewriter
from djng.eject.wiring import Wiring
from djng.exceptions import Location, SetupError

STARTPROJECT = Path(django.__file__).with_name("conf") / "project_template"
# What may read a key that a request lacks: not `.get("name")`, nor `Form(request.POST or None)`.
KEYS = re.compile(rb"\.(GET|POST|FILES|data|query_params)\b(?!\.get| or None)|QueryDict")


class Project:
    """The files of the project, by their path in its folder."""

    def __init__(self, site: Any) -> None:
        self.site, self.label = site, site.label
        self.source = Source(site.path)
        self.wiring = Wiring(self.source, vars(site.module))
        self.plan = Plan(self.source, self.wiring, site)
        self.check_imports()
        self.beside = Beside(self.plan)
        self.others = [OtherModule(each, self.beside) for each in other_modules(self.beside)]
        self.files: dict[str, str] = {}
        adapt(self.plan)
        self.writer = ModuleWriter(self.plan)
        self.add_modules()
        writers = [self.writer, *(each.writer for each in self.others)]
        if problems := [problem for each in writers for problem in each.problems]:
            raise CommandError("\n".join(dict.fromkeys(map(str, problems))))
        self.add_package_data()
        self.add_files_beside()
        self.add_root()
        for place in [*self.files]:
            for folder in [*Path(place).parents][:-1] if place.endswith(".py") else []:
                self.files.setdefault(f"{folder}/__init__.py", "")

    def check_imports(self) -> None:
        """Refuse to import the file in itself: what it has is in several modules of the project."""
        for node in ast.walk(self.source.tree):
            is_own = isinstance(node, ast.Import) and self.label in [e.name for e in node.names]
            if isinstance(node, ast.ImportFrom) and node.module == self.label:
                is_own = any(self.plan.module_of(each.name) for each in node.names)
            if is_own:
                message, where = "the file imports itself.", self.source.where(node)
                raise SetupError(message, hint="Use its names without the import.", where=where)

    def add_modules(self) -> None:
        parts = self.parts()
        settings_text = str(parts["settings"][-1])  # it names middleware
        for module, found in parts.items():
            text = self.writer.text(module, found, settings_text if module == "middleware" else "")
            self.files[f"{self.label}/{module}.py"] = text
        texts = [*self.files.values(), *(each.text for each in self.others)]
        if any("responds(" in text for text in texts):
            text = self.writer.text("shortcuts", [], "responds to_response")
            self.files[f"{self.label}/shortcuts.py"] = text

    def parts(self) -> dict[str, list[Part]]:
        """The statements and the written lines of each module."""
        taken = self.beside.taken(self.label, self.site.path)
        plan, views = self.plan, ViewRewriter(self.plan, taken)
        for other in self.others:
            other.join(views, self.writer)
        self.wiring.check_routers(self.site)
        middleware = MiddlewareWriter(views, reads_keys=self.reads_keys())
        parts = defaultdict[str, list[Part]](list)
        parts |= {module: [*plan.statements_of(module)] for module in plan.modules}
        parts["models"][:0] = ["class User(EmailUser):\n    pass"] * plan.adds_user
        for name in model_modules(self.beside):
            parts["models"].append(f"import {name}  # noqa: F401  # it has models")
        parts["admin"] = admin_parts(plan)
        if accounts.has_default_admin():
            name = get_user_model().__name__
            parts["admin"].append(f"admin.site.register({name}, EmailUserAdmin)")
        for use in self.wiring.uses:
            if use.attribute == "command":
                parts[f"management/commands/{use.target}"] = command_parts(plan, use.target)
        for module in [each for each in parts if each.startswith("templatetags/")]:
            parts[module].insert(0, "register = template.Library()")
        parts["middleware"] += middleware.lines
        parts["urls"] += [*UrlWriter(views).texts(), *middleware.handlers()]
        docstring, end, text = SettingsWriter(plan, middleware.names).text().partition('\n"""\n')
        parts["settings"] = [docstring + end, *parts["settings"], text]
        if names := [name for name in ("signals", "startup") if name in parts]:
            title = "".join(each.title() for each in self.label.split("_"))
            parts["apps"] = [rendered("apps.py", title=title, label=self.label, modules=names)]
        self.add_package(parts)
        return {name: found for name, found in parts.items() if found or name == "middleware"}

    def reads_keys(self) -> bool:
        """Whether a view may read a key of a form or of a query, which a request may lack."""
        files = [self.site.path, *self.beside.files.values()]
        return any(KEYS.search(each.read_bytes()) for each in files if each.suffix == ".py")

    def add_package(self, parts: dict[str, list[Part]]) -> None:
        """The package, which imports Celery's app so that `shared_task` finds it."""
        init = self.source.header
        if "celery" in parts:
            name = next(n for n, group in self.plan.owner.items() if group.module == "celery")
            setting = f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{self.label}.settings")'
            parts["celery"] = [setting, *parts["celery"], f"{name}.autodiscover_tasks()"]
            init += f'\n\nfrom .celery import {name}\n\n__all__ = ["{name}"]'
        self.files[f"{self.label}/__init__.py"] = f"{init}\n".lstrip("\n")

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
            if place.endswith(".py"):
                other = next((each for each in self.others if each.source.path == path), None)
                self.files[place] = other.text if other else self.beside.text(path)

    def add_root(self) -> None:
        """What stands at the top of the project, or serves it."""
        context = {"project_name": self.label, "docs_version": get_docs_version()}
        for name in ("manage.py", "project_name/wsgi.py", "project_name/asgi.py"):
            text = re.sub(r"'([\w.]+)'", r'"\1"', rendered(name, STARTPROJECT, **context))
            self.files[name.replace("project_name", self.label)] = text
        self.files["requirements.txt"] = self.requirements()
        self.files[".gitignore"] = rendered("gitignore")
        tests = "\n".join(text for place, text in self.files.items() if TEST.search(place))
        is_pytest = re.search(r"^(async )?def test_|import pytest", tests, re.MULTILINE)
        if is_pytest and "pytest.ini" not in self.beside.files:
            self.files["pytest.ini"] = rendered("pytest.ini", label=self.label)

    def test_commands(self) -> list[list[str]]:
        """The commands that run the user's tests."""
        if not any(TEST.search(each) and "conftest" not in each for each in self.files):
            return []
        return [["-m", "pytest", "-q"] if "pytest.ini" in self.places else ["manage.py", "test"]]

    def requirements(self) -> str:
        """What the project needs: the file's own list, and the packages that it imports."""
        script = SCRIPT.search(self.source.data.decode())
        block = re.sub("^# ?", "", script[1], flags=re.MULTILINE) if script else ""
        major, minor = django.VERSION[:2]
        needed = [f"django~={major}.{minor}.0", "whitenoise>=6.12"]
        for each in tomllib.loads(block).get("dependencies", []):
            needed += of_extras(each) or [each]
        needed += [f"{name}>={version(name)}" for name in sorted(self.packages())]
        found: dict[str, str] = {}
        for each in needed:  # the first one of a name says more
            name = re.split(r"[^\w.-]", each)[0].lower()
            if name != "djng":
                found.setdefault(name, each)
        return "".join(f"{each}\n" for each in sorted(found.values(), key=str.lower))

    def packages(self) -> set[str]:
        """The installed packages that the project's imports and settings name."""
        texts = [text.encode() for place, text in self.files.items() if place.endswith(".py")]
        files = [path for place, path in self.beside.files.items() if place.endswith(".py")]
        names = {*settings.INSTALLED_APPS, *settings.MIDDLEWARE}
        for text in [*texts, *(path.read_bytes() for path in files)]:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    names |= {each.name for each in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names.add(str(node.module))
        distributions = packages_distributions()
        tops = {name.partition(".")[0] for name in names}
        found = {each for top in tops for each in distributions.get(top, [])[:1]}
        return found - {"asgiref"}  # Django needs it itself

    @property
    def places(self) -> set[str]:
        return {*self.files, *self.beside.files}

    def write(self, target: Path) -> None:
        for place in self.places:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
        for place, path in self.beside.files.items():
            shutil.copy2(path, target / place)
        for place, text in self.files.items():
            if text or not (target / place).exists():
                (target / place).write_text(text)
        target.joinpath("manage.py").chmod(0o755)


def of_extras(dependency: str) -> list[str]:
    """What `djng[postgres]` needs for the extra."""
    extras = re.match(r"djng\s*\[(.*?)\]", dependency)
    names = re.findall(r"[\w-]+", extras[1] if extras else "")
    found = [each.partition(";") for each in requires("djng") or []]
    return [need for need, _, extra in found if {*re.findall(r"[\w-]+", extra)} & {*names}]
