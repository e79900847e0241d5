"""Give each statement of the file a module of the project.

What Django has a module for goes there. The rest goes where it is used, or into a module of its own
if several use it. A module imports only modules of earlier places on the ladder.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from djng.eject.accounts import is_email_user
from djng.eject.source import Source, Statement, chain_of, names_in
from djng.eject.wiring import VERBS, Use, Wiring, is_main
from djng.exceptions import SetupError
from djng.middleware import layers_of
from djng.routing import BaseRouter, walk

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
    "django.contrib.admin.options.BaseModelAdmin": "admin",
    "django.contrib.admin.filters.ListFilter": "admin",
    "django.contrib.admin.sites.AdminSite": "admin",
    "django.forms.forms.BaseForm": "forms",
    "django.forms.formsets.BaseFormSet": "forms",
    "django.forms.fields.Field": "forms",
    "django.forms.widgets.Widget": "forms",
    "django.contrib.syndication.views.Feed": "feeds",
    "django.contrib.sitemaps.Sitemap": "sitemaps",
    "django.views.generic.base.View": "views",
    "unittest.case.TestCase": "tests",
    "rest_framework.serializers.BaseSerializer": "serializers",
    "rest_framework.permissions.BasePermission": "permissions",
    "ninja.schema.Schema": "schemas",
    "ninja.main.NinjaAPI": "api",
    "ninja.router.Router": "api",
    "django_filters.filterset.BaseFilterSet": "filters",
    "import_export.resources.Resource": "resources",
    "channels.consumer.AsyncConsumer": "consumers",
    "celery.app.base.Celery": "celery",
    "celery.local.PromiseProxy": "tasks",
    "huey.api.TaskWrapper": "tasks",
}
# The same for what several modules use.
SHARED_KINDS = {
    "django.db.models.manager.BaseManager": "managers",
    "django.db.models.query.QuerySet": "managers",
    "django.db.models.fields.Field": "fields",
    "builtins.Exception": "exceptions",
}
# The module for what a decorator of djng is applied to.
ROLES = {
    **dict.fromkeys((*VERBS, "error"), "views"),
    **dict.fromkeys(("middleware", "before_request", "after_request"), "middleware"),
    "context_processor": "context_processors",
    "task": "tasks",
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
        self.namespace: dict[str, Any] = vars(site.module)
        for _, scope in walk(site):
            if isinstance(scope, BaseRouter) and scope not in wiring.made:
                message = "a router that the site's file does not make by itself."
                hint = f"Write name = Router(...) in {site.path.name}, with its views."
                raise SetupError(message, hint=hint, where=scope.where)
        self.roles: dict[str, str | None] = dict(settings_roles(site))
        self.roles |= {use.target: module_of_use(use, site.label) for use in wiring.uses}
        self.imports = [each for each in source.statements if is_import(each.node)]
        self.counted: set[int] = set()  # lines with a path from ``__file__`` that is right again
        self.groups: list[Group] = []
        self.owner: dict[str, Group] = {}
        # What uses names, by module: the groups, and the arguments of djng's decorators and calls.
        self.users = [
            user for use in wiring.uses for user in users_in(use.node, argument_module(use))
        ]
        for router, made in wiring.made.items():
            self.users += users_in(made.node, "settings" if router is site else "urls")
        for statement in source.statements:
            is_left = not (is_main(statement.node) or wiring.is_only_wiring(statement))
            if is_left and statement not in self.imports:
                self._add(statement)
        self._place()
        # Whether ``users="email"`` has defined the model User in the file.
        user = self.namespace.get("User") if is_email_user() else None
        own = user is not None and user is get_user_model() and user.__module__ == site.label
        self.adds_user = own and "User" not in self.owner
        if self.adds_user:
            self.owner["User"] = Group("models")

    def _add(self, statement: Statement) -> None:
        module = self._fixed_module(statement)
        names = [*statement.names.binds, *statement.names.rebinds]
        names += [] if module else self._changed_by(statement)
        groups = list(dict.fromkeys(self.owner[each] for each in names if each in self.owner))
        group = groups[0] if groups else Group()
        for other in groups[1:]:
            group.statements += other.statements
            group.module = group.module or other.module
            self.groups.remove(other)
        if not groups:
            self.groups.append(group)
        group.module = group.module or module
        group.statements = sorted([*group.statements, statement], key=lambda each: each.start)
        self.owner |= dict.fromkeys(group.binds | statement.names.rebinds, group)

    def _changed_by(self, statement: Statement) -> list[str]:
        """The names of objects that the statement changes, or registers something with."""
        node, nodes = statement.node, [*statement.decorators]
        nodes += [node.value] if isinstance(node, ast.Expr) else []
        targets = [each for each in getattr(node, "targets", []) if not isinstance(each, ast.Name)]
        roots = [chain[0] for each in targets if (chain := chain_of(each))]
        roots += [chain[0] for each in nodes if len(chain := chain_of(each)) > 1]
        return [each for each in roots if not inspect.isroutine(self.namespace.get(each))]

    def _fixed_module(self, statement: Statement) -> str | None:
        """The module that Django has for such a statement, if it has one."""
        name = statement.name
        if self.wiring.of(statement, "library"):
            return f"templatetags/{self.site.label}_tags"
        if role := self.roles.get(name):
            return role
        value, text = self.namespace.get(name), statement.text
        if found := kind_of(value, KINDS) if statement.names.binds else None:
            return found
        if re.search(r"^@(\w+\.)?fixture\b|^(async )?def test_", text, re.MULTILINE):
            return "tests"
        if re.search(r"^@receiver\(|^\w+\.connect\(", text, re.MULTILINE):
            return "signals"
        if re.search(r"^@?admin\.", text, re.MULTILINE):
            return "admin"
        return self._module_of_code(statement) if not statement.names.binds else None

    def _module_of_code(self, statement: Statement) -> str | None:
        """The module for code that runs on import and binds nothing."""
        if {*self._changed_by(statement)} & self.owner.keys():
            return None
        if not statement.names.used & self.owner.keys():
            is_above = statement.start < self.wiring.made[self.site].start
            return "settings" if is_above else "models"
        return None

    def _place(self) -> None:
        """Place what Django has no module for: users first, then what they use."""
        waiting = [group for group in self.groups if not group.module]
        while waiting:
            ready = [each for each in waiting if not self._users_among(each, waiting)]
            for group in ready or waiting[-1:]:
                group.module = self._best_module(group)
                waiting.remove(group)

    def _users_among(self, group: Group, groups: list[Group]) -> list[Group]:
        return [each for each in groups if each is not group and each.uses & group.binds]

    def _best_module(self, group: Group) -> str:
        users = {m for m, names in self.users if names & group.binds}
        users |= {g.module for g in self._users_among(group, self.groups) if g.module}
        users = users - {"tests"} or users
        lowest = max((rank(m) for m in self._needed_modules(group)), default=0)
        first = group.statements[0]
        arguments = getattr(getattr(first.node, "args", None), "args", [])
        if users <= {"urls"} and arguments and arguments[0].arg == "request":
            return "views"
        if not users and any(each.decorators or not each.names.binds for each in group.statements):
            return "startup"  # it registers something
        if len(users) == 1:
            return users.pop()
        own = kind_of(self.namespace.get(first.name), SHARED_KINDS) or "utils"
        own = "constants" if own == "utils" and is_constant(first) else own
        highest = min(map(rank, users), default=len(LADDER))
        for module in (own, "services"):
            if lowest <= rank(module) <= highest:
                return module
        return min(users, key=rank) if users else LADDER[lowest]

    def _needed_modules(self, group: Group, seen: frozenset[Any] = frozenset()) -> set[str]:
        """The modules with names that a group uses, also by others that have no place yet."""
        found: set[str] = set()
        for other in {self.owner[each] for each in group.uses if each in self.owner} - seen:
            if other is group:
                continue
            found |= {other.module} if other.module else self._needed_modules(other, seen | {group})
        return found

    @cached_property
    def has_template_middleware(self) -> bool:
        """Whether a middleware changes template responses, which `render` would hide from it."""
        layers = [each for _, scope in walk(self.site) for each in layers_of(scope)]
        found = [
            import_string(e) if isinstance(e, str) else e for e in [*settings.MIDDLEWARE, *layers]
        ]
        names = [e for e in found if not str(getattr(e, "__module__", "")).startswith("djng.")]
        return any(hasattr(each, "process_template_response") for each in names)

    def module_of(self, name: str) -> str | None:
        """The module in which a name of the file is, or None if the file does not define it."""
        return self.owner[name].module if name in self.owner else None

    def group_of(self, statement: Statement) -> Group:
        return next(each for each in self.groups if statement in each.statements)

    def statements_of(self, module: str) -> list[Statement]:
        found = [
            each for group in self.groups if group.module == module for each in group.statements
        ]
        return sorted(found, key=lambda each: each.start)

    @property
    def modules(self) -> list[str]:
        """All modules, in the order of the ladder."""
        return sorted({group.module for group in self.groups if group.module}, key=rank)


def rank(module: str) -> int:
    return LADDER.index(module.split("/")[0])


def settings_roles(site: Any) -> Iterator[tuple[str, str]]:
    """What the settings name of the file, as in `middleware=["blog.Basket"]`, with its module."""
    processors = [n for t in settings.TEMPLATES for n in t["OPTIONS"].get("context_processors", [])]
    routers = [each for _, scope in walk(site) for each in getattr(scope, "middleware_classes", ())]
    named = {
        "middleware": [*settings.MIDDLEWARE, *routers],
        "backends": settings.AUTHENTICATION_BACKENDS,
        "context_processors": processors,
    }
    for module, names in named.items():
        for name in names:
            if isinstance(name, str) and name.startswith(f"{site.label}."):
                yield name.removeprefix(f"{site.label}."), module


def module_of_use(use: Use, label: str) -> str | None:
    if use.attribute == "command":
        return f"management/commands/{use.target}"
    return ROLES.get(use.attribute)


def argument_module(use: Use) -> str:
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
    return next((kinds[each] for each in names if each in kinds), None)


def is_constant(statement: Statement) -> bool:
    node = statement.node
    return isinstance(node, ast.Assign | ast.AnnAssign) and statement.name.isupper()


def is_import(node: ast.stmt) -> bool:
    """Whether the statement only imports, perhaps under a condition."""
    if isinstance(node, ast.If | ast.Try):
        parts = [*node.body, *node.orelse, *getattr(node, "finalbody", [])]
        parts += [each for handler in getattr(node, "handlers", []) for each in handler.body]
        has_import = any(isinstance(each, ast.Import | ast.ImportFrom) for each in parts)
        return has_import and all(
            isinstance(each, ast.Assign | ast.Pass) or is_import(each) for each in parts
        )
    return isinstance(node, ast.Import | ast.ImportFrom)
