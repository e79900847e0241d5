"""Write the settings: startproject's, the file's own, and the defaults of djng that matter."""

import ast
import inspect
import os
import re
import sys
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.utils.version import get_docs_version

from djng.eject.layout import literal, quoted, rendered
from djng.eject.plan import Plan
from djng.eject.source import chain_of, names_in
from djng.exceptions import SetupError, is_library_file
from djng.templates import context_processors

COMPOSED = {"INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES"}  # of djng's defaults, and of what is added
VARIABLES = {"DATABASES": "DATABASE_URL", "CACHES": "CACHE_URL REDIS_URL"}
ENVIRONMENT = re.compile(r"environ|getenv|\benv\(|read_text")
MAIL = {"EMAIL_BACKEND", "EMAIL_HOST", "MAILERS"}


class SettingsWriter:
    """Writes the settings of the site, as they are now and as the file's text gives them."""

    def __init__(self, plan: Plan, middleware: dict[str, list[str]]) -> None:
        self.plan, self.site, self.label = plan, plan.site, plan.site.label
        self.values: dict[str, Any] = vars(sys.modules[settings.SETTINGS_MODULE])
        self.call: ast.Call = plan.wiring.made[plan.site].node.value  # type: ignore[attr-defined]
        has_tags = f"templatetags/{self.label}_tags" in plan.modules
        self.replaced = {  # parts of djng, by names in settings; the others are dropped
            **middleware,
            "djng.templates": [f"{self.label}.templatetags.{self.label}_tags"] * has_tags,
            "djng.templates.run_context_processors": [
                f"{self.label}.context_processors.{each.__name__}" for each in context_processors
            ],
        }
        self.keywords = {str(each.arg): each for each in self.call.keywords}
        if "None" in self.keywords:  # what ``**`` gives may be a secret of this machine
            hint = "Write the keywords out, as in Djng(LANGUAGE_CODE=...)."
            raise self.error("eject does not see what ** gives Djng().", hint)

    def text(self) -> str:
        """The settings module, without its imports."""
        text = rendered("settings.py", **self.context())
        for name in [each for each in self.site.overrides if each not in COMPOSED]:
            text = with_setting(text, name, self.override(name))
        return re.sub(r"\n{4,}", "\n\n\n", text)

    def context(self) -> dict[str, Any]:
        stem, folder = self.site.path.stem, self.site.path.parent
        middleware = dict.fromkeys([*self.values["MIDDLEWARE"], "djng.middleware.ScopeMiddleware"])
        engines = self.own(self.values["TEMPLATES"])
        options = engines[0].get("OPTIONS", {}) if engines else {}
        is_mail_set = bool(MAIL & self.site.overrides.keys())
        return {
            "label": self.label,
            "docs_version": get_docs_version(),
            "overrides": dict.fromkeys(self.site.overrides, True),  # a template would call some
            "secret": quoted(f"{stem}.secret"),
            "data": self.text_of("data", 'os.environ.get("DJANGO_DATA", "")'),
            "user_model": f"{self.label}.User" if self.plan.adds_user else "",
            "database": quoted(f"{stem}.sqlite3"),
            "apps": literal(self.own(self.values["INSTALLED_APPS"])),
            "middleware": literal(self.own([*middleware])),
            "templates": literal(engines) if "TEMPLATES" in self.site.overrides else "",
            "builtins": literal(options.get("builtins"), 12),
            "processors": literal(options.get("context_processors"), 12),
            "locale": (folder / "locale").is_dir(),
            "public": (folder / "public").is_dir(),
            "mail": "" if is_mail_set else "MAILERS" if django.VERSION >= (6, 1) else "BACKEND",
            "https": self.text_of("https", 'flag("DJANGO_HTTPS")'),
        }

    def text_of(self, keyword: str, default: str) -> str:
        given = self.keywords.get(keyword)
        text = self.plan.source.text_of(given.value) if given else "None"
        return default if text == "None" else text

    def own(self, value: Any) -> Any:
        """The value without djng's parts, and with the new places of what is in the file."""
        if isinstance(value, dict):
            return {key: self.own(each) for key, each in value.items()}
        if not isinstance(value, list | tuple):
            return self.moved(value) if isinstance(value, str) else value
        folder = self.site.path.parent / "templates"  # the app has them now
        left = [each for each in value if each != folder]
        return type(value)(name for each in left for name in self.names_for(each))

    def names_for(self, item: Any) -> list[Any]:
        """What stands in a list of settings for an item."""
        is_ours = str(item).partition(".")[0] == "djng"
        return self.replaced.get(item, []) if is_ours else [self.own(item)]

    def moved(self, name: str) -> str:
        """The dotted name of something in the file: `blog.Basket` is `blog.middleware.Basket`."""
        package, _, own = name.rpartition(".")
        module = self.plan.module_of(own) if package == self.label else None
        return f"{package}.{module.replace('/', '.')}.{own}" if module else name

    def override(self, name: str) -> str:
        """The lines for a setting that the file gives: its text, or what a function makes."""
        keyword = self.keywords[name]
        above, behind = self.comments(keyword)
        if callable(self.site.overrides[name]) and not callable(self.values[name]):
            return f"{above}{name} = {self.computed(name)}{behind}"
        for each in ast.walk(keyword.value):
            old = each.value if isinstance(each, ast.Constant) else None
            if isinstance(old, str) and ".models." not in (new := self.moved(old)) and new != old:
                self.plan.source.replace(each, quoted(new))  # models are named by their app
        return f"{above}{name} = {self.plan.source.text_of(keyword.value)}{behind}"

    def computed(self, name: str) -> str:
        """The value that a function has made of djng's default."""
        if name == "SECRET_KEY" or ENVIRONMENT.search(self.text_behind(name)):
            what = f"eject would write the value of {name}, which may be a secret of this machine."
            raise self.error(what, f"Give {name} a value instead of a function.")
        variables = VARIABLES.get(name, "").split()
        if found := [each for each in variables if os.environ.get(each)]:
            what = f"{name} is made from {found[0]}, which may hold a password."
            raise self.error(what, f"Run eject without {found[0]}.")
        if "djng." in (text := literal(self.own(self.values[name]))):
            what = f"{name} is made from djng's default."
            raise self.error(what, "Write a value that has nothing of it.")
        return text

    def text_behind(self, name: str) -> str:
        """The text of a setting's function, and of what it uses of the file."""
        value = self.keywords[name].value
        text, waiting, seen = ast.unparse(value), names_in(value), set[str]()
        while waiting - seen:
            seen.add(each := min(waiting - seen))
            if group := self.plan.owner.get(each):
                text += "".join(statement.text for statement in group.statements)
                waiting |= group.uses
        functions = [self.site.overrides[name], *map(self.plan.namespace.get, seen)]
        for function in [each for each in functions if inspect.isfunction(each)]:
            with suppress(OSError):  # it may be of another file
                is_theirs = is_library_file(function.__code__.co_filename)
                text += "" if is_theirs else inspect.getsource(function)
        return text

    def error(self, message: str, hint: str) -> SetupError:
        return SetupError(message, hint=hint, where=self.plan.source.where(self.call))

    def comments(self, keyword: ast.keyword) -> tuple[str, str]:
        """The comments above a keyword, and behind it on its line."""
        source = self.plan.source
        start, end = source.span(keyword)
        above = re.search(r"(?:^[ \t]*#.*\n)*[ \t]*\Z", source.text(0, start), re.MULTILINE)
        behind = re.match(r",?[ \t]*(#.*)", source.text(end, len(source.data)))
        lines = [line.strip() for line in above[0].splitlines()] if above else []
        return "".join(f"{e}\n" for e in lines if e), f"  {behind[1]}" if behind else ""


def with_setting(text: str, name: str, line: str) -> str:
    """The settings with one of them and its comment replaced, or added at the end."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and chain_of(node.targets[0]) == [name]:
            lines, start, end = text.split("\n"), node.lineno - 1, node.end_lineno or 0
            while not lines[end] and lines[start - 1].startswith("#"):  # it explains only this
                start -= 1
            lines[start:end] = [line]
            return "\n".join(lines)
    return f"{text.rstrip()}\n\n{line}\n"
