"""The class that a user's file makes one of. It runs in three parts, and only composes the others.

Everything up to `command` runs while that file is imported, up to `run` before the first command or
request, the rest once per request.
"""

import atexit
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from threading import RLock
from types import ModuleType
from typing import Any, ClassVar

import django
from asgiref.sync import sync_to_async
from django.apps import apps as installed
from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.db.models.signals import pre_migrate
from django.urls import get_resolver, path
from django.utils.module_loading import import_string

from djng import admin, database, media, mounts, routers, scopes, templates, urls, views
from djng import settings as site_settings
from djng.apps import FileApp
from djng.errors import KeywordError, SetupError, caller, command, not_run, user_frames
from djng.routers import Part, check_hook
from djng.urls import Decorated
from djng.wsgi import WSGIHandler

SCOPES = ("djng.scopes.Errors", "djng.scopes.Scoped")


class Djng(Part):
    """A whole Django site in the file that makes one of these, and its WSGI and ASGI application.

    Takes apps and middleware to add to Django's defaults; where to mount the admin (None for
    nowhere); whether ``runserver`` may migrate by itself where that only adds; whether a proxy
    serves it by HTTPS; whether uploaded files are served without DEBUG too; and any of Django's
    settings in capitals, set as they are or, where a function is given, to what that makes of the
    default. Raises KeywordError for another keyword, SettingError for a misspelt setting or an
    environment variable that does not parse, and SetupError where the file cannot become a site. ::

        app = Djng(apps=["taggit"], LANGUAGE_CODE="de")
    """

    current: ClassVar["Djng | None"] = None

    def __init__(
        self,
        *,
        apps: Iterable[str] = (),
        middleware: Iterable[str] = (),
        admin: str | None = "admin/",
        migrate: bool = True,
        https: bool = False,
        serve_media: bool = False,
        **overrides: Any,
    ) -> None:
        super().__init__()
        self.where = caller()
        hint = "A process has one site: run this file by itself."
        if first := Djng.current:
            raise SetupError(f"a second Djng(); the first one is at {first.where}.", hint=hint)
        if settings.configured:
            by = settings.SETTINGS_MODULE or "settings.configure()"
            raise SetupError(f"Django is configured already, by {by}.", hint=hint)
        self.templates = templates.sources
        self.library = templates.register
        self._file = FileApp(self._module())
        self.label = self._file.label
        self._lock = RLock()
        self._commands: list[Callable[..., Any]] = []
        self._handlers: dict[type, Any] = {}
        self._asgi_handler: Any = None
        ours = {"apps": apps, "middleware": middleware, "admin": admin, "https": https}
        self._configure({**ours, **overrides})
        has_admin = admin is not None and installed.is_installed("django.contrib.admin")
        self.admin_path = f"{str(admin).strip('/')}/".lstrip("/") if has_admin else None
        self.migrates = migrate
        self._serves_media = serve_media
        self.first_patterns: list[Any] = []  # what `runserver` puts in
        self._ran = False
        Djng.current = self
        if self._file.command() == "runserver" and "djng.reloader" not in sys.modules:
            atexit.register(self._check_served)
            if self._file.is_reloaded():
                self._execute(sys.argv)  # the rest of the file is for the process that this starts

    def _module(self) -> ModuleType:
        frames = (each for each in user_frames() if each.f_locals.get("self") is not self)
        if module := sys.modules.get(next(frames).f_globals.get("__name__", "")):
            return module
        hint = "Run the file, or import it by its name."
        raise SetupError("this is executed by something that is no import.", hint=hint)

    def _configure(self, given: dict[str, Any]) -> None:
        file, environ = self._file, os.environ
        file.check()
        self._keeps_secret = not ("SECRET_KEY" in given or environ.get("DJANGO_SECRET_KEY"))
        self._has_databases = "DATABASES" in given
        self._keeps_debug = "DEBUG" in given or environ.get("DJANGO_DEBUG")
        values = site_settings.build(file.path, environ, given, file.label, file.command())
        if "PYTEST_VERSION" in environ and "pytest" in sys.modules:  # and no server of a test's
            values["DATABASES"] = site_settings.for_pytest(values["DATABASES"])
        if environ.get("DJANGO_SETTINGS_MODULE") == "djng.unconfigured":
            del environ["DJANGO_SETTINGS_MODULE"]
        settings.configure(**values)
        file.populate(values["INSTALLED_APPS"])
        pre_migrate.connect(self.start)
        checks.register(lambda **options: self._check_routes(), checks.Tags.urls)

    def _use_scopes(self) -> None:
        """Put what runs the middleware and error views of a part into MIDDLEWARE."""
        if SCOPES[0] not in settings.MIDDLEWARE:
            settings.MIDDLEWARE = [SCOPES[0], *settings.MIDDLEWARE, SCOPES[1]]

    def admin(self, *models: Any, **options: Any) -> Any:
        """Show a model in the admin, or models with the ModelAdmin that is decorated.

        Takes the options of ModelAdmin as keywords, or the models. Returns what it decorates. ::

            @app.admin(list_display=["title"])
            class Post(models.Model): ...
        """
        if self.admin_path is None:
            raise SetupError("this site has no admin.", hint="Remove admin=None from Djng().")
        return admin.register(models, options, next(user_frames()))

    def command(self, function: Decorated) -> Decorated:
        """Make a function a management command of its name.

        Its parameters become the arguments: positional without a default, else ``--options``.
        Returns the function. ::

            @app.command
            def greet(name: str, times: int = 1): print(f"Hello {name}! " * times)
        """
        self._commands.append(function)
        if self._file.module.__name__ == self.label:  # else it is a script, and about to start
            self._register_commands()
        return function

    def _register_commands(self) -> None:
        while self._commands:
            from djng import commands  # they take long to import, and few files have any

            commands.register(self._commands[0], self.label)
            del self._commands[0]

    def context_processor(self, function: Decorated) -> Decorated:
        """Add what a function returns to the context of every template.

        It takes the request and returns a dict. Returns the function. ::

            @app.context_processor
            def navigation(request): return {"sections": Section.objects.all()}
        """
        check_hook(function, "request")
        templates.processors.append(function)
        if len(templates.processors) == 1:
            for engine in settings.TEMPLATES:
                if engine["BACKEND"].endswith("DjangoTemplates"):
                    options = engine.setdefault("OPTIONS", {})
                    names = options.get("context_processors", ())
                    options["context_processors"] = [*names, "djng.templates.processed"]
        return function

    def task(self, function: Any = None, **options: Any) -> Any:
        """Make a function a task of ``django.tasks``, to ``enqueue()``; by default it runs at once.

        Takes the options of Django's own decorator. The setting TASKS chooses what runs it. Returns
        the task. Raises SetupError before Django 6.0. ::

            @app.task
            def welcome(email): send_mail("Welcome", "...", None, [email])
        """
        if django.VERSION < (6, 0):
            hint = 'pip install "django>=6.0"'
            message = f"app.task needs Django 6.0, this is {django.__version__}."
            raise SetupError(message, hint=hint)
        from django.tasks import task  # only Django 6 has it

        if function is None:
            return functools.partial(self.task, **options)
        self._file.adopt(function)
        return task(function, **options)

    def start(self, **signal: Any) -> None:
        """Make the site whole, once its file has been read; do nothing where it is.

        Called by what comes first: a command, a migration, a request or a URL to resolve. Raises
        RouteError.
        """
        with self._lock:
            urls.check_order(self)
            admin.check_decorated()
            self._file.rename()
            self._file.ready()
            self._register_commands()

    def urlconf(self) -> dict[str, Any]:
        """What is looked up in a URLconf: the admin, the routes, the uploaded files, the errors."""
        self.start()
        self._check_middleware()
        patterns = [*self.first_patterns]
        if self.admin_path is not None:
            from django.contrib.admin import site

            patterns.append(path(self.admin_path, site.urls))
        patterns += mounts.Builder(views.as_view, (self,)).patterns(self)
        prefix = settings.MEDIA_URL
        if (settings.DEBUG or self._serves_media) and settings.MEDIA_ROOT and "//" not in prefix:
            patterns.append(path(f"{prefix.lstrip('/')}<path:path>", media.serve))
        handlers = {
            f"handler{code}": scopes.handler(code, v) for code, v in views.ERROR_VIEWS.items()
        }
        return {"urlpatterns": patterns, "scopes": (self,), **handlers}

    def _check_middleware(self) -> None:
        """Raise SetupError for a wrong name: in Django's traceback no line is the user's."""
        named = [(each, self.where) for each in settings.MIDDLEWARE]
        named += [(each, part.where) for part in urls.nested(self) for each in part.layers()]
        named += [(each, route.where) for _, route in urls.walk(self) for each in route.layers()]
        for name, where in named:
            try:
                import_string(name) if isinstance(name, str) else None
            except ImportError as error:
                raise SetupError(f"the middleware {name!r}: {error}.", where=where) from error

    def _check_routes(self) -> list[checks.CheckMessage]:
        return [*urls.unreached(self), *routers.unmounted()]

    def keep_secret(self) -> None:
        """Keep the secret key in a file beside the user's, unless it was given."""
        if self._keeps_secret:
            settings.SECRET_KEY = site_settings.keep_secret(self._file.path, settings.SECRET_KEY)

    def _check_served(self) -> None:
        """Say at the end of a script with routes that it has served none of them."""
        if self._entries and not (self._ran or self._resolved or hasattr(sys, "last_value")):
            sys.stderr.write(f"{not_run(self._file.path)}\n")

    def run(self, argv: Sequence[str] | None = None, **keywords: Any) -> None:
        """Run a management command, ``runserver`` where none is given.

        Takes the program's name and its arguments, by default ``sys.argv``. Raises SetupError in a
        file that is only imported, and KeywordError for Flask's keywords. ::

            if __name__ == "__main__":
                app.run()
        """
        for keyword in keywords:
            hint = f"DEBUG is on while developing, and {command('runserver 5000')} takes a port."
            raise KeywordError(f"app.run() has no keyword {keyword!r}.", hint=hint)
        frame = next(user_frames())
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and name != "__main__":
            hint = 'Put it below `if __name__ == "__main__":`.'
            raise SetupError(f"app.run() runs while {name} is only imported.", hint=hint)
        self._ran = True
        self.start()
        self._execute(sys.argv if argv is None else argv)

    def _execute(self, argv: Sequence[str]) -> None:
        from django.core.management import execute_from_command_line  # as in `start`

        try:
            execute_from_command_line([*argv] if argv[1:] else [*argv, "runserver"])
        except DatabaseError as error:
            from djng import debug, hints  # as in `start`

            if not hints.hint_of(error):
                raise
            sys.exit(str(debug.explain(error)))

    def __call__(self, environ: Any, start: Any = None, send: Any = None) -> Any:
        """Answer as WSGI (environ, start_response) or as ASGI (scope, receive, send).

        Some servers take an object for ASGI of the older kind, and first call it with the scope.
        """
        if send is None and start is not None:
            return self.wsgi(environ, start)
        return self.asgi(environ, start, send) if send else functools.partial(self.asgi, environ)

    @functools.cached_property
    def wsgi(self) -> Any:
        """The WSGI application, built on first use."""
        return self._handler(WSGIHandler)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application, built on first use or when the lifespan begins."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        handler = self._asgi_handler or await self._start_asgi()
        await handler(scope, receive, send)

    async def _start_asgi(self) -> Any:
        from djng.asgi import ASGIHandler  # WSGI has no use for it

        # In a thread, for the `ready` of an app may ask the database.
        self._asgi_handler = await sync_to_async(self._handler)(ASGIHandler)
        return self._asgi_handler

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "lifespan.startup":
            try:
                await self._start_asgi()
            except Exception:
                await send({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
                return
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def _handler(self, kind: type) -> Any:
        """The handler of that kind: the first request builds it, those that come meanwhile wait."""
        get_resolver().url_patterns  # noqa: B018  # not under the lock: it starts the site
        with self._lock:
            if kind not in self._handlers:
                self.keep_secret()
                if settings.DEBUG and not self._keeps_debug:  # the file starts a server itself
                    settings.DEBUG = settings.WHITENOISE_AUTOREFRESH = False
                if settings.ALLOWED_HOSTS == site_settings.UNSERVED:
                    settings.ALLOWED_HOSTS = site_settings.LOOPBACK
                if not self._has_databases:
                    in_threads = kind is WSGIHandler
                    database.keep_connections(settings.DATABASES["default"], in_threads=in_threads)
                self._handlers[kind] = kind()
            return self._handlers[kind]
