"""Write the settings: startproject's, the file's own, and the defaults of djng that matter."""

import ast
import os
import re
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.template import Context, Engine
from django.utils.version import get_docs_version

from djng.eject.plan import Plan
from djng.eject.returns import quoted
from djng.eject.source import chain_of
from djng.exceptions import SetupError

FILES = Path(__file__).with_name("files")
RENAMED = {"djng.middleware.CommonMiddleware": "{}.middleware.SlashRedirectMiddleware"}
OURS = (
    "djng",
    "djng.accounts",
    "djng.middleware.ErrorMiddleware",
    "djng.middleware.ScopeMiddleware",
)
COMPOSED = {"INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES"}  # of djng's defaults, and of what is added
VARIABLES = {"DATABASES": "DATABASE_URL", "CACHES": "CACHE_URL REDIS_URL"}
MAIL = {"EMAIL_BACKEND", "EMAIL_HOST", "MAILERS"}


def render(name: str, **context: Any) -> str:
    """A text of this package, filled in like startproject's templates."""
    template = Engine().from_string((FILES / f"{name}-tpl").read_text())
    return template.render(Context(context, autoescape=False))


class SettingsWriter:
    """Writes the settings of the site, as they are now and as the file's text gives them."""

    def __init__(self, plan: Plan, middleware: list[str], processors: list[str]) -> None:
        self.plan, self.site, self.label = plan, plan.site, plan.site.label
        self.middleware, self.processors = middleware, processors
        self.values: dict[str, Any] = vars(sys.modules[settings.SETTINGS_MODULE])
        self.call: ast.Call = plan.wiring.made[plan.site].node.value  # type: ignore[attr-defined]
        self.keywords = {each.arg: each for each in self.call.keywords if each.arg}

    def text(self) -> str:
        """The settings module, without its imports."""
        text = render("settings.py", **self.context())
        for name in [each for each in self.site.overrides if each not in COMPOSED]:
            text = with_setting(text, name, self.override(name), *self.comments(name))
        return re.sub(r"\n{4,}", "\n\n\n", text)

    def context(self) -> dict[str, Any]:
        path: Path = self.site.path
        folder = path.parent
        return {
            "label": self.label,
            "docs_version": get_docs_version(),
            "overrides": self.site.overrides,
            "secret": quoted(f"{path.stem}.secret"),
            "data": self.data(),
            "user_model": f"{self.label}.User" if "users" in self.keywords else "",
            "database": quoted(f"{path.stem}.sqlite3"),
            "apps": literal(self.apps(), 0),
            "middleware": literal(self.all_middleware(), 0),
            "templates": self.templates(),
            "builtins": literal(["django.templatetags.static", *self.tags()], 12),
            "processors": literal(self.all_processors(), 12),
            "locale": (folder / "locale").is_dir(),
            "public": (folder / "public").is_dir(),
            "has_mail": bool(MAIL & self.site.overrides.keys()),
            "mailers": django.VERSION >= (6, 1),
            "https": "True" if self.is_https() else 'flag("DJANGO_HTTPS")',
        }

    def data(self) -> str:
        """The folder for what the site writes."""
        if given := self.keywords.get("data"):
            return self.plan.source.text_of(given.value)
        return 'os.environ.get("DJANGO_DATA", "")'

    def is_https(self) -> bool:
        return isinstance(given := self.keywords.get("https"), ast.keyword) and bool(
            ast.literal_eval(given.value)
        )

    def apps(self) -> list[str]:
        return self.own(self.values["INSTALLED_APPS"])

    def all_middleware(self) -> list[str]:
        errors = [name for name in self.middleware if name.endswith(".ErrorMiddleware")]
        rest = [name for name in self.middleware if name not in errors]
        return [*errors, *self.own(self.values["MIDDLEWARE"]), *rest]

    def own(self, names: list[str]) -> list[str]:
        """The names without those of djng, and with the new places of those of the file."""
        left = [RENAMED.get(each, each).format(self.label) for each in names if each not in OURS]
        return [self.moved(each) for each in left]

    def all_processors(self) -> list[str]:
        options = self.values["TEMPLATES"][0].get("OPTIONS", {})
        names = [n for n in options.get("context_processors", []) if not n.startswith("djng.")]
        return self.own(names) + self.processors

    def templates(self) -> str:
        """TEMPLATES, if the file sets it; its first engine gets what the file's templates need."""
        if "TEMPLATES" not in self.site.overrides:
            return ""
        engines = deepcopy(self.values["TEMPLATES"])
        for engine in engines:
            options = engine.get("OPTIONS", {})
            if "djng." in str(options.get("loaders")):
                del options["loaders"]
                engine["APP_DIRS"] = True
            if "context_processors" in options:
                options["context_processors"] = self.all_processors()
            if "builtins" in options:
                options["builtins"] = [
                    each for each in options["builtins"] if each != "djng.templates"
                ]
                options["builtins"] += self.tags()
            engine["DIRS"] = [
                each
                for each in engine.get("DIRS", [])
                if each != self.site.path.parent / "templates"
            ]
        return literal(engines, 0)

    def tags(self) -> list[str]:
        has_tags = f"templatetags/{self.label}_tags" in self.plan.modules
        return [f"{self.label}.templatetags.{self.label}_tags"] * has_tags

    def moved(self, name: str) -> str:
        """The dotted name of something in the file: `blog.Basket` is `blog.middleware.Basket`."""
        found = re.fullmatch(rf"{self.label}\.(\w+)", name)
        module = self.plan.module_of(found[1]) if found else None
        return f"{self.label}.{module.replace('/', '.')}.{found[1]}" if found and module else name

    def override(self, name: str) -> str:
        """The text of a setting that the file gives, or its value if a function makes it."""
        keyword = self.keywords.get(name)
        if keyword is None:  # its value may be a secret of this machine
            raise self.error(f"{name} is not written in Djng().", f"Write {name}=... there.")
        if callable(self.site.overrides[name]):
            return self.computed(name)
        for each in ast.walk(keyword.value):
            old = each.value if isinstance(each, ast.Constant) else None
            if isinstance(old, str) and self.moved(old) != old and not self.is_label(old):
                self.plan.source.replace(each, quoted(self.moved(old)))
        return self.plan.source.text_of(keyword.value)

    def computed(self, name: str) -> str:
        """The value that a function has made of djng's default."""
        variables = VARIABLES.get(name, "").split()
        if found := [each for each in variables if os.environ.get(each)]:
            what = f"{name} is made from {found[0]}, which may hold a password."
            raise self.error(what, f"Run eject without {found[0]}.")
        value = self.values[name]
        if isinstance(value, list):  # also of system checks
            value = [each for each in value if not str(each).startswith("djng.")]
        if "djng." in (text := literal(value, 0)):
            what = f"{name} is made from djng's default."
            raise self.error(what, "Write a value that has nothing of it.")
        return text

    def error(self, message: str, hint: str) -> SetupError:
        return SetupError(message, hint=hint, where=self.plan.source.where(self.call))

    def comments(self, name: str) -> tuple[str, str]:
        """The comments above a keyword, and behind it on its line."""
        if not (keyword := self.keywords.get(name)):
            return "", ""
        source = self.plan.source
        start, end = source.span(keyword)
        above = re.search(r"((?:^[ \t]*#.*\n)*)[ \t]*\Z", source.text(0, start), re.MULTILINE)
        behind = re.match(r",?[ \t]*(#.*)", source.text(end, len(source.data)))
        lines = [line.strip() for line in above[1].splitlines()] if above else []
        return "".join(f"{line}\n" for line in lines), f"  {behind[1]}" if behind else ""

    def is_label(self, name: str) -> bool:
        return self.plan.module_of(name.rpartition(".")[2]) == "models"


def with_setting(text: str, name: str, value: str, above: str, behind: str) -> str:
    """The settings with one of them replaced, or added at the end."""
    line = f"{above}{name} = {value}{behind}"
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and chain_of(node.targets[0]) == [name]:
            lines = text.split("\n")
            lines[node.lineno - 1 : node.end_lineno] = [line]
            return "\n".join(lines)
    return f"{text.rstrip()}\n\n{line}\n"


def literal(value: Any, indent: int) -> str:
    """The value as Python writes it, a list with an item on each line."""
    inner = " " * (indent + 4)
    if isinstance(value, list | tuple) and value:
        items = "".join(f"{inner}{literal(each, indent + 4)},\n" for each in value)
        brackets = "[]" if isinstance(value, list) else "()"
        return f"{brackets[0]}\n{items}{' ' * indent}{brackets[1]}"
    if isinstance(value, dict) and value:
        items = "".join(
            f"{inner}{literal(k, 0)}: {literal(v, indent + 4)},\n" for k, v in value.items()
        )
        return f"{{\n{items}{' ' * indent}}}"
    if isinstance(value, Path):
        return path_literal(value)
    return quoted(value) if isinstance(value, str) else repr(value)


def path_literal(path: Path) -> str:
    base = Path(settings.BASE_DIR)
    if path.is_relative_to(base):
        return "BASE_DIR" + "".join(f" / {quoted(part)}" for part in path.relative_to(base).parts)
    return f"Path({quoted(str(path))})"
