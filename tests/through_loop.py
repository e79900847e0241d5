"""Settings for Django's own tests, which puts djng's async middleware in the place of Django's.

Those tests are sync: each call of a middleware goes through the event loop here. test_asgi runs it.
"""

import asyncio
import contextlib
import copy
from importlib import import_module

import django.core.asgi
import django.core.handlers.asgi
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.test.runner import DiscoverRunner
from django.utils.module_loading import import_string

from djng import asgi

DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "through_loop.Runner"


def is_in_loop():
    with contextlib.suppress(RuntimeError):
        return bool(asyncio.get_running_loop())
    return False


class ThroughLoop:
    """A middleware whose sync call is an async one."""

    def __call__(self, request):
        if iscoroutinefunction(self.get_response) or is_in_loop():
            return super().__call__(request)
        twin = copy.copy(self)
        twin.get_response = sync_to_async(self.get_response)
        return async_to_sync(twin.__acall__)(request)


class ThroughLoopWithView(ThroughLoop):
    def process_view(self, request, *args):
        return async_to_sync(self.process_view_in_loop)(request, *args)


def through_loop(kind):
    mixin = ThroughLoopWithView if hasattr(kind, "process_view_in_loop") else ThroughLoop
    return type(kind.__name__, (mixin, kind), {})


class Runner(DiscoverRunner):
    def setup_test_environment(self, **options):
        super().setup_test_environment(**options)
        for name in [name for name in asgi.MIXINS if name.startswith("django.")]:
            module, _, kind = name.rpartition(".")
            made = through_loop(import_string(asgi.in_loop(name)))
            setattr(import_module(module), kind, made)
            del asgi.MIXINS[name]  # it is there already
        for module in (django.core.asgi, django.core.handlers.asgi):
            module.ASGIHandler = asgi.ASGIHandler
