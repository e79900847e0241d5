"""The user's file as a Django app. Runs while it is imported, `rename` and `ready` as it starts.

- A file is no package. Its ``__path__`` makes it one: Django finds migrations, templates, static
  files and commands in the folder of its name beside it, which need not exist.
- ``import`` knows it by its own name too, so that no second copy is ever executed.
- Models find their app by their module, so it is called `__main__` while the file is read. From
  then on the app and all that the file defines have the file's name: migrations refer to it.
- The apps' `ready` waits until the file has been read, for it may look up the user model.
"""

import keyword
import linecache
import re
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import django
from django.apps import AppConfig, apps

from djng.errors import SetupError, install


class FileConfig(AppConfig):
    """The app of a single file: its label is the file's name, its models are those in the file."""

    default = False  # djng's own app must not take it for its config

    def __init__(self, module: ModuleType, label: str) -> None:
        self.label = label
        super().__init__(module.__name__, module)

    def import_models(self) -> None:
        # Contrib apps pass over an app without a models module: it would get no permissions.
        self.models, self.models_module = apps.all_models[self.label], self.module


class FileApp:
    """One file, from the moment its `Djng` is made until the site starts."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        file = Path(getattr(module, "__file__", None) or "")
        self.is_file = file.is_file()
        self.path = (file if self.is_file else Path("notebook.py")).resolve()
        self.label = label_of(self.path.stem)
        self._waiting: deque[AppConfig] = deque()

    def command(self) -> str | None:
        """The management command that ``python blog.py`` is about to run, if it is that."""
        is_script = self.is_file and self.module.__name__ == "__main__"
        return (*sys.argv[1:], "runserver")[0] if is_script else None

    def is_reloaded(self) -> bool:
        """Whether the file, which is about to be served, leaves that to a process of its own."""
        if any(re.match("--nor|--h|-h", argument) for argument in sys.argv):
            return False
        source = "".join(linecache.getlines(str(self.path)))
        name = re.search(r"^(\w+)\s*(:[^=\n]+)?=.*\bDjng\(", source, re.MULTILINE)
        return bool(name and re.search(rf"\b{name[1]}\.run\(\)", source))

    def check(self) -> None:
        """Refuse a name that Python would take for something else."""
        if self.path.stem in ("__main__", "__init__"):
            message = f"{self.path.name} cannot be the name of a site."
            raise SetupError(message, hint="Give the file the name of the site.")
        package = self.path.with_suffix("") / "__init__.py"
        if package.exists():
            message = f"{self.path.stem}/__init__.py hides {self.path.name} from every import."
            raise SetupError(message, hint=f"Delete {package}, or rename one.")
        other = sys.modules.get(self.label, self.module)
        if self.is_file and other is not self.module:
            place = getattr(other, "__file__", None) or "a built-in module"
            message = f"{self.path.name} has the name of a module already imported: {place}."
            raise SetupError(message, hint=f"Rename {self.path.name}.")

    def populate(self, installed_apps: Sequence[str]) -> None:
        """Load every app and its models, as ``django.setup`` does, but let each `ready` wait."""
        self.module.__path__ = [str(self.path.with_suffix(""))]
        if self.is_file:
            sys.modules[self.label] = self.module
        self._waiting += [self._config(name) for name in installed_apps]
        for config in self._waiting:
            config.ready = lambda: None  # type: ignore[method-assign]
        apps.populate(self._waiting)
        django.setup()

    def _config(self, name: str) -> AppConfig:
        if name == self.label:
            return FileConfig(self.module, self.label)
        try:
            config = AppConfig.create(name)
        except ModuleNotFoundError as error:
            hint = f"Install it ({install(error)}), or correct its name."
            raise SetupError(f"the app {name!r}: {error}.", hint=hint) from error
        if config.label == self.label:
            message = f"{self.path.name} has the label of the app {config.name}."
            raise SetupError(message, hint=f"Rename {self.path.name}.")
        return config

    def rename(self) -> None:
        if self.is_file and self.module.__name__ != self.label:
            apps.app_configs[self.label].name = self.label
            rename(dict(vars(self.module)), self.module.__name__, self.label)

    def adopt(self, function: FunctionType) -> None:
        """Give a function of the file its name at once: a task would hide it from `rename`."""
        if self.is_file:
            rename({"": function}, self.module.__name__, self.label)

    def ready(self) -> None:
        """Tell each app once that it is ready, in order; one that fails is told again."""
        while self._waiting:
            config = self._waiting.popleft()
            vars(config).pop("ready", None)
            try:
                config.ready()
            except BaseException:
                self._waiting.appendleft(config)
                raise


def label_of(stem: str) -> str:
    """An identifier as like the file's name as can be: `my_blog` of `my-blog`."""
    label = re.sub(r"\W", "_", stem)
    label = f"app_{label}" if label[:1].isdigit() else label
    return f"{label}_" if keyword.iskeyword(label) else label


def rename(namespace: dict[str, Any], old: str, new: str) -> None:
    """Let the functions and classes defined in the module `old` say that they are in `new`."""
    for value in namespace.values():
        # The type is asked, and not the value: a lazy object would be evaluated by any question.
        is_method = issubclass(type(value), (staticmethod, classmethod))
        thing = value.__func__ if is_method else value
        if issubclass(type(thing), (type, FunctionType)) and thing.__module__ == old:
            line = vars(thing).get("__firstlineno__")
            with suppress(AttributeError, TypeError):  # some classes refuse it
                thing.__module__ = new
                if line:  # Python 3.13 drops it, as that of another file
                    thing.__firstlineno__ = line
            if thing.__module__ == new:
                rename(dict(vars(thing)), old, new)
