"""Give each statement of the file a module of the project.

What Django has a module for goes there. The rest goes where it is used, or into a module of its own
if several use it. A module imports only modules of earlier places on the ladder.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings

from djng.eject.source import Source, Statement, chain_of, names_in
from djng.eject.wiring import VERBS, Use, Wiring, is_main
from djng.exceptions import SetupError
from djng.routing import walk

LADDER = (
    *("constants", "exceptions", "utils", "settings", "managers", "fields", "models", "backends"),
    *("services", "celery", "tasks", "forms", "serializers", "schemas", "filters", "resources"),
    *("permissions", "signals", "feeds", "sitemaps", "admin", "context_processors"),
    *("templatetags", "views", "api", "consumers", "startup", "middleware", "urls"),
    *("management", "tests"),
)
# The module for subclasses and instances of a class.
KINDS = {
    "django.db.models.base.Model": "models",
    "django.contrib.admin.options.": "admin",
    "django.contrib.admin.filters.": "admin",
    "django.contrib.admin.sites.": "admin",
    "django.forms.": "forms",
    "django.contrib.syndication.": "feeds",
    "django.contrib.sitemaps.": "sitemaps",
    "django.views.": "views",
    "unittest.case.": "tests",
    "rest_framework.serializers.": "serializers",
    "rest_framework.permissions.": "permissions",
    "ninja.schema.": "schemas",
    "ninja.": "api",
    "django_filters.": "filters",
    "import_export.resources.": "resources",
    "channels.consumer.": "consumers",
    "celery.app.": "celery",
    "celery.local.": "tasks",
    "huey.api.": "tasks",
}
# The same for what several modules use.
SHARED_KINDS = {
    "django.db.models.manager.": "managers",
    "django.db.models.query.": "managers",
    "django.db.models.fields.": "fields",
    "builtins.Exception": "exceptions",
}
# The module for what a decorator of djng is applied to.
ROLES = {
    **dict.fromkeys((*VERBS, "error"), "views"),
    **dict.fromkeys(("middleware", "before_request", "after_request"), "middleware"),
    "context_processor": "context_processors",
    "task": "tasks",
    "command": "management/commands/{}",
}
# The module for statements with a line like this.
LINES = {
    r"^@(\w+\.)?fixture\b|^(async )?def test_": "tests",
    r"^@receiver\(|^\w+\.connect\(": "signals",
    r"^@?admin\.": "admin",
}


class Group:
    """Statements that stay together: they bind one name, or change one object."""

    def __init__(self, module: str | None = None) -> None:
        self.statements: list[Statement] = []
        self.module = module

    @property
    def binds(self) -> set[str]:
        return set().union(*(each.names.binds for each in self.statements))

    @property
    def uses(self) -> set[str]:
        return set().union(*(each.names.used for each in self.statements)) - self.binds


class Plan:
    """Where each statement goes, and where each name of the file is then."""

    def __init__(self, source: Source, wiring: Wiring, site: Any) -> None:
        self.source, self.wiring, self.site = source, wiring, site
        self.namespace = wiring.namespace
        self.roles = dict(settings_roles(site))
        for use in wiring.uses:
            if use.target and (module := ROLES.get(use.attribute)):
                self.roles[use.target] = module.format(use.target)
        self.imports = [each for each in source.statements if is_import(each.node)]
        self.groups: list[Group] = []
        self.owner: dict[str, Group] = {}
        # What djng's decorators and calls name, with the module that writes it.
        self.users = [user for use in wiring.uses for user in users_in(use.node, module_of(use))]
        for router, made in wiring.made.items():
            self.users += users_in(made.node, "settings" if router is site else "urls")
        for statement in source.statements:
            is_of_file = is_main(statement.node) or statement.name == "__all__"
            is_gone = is_of_file and source.path == site.path
            is_gone |= wiring.is_only_wiring(statement)
            if not is_gone and statement not in self.imports:
                self._add(statement)
        self._place()
        self._check_rebound()
        # With ``users="email"``, djng has defined the model User in the file.
        user = self.namespace.get("User")
        self.adds_user = getattr(user, "__module__", "") == site.label and "User" not in self.owner
        if self.adds_user:
            self.owner["User"] = Group("models")

    def _add(self, statement: Statement) -> None:
        module = self._fixed_module(statement)
        names = [*statement.names.binds, *statement.names.rebinds]
        names += [] if module else self._changed_by(statement)
        group, *others = dict.fromkeys(self.owner[n] for n in names if n in self.owner) or [Group()]
        for other in others:
            group.statements += other.statements
            group.module = group.module or other.module
        group.module = group.module or module
        group.statements = sorted([*group.statements, statement], key=lambda each: each.start)
        self.groups = [each for each in self.groups if each not in (group, *others)] + [group]
        self.owner |= dict.fromkeys(group.binds | statement.names.rebinds, group)

    def _changed_by(self, statement: Statement) -> list[str]:
        """The names of objects that the statement changes, or registers something with."""
        node, nodes = statement.node, [*statement.decorators]
        nodes += [node.value] if isinstance(node, ast.Expr) else []
        targets = [each for each in getattr(node, "targets", []) if not isinstance(each, ast.Name)]
        chains = [chain for each in nodes if len(chain := chain_of(each)) > 1]
        roots = [root for root, *_ in chains if not inspect.isroutine(self.namespace.get(root))]
        return [*roots, *(chain[0] for each in targets if (chain := chain_of(each)))]

    def _fixed_module(self, statement: Statement) -> str | None:
        """The module that Django has for such a statement, if it has one."""
        if self.wiring.of(statement, "library"):
            return f"templatetags/{self.site.label}_tags"
        if role := self.roles.get(statement.name):
            return role
        value = self.namespace.get(statement.name)
        if kind := kind_of(value, KINDS) if statement.names.binds else None:
            return kind
        for pattern, module in LINES.items():
            if re.search(pattern, statement.text, re.MULTILINE):
                return module
        used = {*statement.names.used, *self._changed_by(statement)}
        if statement.names.binds or used & self.owner.keys():
            return None
        is_above = statement.start < self.wiring.made[self.site].start
        return "settings" if is_above else "models"  # Django imports these at once

    def _place(self) -> None:
        """Place what Django has no module for: users first, then what they use."""
        waiting = [group for group in self.groups if not group.module]
        while waiting:
            ready = [each for each in waiting if not self._users_among(each, waiting)]
            for group in ready or waiting[-1:]:
                group.module = self._best_module(group)
                waiting.remove(group)

    def _check_rebound(self) -> None:
        """Refuse to import a variable that functions change: its importers keep the first value."""
        for group in self.groups:
            changed = {name for each in group.statements for name in each.names.rebinds}
            for other in [each for each in self.groups if each.uses & changed]:
                if rank(str(other.module)) > rank(str(group.module)):
                    name = min(other.uses & changed)
                    using = next(each for each in other.statements if name in each.names.used)
                    message = f"{other.module} would not see how functions change {name}."
                    hint = f"Read {name} in a function beside those, and call that one here."
                    raise SetupError(message, hint=hint, where=using.where)

    def _users_among(self, group: Group, groups: list[Group]) -> list[Group]:
        return [each for each in groups if each is not group and each.uses & group.binds]

    def _best_module(self, group: Group) -> str:
        users = {m for m, names in self.users if names & group.binds}
        users |= {g.module for g in self._users_among(group, self.groups) if g.module}
        users = users - {"tests"} or users
        first = group.statements[0]
        arguments = getattr(getattr(first.node, "args", None), "args", [])
        if users <= {"urls"} and arguments and arguments[0].arg == "request":
            return "views"
        if not users and any(each.decorators or not each.names.binds for each in group.statements):
            return "startup"  # it registers something
        if len(users) == 1:
            return users.pop()
        is_constant = isinstance(first.node, ast.Assign | ast.AnnAssign) and first.name.isupper()
        own = "constants" if is_constant else "utils"
        own = kind_of(self.namespace.get(first.name), SHARED_KINDS) or own
        lowest = max((rank(m) for m in self._needed_modules(group)), default=0)
        highest = min(map(rank, users), default=len(LADDER))
        fitting = [each for each in (own, "services") if lowest <= rank(each) <= highest]
        return fitting[0] if fitting else min(users, key=rank, default=LADDER[lowest])

    def _needed_modules(self, group: Group, seen: frozenset[Any] = frozenset()) -> set[str]:
        """The modules with names that a group uses, also by others that have no place yet."""
        found: set[str] = set()
        seen |= {group}
        for other in {self.owner[each] for each in group.uses if each in self.owner} - seen:
            found |= {other.module} if other.module else self._needed_modules(other, seen)
        return found

    def module_of(self, name: str) -> str | None:
        """The module in which a name of the file is, or None if the file does not define it."""
        return self.owner[name].module if name in self.owner else None

    def statements_of(self, module: str) -> list[Statement]:
        groups = [each for each in self.groups if each.module == module]
        found = [statement for each in groups for statement in each.statements]
        return sorted(found, key=lambda each: each.start)

    @property
    def modules(self) -> list[str]:
        """All modules, in the order of the ladder."""
        return sorted({group.module for group in self.groups if group.module}, key=rank)


def rank(module: str) -> int:
    return LADDER.index(module.split("/")[0])


def settings_roles(site: Any) -> Iterator[tuple[str, str]]:
    """What the settings name of the file, as in `middleware=["blog.Basket"]`, with its module."""
    layers = [each for _, scope in walk(site) for each in getattr(scope, "middleware_classes", ())]
    options = [each.get("OPTIONS", {}) for each in settings.TEMPLATES]
    processors = [name for each in options for name in each.get("context_processors", [])]
    named = [("middleware", name) for name in [*settings.MIDDLEWARE, *layers]]
    named += [("backends", name) for name in settings.AUTHENTICATION_BACKENDS]
    named += [("context_processors", name) for name in processors]
    for module, name in named:
        if isinstance(name, str) and name.startswith(f"{site.label}."):
            yield name.removeprefix(f"{site.label}."), module


def module_of(use: Use) -> str:
    """The module that writes the arguments of a decorator or call."""
    return {"admin": "admin", "error": "middleware"}.get(use.attribute, "urls")


def users_in(node: ast.AST, module: str) -> Iterator[tuple[str, set[str]]]:
    """The names in the arguments of a call, with the module that writes each argument."""
    for each in [n for n in ast.walk(node) if isinstance(n, ast.Call)]:
        for keyword in each.keywords:
            yield "middleware" if keyword.arg == "middleware" else module, names_in(keyword.value)
        yield module, {name for argument in each.args for name in names_in(argument)}


def kind_of(value: Any, kinds: dict[str, str]) -> str | None:
    """The module for a class or an instance, by its base classes."""
    bases = inspect.getmro(value if inspect.isclass(value) else type(value))
    names = [f"{each.__module__}.{each.__qualname__}" for each in bases]
    return next((kinds[kind] for name in names for kind in kinds if name.startswith(kind)), None)


def is_import(node: ast.AST) -> bool:
    """Whether the statement only imports, perhaps under a condition."""
    if isinstance(node, ast.If | ast.Try):
        statements = [each for each in ast.walk(node) if isinstance(each, ast.stmt)][1:]
        has_import = any(is_import(each) for each in statements)
        return has_import and all(
            isinstance(each, ast.Assign | ast.Pass) or is_import(each) for each in statements
        )
    return isinstance(node, ast.Import | ast.ImportFrom)
