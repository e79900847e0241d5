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

FOLDER = Path(djng.__file__).with_name("accounts")
EXAMPLE = re.compile(r"\.?\s*::\n\n(?:(?: {4,}.*)?\n)+?(?= *\"\"\")")  # in a docstring


def new_name(module: str, label: str) -> str:
    """The module of the project for one of djng's, such as ``blog.accounts.models``."""
    name = "djng.accounts.signup" if module == "djng.signup" else module
    return re.sub(r"^djng\.accounts", f"{label}.accounts", name)


def modules(source: str, label: str) -> dict[str, str]:
    """The modules of djng.accounts that a text names, and those that they import."""
    texts: dict[str, str] = {}
    waiting = imported(source.replace("djng.signup", "djng.accounts.signup"))
    waiting += ["admin"] if is_email_user() else []
    while waiting:
        name = waiting.pop()
        if name not in texts:
            text = EXAMPLE.sub(".\n", (FOLDER / f"{name}.py").read_text())
            text = re.sub(r'\A("""[^\n]*)\n"""', r'\1"""', text)
            texts[name] = re.sub(r"  # noqa.*", "", text)
            waiting += imported(text)
    return {n: text.replace("djng.accounts", f"{label}.accounts") for n, text in texts.items()}


def imported(text: str) -> list[str]:
    return re.findall(r"\bdjng\.accounts(?:\.| import )(\w+)", text)


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


def page_templates() -> Iterator[tuple[str, str]]:
    """The account pages that are djng's, and not the user's or another app's, if views use them."""
    views = [getattr(each.callback, "view_class", None) for each in patterns(get_resolver())]
    bases = {base.__module__ for view in views if view for base in view.__mro__}
    if not any(re.match(r"django\.contrib\.auth\.views|djng\.accounts", name) for name in bases):
        return
    for file in sorted(FOLDER.joinpath("templates", "registration").iterdir()):
        try:
            template: Any = get_template(f"registration/{file.name}")
        except TemplateDoesNotExist:
            continue
        if template.template.origin.name == str(file):
            yield f"registration/{file.name}", file.read_text()


def patterns(resolver: Any) -> Iterator[URLPattern]:
    """The URLs of the site, without those of the admin."""
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        elif each.app_name != "admin":
            yield from patterns(each)
