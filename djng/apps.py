"""The user's one file as a Django app. Runs while that file is imported; `finish` before the first command or request.

Django wants apps that are packages, named once and for all and imported before their models. A
file that runs as `__main__` is none of that, so everything that makes up for it stands here:

- The file gets a ``__path__``, the folder of its own name beside it, so that Django finds
  migrations, templates, static files and commands there. The folder need not exist.
- It is known to ``import`` under its own name too, so that no second copy is ever executed.
- Models find their app by the name of their module, so the app is called `__main__` as long as the
  file is read, and by the file's name from then on, as is everything that the file defines:
  migrations refer to it.
- The apps' `ready` waits until the file has been read, for it may look up the user model.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import django
from django.apps import AppConfig, apps

from djng.errors import Location, SetupError


class FileConfig(AppConfig):
    """The app of a single file: its label is the file's name, its models are those in the file."""

    default = False  # it is made by hand; djng's own app must not take it for its config

    def __init__(self, module: ModuleType, label: str) -> None:
        self.label = label
        super().__init__(module.__name__, module)

    def import_models(self) -> None:
        # Contrib apps skip an app without a models module: it would get no permissions.
        self.models = self.apps.all_models[self.label]
        self.models_module = self.module


class FileApp:
    """One file, from the moment its `Djng` is made until the site is whole."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.is_file = hasattr(module, "__file__")
        self.file = Path(module.__file__ or "" if self.is_file else "notebook.py").resolve()
        self.label = label_of(self.file.stem)
        self._waiting: deque[AppConfig] = deque()

    def command(self) -> str | None:
        """The management command that ``python blog.py`` is about to run, if it is that."""
        if self.is_file and self.module.__name__ == "__main__":
            return (*sys.argv[1:], "runserver")[0]
        return None

    def check(self, where: Location) -> None:
        """Refuse a name that Python or Django would take for something else."""
        package = self.file.with_suffix("") / "__init__.py"
        if package.exists():
            message = f"{self.file.stem}/__init__.py hides {self.file.name} from every import."
            raise SetupError(message, hint=f"Delete {package}, or rename one of them.", where=where)
        other = sys.modules.get(self.label, self.module)
        if self.is_file and other is not self.module:
            place = getattr(other, "__file__", None) or "a built-in module"
            message = f"{self.file.name} has the name of a module already imported: {place}."
            raise SetupError(message, hint=f"Rename {self.file.name}.", where=where)

    def populate(self, installed_apps: Sequence[str], where: Location) -> None:
        """Load every app and its models, as ``django.setup`` does, but let their `ready` wait."""
        self.module.__path__ = [str(self.file.with_suffix(""))]
        if self.is_file:
            sys.modules[self.label] = self.module
        configs = [self._config(name, where) for name in installed_apps]
        for config in configs:
            config.ready = lambda: None  # type: ignore[method-assign]
            self._waiting.append(config)
        apps.populate(configs)
        django.setup()

    def _config(self, name: str, where: Location) -> AppConfig:
        if name == self.label:
            return FileConfig(self.module, self.label)
        try:
            config = AppConfig.create(name)
        except ModuleNotFoundError as error:
            message = f"the app {name!r} is not installed: {error}."
            raise SetupError(message, hint=install_hint(error), where=where) from error
        if config.label == self.label:
            message = f"{self.file.name} has the label of the app {config.name}: {self.label!r}."
            raise SetupError(message, hint=f"Rename {self.file.name}.", where=where)
        return config

    def finish(self) -> None:
        """Give the file its name for good, and every app its `ready`, once."""
        if self.is_file:
            apps.get_app_config(self.label).name = self.label
            rename(vars(self.module), self.module.__name__, self.label)
        while self._waiting:
            del self._waiting[0].ready
            self._waiting.popleft().ready()


def label_of(stem: str) -> str:
    """An identifier as like the file's name as can be: `my-blog` is `my_blog`. ::

    label_of("my-blog") == "my_blog"
    """
    label = re.sub(r"\W", "_", stem)
    label = f"app_{label}" if label[:1].isdigit() else label
    return f"{label}_" if keyword.iskeyword(label) else label


def rename(namespace: dict[str, Any], old: str, new: str) -> None:
    """Let the functions and classes that are defined in the module `old` say that they are in `new`."""
    for thing in list(defined_in(namespace, old)):
        thing.__module__ = new
        if isinstance(thing, type):
            rename(dict(vars(thing)), old, new)


def defined_in(namespace: dict[str, Any], module: str) -> Iterator[type | FunctionType]:
    for value in namespace.values():
        thing = getattr(value, "__func__", value)
        if isinstance(thing, (type, FunctionType)) and thing.__module__ == module:
            yield thing


def install_hint(error: ModuleNotFoundError) -> str:
    package = (error.name or "").partition(".")[0]
    return f"Install it (pip install {package.replace('_', '-')}), or correct its name."
