"""Translate the site's other modules that use djng. Their code stays where it is.

Their views become Django's, and the project's URLconf and middleware name them by their module.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType

from django.apps import apps

from djng.eject.beside import Beside, References
from djng.eject.classes import model_admin
from djng.eject.layout import Part
from djng.eject.modules import Import, ModuleWriter
from djng.eject.plan import Plan, users_in
from djng.eject.source import Source, Statement
from djng.eject.views import ViewRewriter
from djng.eject.wiring import VERBS, Wiring
from djng.exceptions import SetupError
from djng.routing import BaseRouter

SITE_WIDE = {*VERBS, "include", "admin", "task"}  # of the app's, these need no other module
ROUTERS = {*VERBS, "include", "error", "middleware", "before_request", "after_request"}


class StayingPlan(Plan):
    """The plan of a module that stays one module."""

    def _fixed_module(self, statement: Statement) -> str:
        return f"../{self.wiring.source.path.stem}"  # as seen from the app's package


class OtherModule:
    """A module of the user's beside the file, or in the app's folder, that uses djng."""

    def __init__(self, module: ModuleType, beside: Beside) -> None:
        main = beside.plan
        self.name, self.main, self.label = module.__name__, main, main.site.label
        self.source = Source(Path(str(module.__file__)))
        self.wiring = Wiring(self.source, vars(module))
        self.check_uses()
        self.plan = StayingPlan(self.source, self.wiring, main.site)
        statements = [each for group in self.plan.groups for each in group.statements]
        nodes = [node for each in statements for node in ast.walk(each.node)]
        used = References(self.source, main, nodes).used
        self.views = ViewRewriter(self.plan, beside.taken(self.name, self.source.path))
        self.writer = ModuleWriter(self.plan)
        for name, found in [*self.writer.own.by_name.items()]:
            self.writer.own.by_name[name] = [*filter(None, map(self.moved, found))]
        if used:
            dotted = [Import("", f"{self.label}.{each}") for each in used]
            self.writer.own.by_name[self.label] = dotted
        forget_routers(self.plan, self.writer)

    def check_uses(self) -> None:
        for use in self.wiring.uses:
            if use.attribute not in (SITE_WIDE if use.router is self.main.site else ROUTERS):
                message = f"eject cannot move {use.attribute} out of this file."
                hint = f"Move it to {self.main.site.path.name}."
                where = self.source.where(use.node)
                raise SetupError(message, hint=hint, where=where)

    def moved(self, found: Import) -> Import | None:
        """An import from the site's file, with the new place of what it names."""
        if found.module not in (self.label, f"{self.label}.models"):
            return found
        module = self.main.module_of(found.name)
        return found._replace(module=f".{module.replace('/', '.')}") if module else None

    @cached_property
    def text(self) -> str:
        place = f"../{self.source.path.stem}"
        parts: list[Part] = [*self.plan.statements_of(place)]
        parts += [model_admin(self.plan, e) for e in self.wiring.uses if e.attribute == "admin"]
        return f"{self.source.header}\n\n{self.writer.text(place, parts)}".lstrip("\n")

    def join(self, views: ViewRewriter, writer: ModuleWriter) -> None:
        """Let the project's URLconf and middleware name what is in this module."""
        self.check_names()
        forget_routers(self.main, writer)
        views.join(self.name, self.views)
        known = [(name, [Import(self.name, name)]) for name in self.plan.owner]
        for name, found in [*known, *self.writer.own.by_name.items()]:
            if found and not writer.own.by_name.get(name):
                writer.own.by_name[name] = found
        top = self.name.partition(".")[0]
        writer.own.by_name[top] = [*writer.own.by_name.get(top, []), Import("", self.name)]

    def check_names(self) -> None:
        """Refuse arguments of djng's calls that mean something else in the site's file."""
        ours, theirs = self.plan.namespace, self.main.namespace
        calls: list[ast.AST] = [each.node for each in self.wiring.uses]
        calls += [each.node for each in self.wiring.made.values()]
        for node in calls:
            for name in {each for _, names in users_in(node, "") for each in names}:
                if name in theirs and theirs[name] is not ours.get(name, theirs[name]):
                    message = f"{name} is something else in {self.main.site.path.name}."
                    where = self.source.where(node)
                    raise SetupError(message, hint="Give one another name.", where=where)


def forget_routers(plan: Plan, writer: ModuleWriter) -> None:
    """Refuse what is left of a router that is imported: the project has none."""
    for name in plan.wiring.routers:
        writer.own.by_name.pop(name, None)
    for statement in [each for group in plan.groups for each in group.statements]:
        for node in ast.walk(ast.parse(statement.text)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                value = getattr(plan.namespace.get(node.value.id), node.attr, None)
                if isinstance(value, BaseRouter):
                    what = ast.unparse(node)
                    message = f"a Django project has no {what}."
                    hint = f"Write it without {what}."
                    raise SetupError(message, hint=hint, where=statement.where)


def other_modules(beside: Beside) -> Iterator[ModuleType]:
    """The user's imported modules that have the app or a router."""
    files = {*beside.files.values()}
    for module in [*sys.modules.values()]:
        file = Path(getattr(module, "__file__", None) or "/")
        if file in files and any(isinstance(each, BaseRouter) for each in vars(module).values()):
            yield module


def model_modules(beside: Beside) -> list[str]:
    """The user's modules that have models of the file's app, which must import them."""
    models = apps.get_app_config(beside.label).get_models()
    names = dict.fromkeys(each.__module__ for each in models)
    files = {*beside.files.values()}
    return [n for n in names if Path(getattr(sys.modules[n], "__file__", None) or "/") in files]
