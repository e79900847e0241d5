"""The user's file as a Django app. Runs while the file is imported, `ready` when the site starts.

Django expects a package. So the file gets what a package has: a ``__path__``, the folder of its
name beside it, which need not exist, and the submodules ``blog.settings`` and ``blog.models``.
"""

import ast
import keyword
import linecache
import os
import re
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.apps import AppConfig, apps

from djng.exceptions import APP_LINE, Location, SetupError, pip_install, user_frames
from djng.main_module import SCRIPT_NAMES, rename_definitions, rename_module

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BRANCHES = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)


class SiteFile:
    """The file that calls ``Djng()``, or a notebook: its path, its names and its apps."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        vars(module).setdefault("__spec__", None)  # pdb leaves it out before Python 3.13
        file = Path(getattr(module, "__file__", None) or "")
        self.is_file = file.is_file()
        self.path = (file if self.is_file else Path("notebook.py")).resolve()
        self.folder = self.path.with_suffix("")
        self.label = label_of(self.path.stem)
        self.is_script = module.__name__ == "__main__"
        self.import_name = import_name(module) or self.label
        self._waiting: deque[AppConfig] = deque()

    def command(self) -> str | None:
        """The management command that this process is about to run, if that is certain."""
        first = next(iter(sys.argv[1:]), None)
        if is_pytest():
            return "test"
        if self.is_script and self.is_file:
            return first or ("runserver" if self.is_reloaded or self.run_call() else None)
        is_djangos = re.search(
            r"(django-admin|manage\.py|django.__main__\.py)$", "".join(sys.argv[:1])
        )
        # Without a command, as under a server, DEBUG stays off.
        return first if is_djangos and first != "runserver" else None

    @property
    def is_reloaded(self) -> bool:
        """Whether ``runserver`` has started this process to read the file."""
        return "djng.dev.autoreload" in sys.modules

    def run_call(self) -> ast.Call | None:
        """The call ``app.run()`` in the script, if the script is sure to make it.

        Otherwise the file may start a server itself, so it gets the settings of production. If it
        then calls ``app.run()``, the reloader's process reads it again, with DEBUG on.
        """
        app, source = self._read_app()
        return find_call(f"{app}.run", source) if app else None

    def passes_app(self) -> bool:
        """Whether the script passes ``app`` to something, such as ``waitress.serve``."""
        app, source = self._read_app()
        return bool(app and re.search(rf"[(=:, ]{app}[\"'),]", source))

    def _read_app(self) -> tuple[str, str]:
        """The name of ``app = Djng()``, and the source from there on; empty if there is none."""
        source = "".join(linecache.getlines(str(self.path)))
        found = APP_LINE.search(source)
        return (found[1], source[found.start() :]) if found else ("", "")

    def is_being_read(self) -> bool:
        """Whether the file is still running from its first line to its last."""
        names = vars(self.module)
        return any(
            frame.f_globals is names and frame.f_code.co_name == "<module>"
            for frame in user_frames()
        )

    def uses_reloader(self) -> bool:
        """Whether ``runserver``, which is about to run, reads the file again in a child process."""
        if self.command() != "runserver" or any(
            re.match("--nor|--h|-h", each) for each in sys.argv
        ):
            return False
        from django.core.management import get_commands  # servers need none of it

        if get_commands()["runserver"] != "djng":  # an app has one of its own
            return False
        call = self.run_call()
        return bool(call and not call.args)

    def check_name(self) -> None:
        """Refuse names that Python or Django would take for something else."""
        name, folder = self.path.name, self.folder
        if self.path.stem in ("__main__", "__init__"):
            hint = "Give the file the name of the site."
            raise SetupError(f"{name} cannot be the name of a site.", hint=hint)
        if (package := folder / "__init__.py").exists():
            hint = f"Delete {package}, or rename {name}."
            raise SetupError(
                f"{folder.name}/__init__.py hides {name} from every import.", hint=hint
            )
        for settings in (folder / "settings.py", folder / "settings/__init__.py"):
            if settings.exists():
                message = f"{settings.relative_to(folder.parent)} is never read."
                hint = (
                    f'Move the settings into Djng(), as LANGUAGE_CODE="de", and delete {settings}.'
                )
                raise SetupError(message, hint=hint)
        other = sys.modules.get(self.label, self.module)
        if self.is_file and other is not self.module:
            place = getattr(other, "__file__", None) or "a built-in module"
            message = f"{name} has the name of a module already imported: {place}."
            raise SetupError(message, hint=f"Rename {name}.")
        self.check_read_once()

    def check_read_once(self) -> None:
        """Refuse to be imported by what the script itself imports above ``Djng()``."""
        script = sys.modules["__main__"]
        frames = [frame for frame in user_frames() if frame.f_globals is vars(script)]
        file = Path(getattr(script, "__file__", None) or "").resolve()
        if frames and file == self.path and script is not self.module:
            where = Location(str(file), frames[-1].f_lineno)
            message = f"this line imports {file.name} again, before Djng() has run."
            raise SetupError(message, hint="Move it below `app = Djng(...)`.", where=where)

    def check_end(self, line: int) -> None:
        """Refuse definitions below the line of ``app.run()``: nothing would ever read them."""
        below = linecache.getlines(str(self.path))[line:]
        if self.is_script and any(re.match("@|(async +)?def |class ", each) for each in below):
            message = "app.run() does not return, so nothing reads the lines below it."
            hint = "Move it to the end of the file."
            raise SetupError(message, hint=hint)

    def register_modules(self, settings: dict[str, Any]) -> None:
        """Let every import find the file, its settings and its models, and Django the settings."""
        self.module.__path__ = [str(self.folder)]
        rename_module(self.module, self.label)
        for name in {self.label, self.import_name}:
            sys.modules[name] = self.module
            sys.modules[f"{name}.settings"] = submodule(f"{name}.settings", settings)
        if not any((self.folder / name).exists() for name in ("models.py", "models")):
            # Django skips apps without a models module: they would get no permissions.
            models = submodule(
                f"{self.label}.models", {"__getattr__": self.module.__getattribute__}
            )
            sys.modules[models.__name__] = models
        os.environ["DJANGO_SETTINGS_MODULE"] = f"{self.import_name}.settings"

    def load_apps(self, installed_apps: Sequence[str]) -> None:
        """Load every app and its models, as ``django.setup()`` does, but let each `ready` wait."""
        self._waiting += [self._create_config(name) for name in installed_apps]
        for config in self._waiting:
            config.ready = lambda: None  # type: ignore[method-assign]
        with self.keep_names():
            apps.populate(self._waiting)
        django.setup()

    @contextmanager
    def keep_names(self) -> Iterator[None]:
        """Keep what `models` and `admin` are in the file.

        When Python imports ``blog/models.py``, it makes ``blog.models`` an attribute of the file.
        """
        names = dict(vars(self.module))
        yield
        for name, value in names.items():
            if vars(self.module).get(name) is sys.modules.get(f"{self.label}.{name}"):
                setattr(self.module, name, value)

    def _create_config(self, name: str) -> AppConfig:
        try:
            config = AppConfig.create(name)
        except ModuleNotFoundError as error:
            hint = f"Install it ({pip_install(error)}), or correct its name."
            raise SetupError(f"the app {name!r}: {error}.", hint=hint) from error
        if config.label == self.label and config.module is not self.module:
            file = self.path.name
            message = f"{file} and the app {config.name} have the same name, {self.label}."
            raise SetupError(message, hint=f"Rename {file}.")
        return config

    def ready(self) -> None:
        """Call the `ready` of each app once, in order. One that fails is called again next time."""
        if self.is_script:  # named tuples still have the name that the script started with
            rename_definitions(vars(self.module), "__main__", self.label)
        while self._waiting and not apps.stored_app_configs:  # as under override_settings()
            config = self._waiting.popleft()
            vars(config).pop("ready", None)
            try:
                with self.keep_names():
                    config.ready()
            except BaseException:
                self._waiting.appendleft(config)
                raise


def import_name(module: ModuleType) -> str | None:
    """The name by which another process can import the module, if Python knows one."""
    name = module.__spec__.name if module.__spec__ else module.__name__
    return None if name in SCRIPT_NAMES else name


def is_pytest() -> bool:
    """Whether pytest runs in this process, and not in the one that has started it."""
    return "PYTEST_VERSION" in os.environ and "pytest" in sys.modules


def find_call(name: str, source: str) -> ast.Call | None:
    """The first call of that name, unless a condition above it decides whether it is reached."""
    with warnings.catch_warnings(action="ignore"):  # Python has shown them already
        statements = ast.parse(source).body
    functions = {
        f"{each.name}()": each.body for each in statements if isinstance(each, ast.FunctionDef)
    }
    app = name.partition(".")[0]
    decides = rf"__main__|\b{name}\b|\b{app}\b(?!\.)|\b(exit|return|exec\w*)\b"
    for each in inline(statements, functions):
        match each:
            case ast.Expr(ast.Call() as call) if ast.unparse(call.func) == name:
                return call
        if isinstance(each, BRANCHES) and re.search(decides, ast.unparse(each)):
            return None
    return None


def inline(statements: list[ast.stmt], functions: dict[str, list[ast.stmt]]) -> Iterator[ast.stmt]:
    """The statements that a script runs, with those of the functions that it calls."""
    for each in statements:
        text = "" if isinstance(each, DEFINITIONS) else ast.unparse(each)
        if isinstance(each, ast.If) and ast.unparse(each.test) == "__name__ == '__main__'":
            yield from inline(each.body, functions)
        elif text in functions:
            yield from inline(functions.pop(text), functions)
        elif text:
            yield each


def submodule(name: str, contents: dict[str, Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(contents, __spec__=ModuleSpec(name, None))
    return module


def label_of(stem: str) -> str:
    """The file's name as an identifier: `my_blog` for `my-blog`."""
    label = re.sub(r"\W", "_", stem)
    label = f"app_{label}" if label[:1].isdigit() else label
    return f"{label}_" if keyword.iskeyword(label) else label
