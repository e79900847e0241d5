"""djng's system checks, each with an id. They run before commands, as Django's own do."""

from inspect import isclass
from itertools import chain
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db.models import Field
from django.http import HttpResponse
from django.urls import path, resolve

from djng.environ import DEFAULT_HOSTS, LOOPBACK
from djng.error_views import urlconf_site
from djng.exceptions import is_library_file
from djng.routing import BaseRouter, Include, Route, Router, walk


@checks.register(checks.Tags.models)
def malformed_fields(**options: Any) -> list[checks.CheckMessage]:
    """djng.E002, djng.W007: a tuple or a class in place of a field, so there is no such column.

    A class may be meant. Models of packages are as their authors want them.
    """
    own = [each for each in apps.get_app_configs() if not is_library_file(f"{each.path}/")]
    found: list[checks.CheckMessage] = []
    for model in chain.from_iterable(config.get_models() for config in own):
        for name, value in vars(model).items():
            where = f"{model._meta.label}.{name}"
            if isinstance(value, tuple) and any(isinstance(each, Field) for each in value):
                hint = "Remove the comma at the end of the line."
                found.append(checks.Error("This is not a field.", hint, where, "djng.E002"))
            elif isclass(value) and issubclass(value, Field):
                hint = "Write parentheses after it if it is meant to be one."
                found.append(checks.Warning("This is not a field.", hint, where, "djng.W007"))
    return found


@checks.register(checks.Tags.urls)
def unreached_routes(**options: Any) -> list[checks.CheckMessage]:
    """djng.W001: routes whose URL an earlier route matches first."""
    found: list[checks.CheckMessage] = []
    site = urlconf_site()  # None with another ROOT_URLCONF
    for rule, route in walk(site) if site else ():
        if "<" in rule or not isinstance(route, Route):
            continue
        matched = getattr(resolve(f"/{rule}").func, "_djng_routes", [])
        if route not in matched:
            which = f"The route at {matched[0].where}" if matched else "An earlier route"
            hint = f"{which} matches this URL first. Move this one above it."
            message = f'{route.where}: "/{rule}" is never reached.'
            found.append(checks.Warning(message, hint=hint, id="djng.W001"))
    return found


@checks.register(checks.Tags.urls)
def unused_routers(**options: Any) -> list[checks.CheckMessage]:
    """djng.W002: routers with routes that are not included."""
    urlconf_site()  # it includes those that are
    unused = [router for router in Router.all if router.entries and not router.resolved]
    hint = 'Write app.include("/...", router).'
    message = "{}: this Router is not included anywhere.".format
    return [checks.Warning(message(each.where), hint=hint, id="djng.W002") for each in unused]


@checks.register(checks.Tags.urls)
def undecorated_routes(**options: Any) -> list[checks.CheckMessage]:
    """djng.W006: ``app.get("/")`` without the @ that makes it a decorator."""
    site = urlconf_site()
    calls = {call for router in (site, *Router.all) if router for call in router.undecorated}
    message, hint = '{}: the route "{}" has no view.', "Write an @ in front of the line."
    return [
        checks.Warning(message.format(*call), hint=hint, id="djng.W006") for call in sorted(calls)
    ]


@checks.register(checks.Tags.urls)
def shared_names(**options: Any) -> list[checks.CheckMessage]:
    """djng.W004: two views whose URLs have one name and the same arguments."""
    site = urlconf_site()
    routers = [scope for _, scope in walk(site) if isinstance(scope, BaseRouter)] if site else []
    found: list[checks.CheckMessage] = []
    for router in routers:
        named: dict[Any, Route] = {}
        entries = [each for each in router.entries if not isinstance(each, Include)]
        for route in chain.from_iterable(entries):
            arguments = path(route.rule, HttpResponse).pattern.converters
            other = named.setdefault((route.name, *sorted(arguments)), route)
            if other.rule != route.rule and other.view is not route.view:
                message = f"{route.where}: {route} and {other} both have the name {route.name}."
                hint = (
                    f'redirect("{route.name}") finds only the last. Give one of them another name=.'
                )
                found.append(checks.Warning(message, hint=hint, id="djng.W004"))
    return found


@checks.register(checks.Tags.security, deploy=True)
def missing_hosts(**options: Any) -> list[checks.CheckMessage]:
    """djng.W005: nothing says which hosts the site answers to."""
    if settings.ALLOWED_HOSTS not in (DEFAULT_HOSTS, LOOPBACK):
        return []
    hint = "Set DJANGO_ALLOWED_HOSTS=example.com, with the names of the site, separated by commas."
    return [checks.Warning("The site answers only to localhost.", hint=hint, id="djng.W005")]


@checks.register(checks.Tags.security, deploy=True)
def missing_mail_server(**options: Any) -> list[checks.CheckMessage]:
    """djng.W003: nothing says where mails go, so Django gives them to this machine."""
    names = ["EMAIL_BACKEND", "EMAIL_HOST"]
    how = 'EMAIL_HOST="smtp.example.com"'
    if django.VERSION >= (6, 1):
        names.append("MAILERS")
        how = 'MAILERS={"default": {"OPTIONS": {"host": "smtp.example.com"}}}'
    if any(map(settings.is_overridden, names)):
        return []
    silence = 'SILENCED_SYSTEM_CHECKS=lambda default: [*default, "djng.W003"]'
    hint = f"Write Djng({how}); or, if the site sends no mail, Djng({silence})."
    message = "No mail server is configured: mails go to localhost:25."
    return [checks.Warning(message, hint=hint, id="djng.W003")]
