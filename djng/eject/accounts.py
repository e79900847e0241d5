"""Bring along what a site uses of djng's accounts: pages, URLs, users with an e-mail address."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import URLPattern, get_resolver

import djng
from djng.eject.source import Names

FOLDER = Path(djng.__file__).with_name("accounts")
SHORT_NAMES = {"djng.signup": "djng.accounts.signup"}


def new_name(module: str, label: str) -> str:
    """The module of the project for one of djng's, such as ``blog.accounts.models``."""
    name = SHORT_NAMES.get(module, module)
    return re.sub(r"^djng\.accounts", f"{label}.accounts", name)


def modules(source: str, label: str) -> dict[str, str]:
    """The modules of djng.accounts that a text names, and those that they import."""
    wanted = {
        SHORT_NAMES.get(name, name) for name in re.findall(r"djng\.(?:accounts\.)?\w+", source)
    }
    wanted |= {"djng.accounts.admin"} if is_email_user() else set()
    texts: dict[str, str] = {}
    while (
        names := {n.removeprefix("djng.accounts.") for n in wanted if n.count(".") == 2}
        - texts.keys()
    ):
        for name in names:
            texts[name] = plain_text((FOLDER / f"{name}.py").read_text())
            wanted |= {*re.findall(r"from (djng\.accounts\.\w+)", texts[name])}
            wanted |= {
                f"djng.accounts.{each}"
                for each in re.findall(r"from djng\.accounts import (\w+)", texts[name])
            }
    return {
        f"accounts/{n}.py": t.replace("djng.accounts", f"{label}.accounts")
        for n, t in texts.items()
    }


def plain_text(text: str) -> str:
    """A module without what its docstrings and messages say of djng."""
    text = re.sub(r"  # (type: ignore|noqa).*", "", text)
    text = re.sub(r"\n\ndef (define_user|register_users)\(.*?(?=\n\n\n|\Z)", "", text, flags=re.S)
    text = re.sub(r" ?::\n\n(?:(?: {4,}.*)?\n)+?(?= *\"\"\")", "\n", text)
    text = re.sub(r"(?m)^from djng\.exceptions .*\n|^from types import ModuleType\n", "", text)
    text = re.sub(
        r'f\'Write Djng\(AUTH_USER_MODEL="(.*)"\)\.\'', r"f'Set AUTH_USER_MODEL = \"\1\".'", text
    )
    text = re.sub(r'"djng\.(E\d+)"', r'"accounts.\1"', text).rstrip() + "\n"
    used = Names(text).used
    return "".join(used_import(line, used) for line in text.splitlines(keepends=True))


def used_import(line: str, used: set[str]) -> str:
    """The line, without the names that it imports and that nothing uses any more."""
    if not (found := re.fullmatch(r"(from \S+ import )([\w, ]+)\n", line)):
        return line
    names = [each for each in found[2].split(", ") if each.split()[-1] in used]
    return f"{found[1]}{', '.join(names)}\n" if names else ""


def is_email_user() -> bool:
    """Whether the site's users are djng's users with an e-mail address, as in ``users="email"``."""
    if not apps.is_installed("django.contrib.auth"):
        return False
    return any(each.__module__ == "djng.accounts.models" for each in get_user_model().__mro__)


def has_default_admin() -> bool:
    """Whether the admin shows these users because nothing else in the file does."""
    if not (is_email_user() and apps.is_installed("django.contrib.admin")):
        return False
    from django.contrib.admin import site  # not every site has it

    return type(site._registry.get(get_user_model())).__module__ == "djng.accounts.admin"


def has_account_pages() -> bool:
    """Whether a view of the site, outside the admin, is one of Django's or djng's account views."""
    views = [getattr(each.callback, "view_class", None) for each in patterns(get_resolver())]
    bases = {base.__module__ for view in views if view for base in view.__mro__}
    return any(re.match(r"django\.contrib\.auth\.views|djng\.accounts", name) for name in bases)


def patterns(resolver: Any) -> Iterator[URLPattern]:
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        elif each.app_name != "admin":
            yield from patterns(each)


def page_templates() -> Iterator[tuple[str, str]]:
    """The account pages that are djng's, and not the user's or another app's."""
    for file in sorted(FOLDER.joinpath("templates", "registration").iterdir()):
        name = f"registration/{file.name}"
        try:
            origin: Any = get_template(name).template.origin  # type: ignore[attr-defined]
        except TemplateDoesNotExist:
            continue
        if origin.name == str(file):
            yield name, file.read_text()
