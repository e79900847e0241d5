"""Settings that run Django's own tests with djng's async middleware. test_asgi.py uses them.

Django's tests call middleware without an event loop. Here each call goes through one, so that the
tests reach the async code.
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
from djng.serving.middleware import MIXINS, async_name

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
    """Makes a sync call of a middleware an async one."""

    def __call__(self, request):
        if iscoroutinefunction(self.get_response) or is_in_loop():
            return super().__call__(request)
        middleware = copy.copy(self)
        middleware.get_response = sync_to_async(self.get_response)
        return async_to_sync(middleware.__acall__)(request)


class ThroughLoopWithView(ThroughLoop):
    def process_view(self, request, *args):
        return async_to_sync(self.process_view_async)(request, *args)


def through_loop(middleware):
    has_view_hook = hasattr(middleware, "process_view_async")
    mixin = ThroughLoopWithView if has_view_hook else ThroughLoop
    return type(middleware.__name__, (mixin, middleware), {})


class Runner(DiscoverRunner):
    def setup_test_environment(self, **options):
        super().setup_test_environment(**options)
        for name in [name for name in MIXINS if name.startswith("django.")]:
            module, _, class_name = name.rpartition(".")
            replacement = through_loop(import_string(async_name(name)))
            setattr(import_module(module), class_name, replacement)
            del MIXINS[name]  # Django's own name now stands for the replacement
        for module in (django.core.asgi, django.core.handlers.asgi):
            module.ASGIHandler = asgi.ASGIHandler
