"""`Djng`: the site of a file, and its WSGI and ASGI application. It composes the other modules.

The user's file makes one while it is imported. `start` runs before the first command or request.
"""

import atexit
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from logging.config import dictConfig
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, Protocol, TypeVar, overload

import django
from asgiref.sync import sync_to_async
from django.apps import apps as installed
from django.conf import settings
from django.db import DatabaseError
from django.db.models.signals import pre_migrate
from django.urls import get_resolver
from django.utils.module_loading import import_string

from djng import admin, checks, conf, database, templates
from djng.apps import SiteFile, is_pytest
from djng.data_folder import create_data_folder, find_data_folder, secret_key
from djng.environ import DEFAULT_HOSTS, LOOPBACK, Environment
from djng.exceptions import (
    KeywordError,
    SetupError,
    command_line,
    get_django_6,
    missing_run,
    user_frames,
    user_lines,
)
from djng.routing import BaseRouter, Decorator, Route, ViewT, check_hook
from djng.rules import check_arguments

if TYPE_CHECKING:
    from django.db.models import Model
    from django.tasks import Task

    P = ParamSpec("P")
    T = TypeVar("T")

    class TaskDecorator(Protocol):
        def __call__(self, function: Callable[P, T], /) -> Task[P, T]: ...

    # ``app.admin(Post)`` may be the decorator of Post or return one. Type checkers ignore a class
    # decorator whose type they cannot solve, and nothing solves this one.
    Unknown = TypeVar("Unknown")

HANDLERS = {
    "wsgi": "djng.wsgi.WSGIHandler",
    "asgi": "djng.asgi.ASGIHandler",
    "serve": "djng.serving.wsgi.WSGIHandler",
}

# What people from Flask set.
FLASK_ATTRIBUTES = {"debug", "permanent_session_lifetime", "secret_key", "static_folder"}
FLASK_ATTRIBUTES |= {"static_url_path", "template_folder", "testing", "wsgi_app"}


class Djng(BaseRouter):
    """A whole Django site in one file, and its WSGI and ASGI application.

    Takes any Django setting in capitals; a function given for one gets the default and returns the
    value. The other keywords are:

    - `apps` and `middleware`: lists of dotted names to add to Django's defaults
    - `admin`: the path of the admin, or None for no admin
    - `migrate`: whether ``runserver`` may migrate the database when a change only adds to it
    - `https`: whether a proxy serves the site over HTTPS
    - `serve_media`: whether to serve the uploaded files even with DEBUG off
    - `data`: the folder for the database, the secret key and the uploaded files; a relative path
      begins at the file, and the default is the folder of the file
    - `users`: "email" for users who have an e-mail address and no username

    Raises KeywordError for another keyword, SettingError for a misspelled setting or an environment
    variable that does not parse, and SetupError if the file cannot become a site. ::

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
        data: str | os.PathLike[str] | None = None,
        users: Literal["email"] | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__()
        check_alone()
        self.file = SiteFile(self._calling_module())
        self.label, self.path, self.module = self.file.label, self.file.path, self.file.module
        self.templates, self.library = templates.sources, templates.register
        self._lock = RLock()
        self._handlers: dict[str, Any] = {}
        self._build_in_thread = sync_to_async(self._build_handler)  # a `ready` may use the database
        self._ran = False
        given: dict[str, Any] = {"apps": apps, "middleware": middleware, "admin": admin}
        given |= {"https": https, "data": data, "users": users}
        self.overrides = overrides  # the Django settings that the file gives
        self._sets_debug = "DEBUG" in overrides or bool(Environment(os.environ).get("DJANGO_DEBUG"))
        self._configure({**given, **overrides})
        has_admin = admin is not None and installed.is_installed("django.contrib.admin")
        self.admin_path = f"{str(admin).strip('/')}/".lstrip("/") if has_admin else None
        self.migrates, self.serves_media = migrate, serve_media
        self.extra_patterns: list[Any] = []  # `runserver` adds its own
        Djng.current = self
        if self.file.is_script and self.file.is_file and not self.file.is_reloaded:
            atexit.register(self._warn_not_served)
            if self.file.uses_reloader():
                self._execute(sys.argv)  # a child process reads the rest of the file

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FLASK_ATTRIBUTES:
            from djng.dev import flask  # only after a mistake

            hint = f"Write instead: {flask.APP[name]}"
            raise SetupError(f"app.{name} has no effect.", hint=hint)
        super().__setattr__(name, value)

    def _calling_module(self) -> ModuleType:
        frames = (each for each in user_frames() if each.f_locals.get("self") is not self)
        names = next(frames).f_globals
        module = sys.modules.get(names.get("__name__", ""))
        if module and vars(module) is names:  # a profiler runs the file outside of every module
            return module
        hint = "Run the file with Python, or import it."
        raise SetupError("djng cannot find the module that calls Djng().", hint=hint)

    def _configure(self, given: dict[str, Any]) -> None:
        self.file.check_name()
        command = self.file.command()
        given["data"] = self.data = find_data_folder(self.path, os.environ, given["data"])
        values = conf.build(self.path, os.environ, given, self.label, command)
        create_data_folder(self.path, self.data, command)
        values["SECRET_KEY"] = values["SECRET_KEY"] or secret_key(self.path, self.data, command)
        if is_pytest():
            values["DATABASES"] = conf.for_pytest(values["DATABASES"])
        self.file.register_modules(values)
        self.file.load_apps(values["INSTALLED_APPS"])
        if given["users"]:
            from djng.accounts.site_users import define_user  # it needs Django's apps

            define_user(self.module)
        import_module("djng.management.checks")  # it registers them
        pre_migrate.connect(self._start_before_migrate)

    def _add_route(self, route: Route) -> None:
        check_arguments(route.rule, route.view, route.where)  # a router's wait for its prefix
        super()._add_route(route)

    def _use_scopes(self) -> None:
        # In place: the settings module has the same list, and Django may still be reading it.
        names, last = settings.MIDDLEWARE, "djng.middleware.ScopeMiddleware"
        if last not in names:
            names.insert(0, "djng.middleware.ErrorMiddleware")
            names.append(last)

    @overload
    def admin(self, model: "type[Model]", /) -> "Unknown": ...  # type: ignore[type-var]
    @overload
    def admin(self, *models: "type[Model]", **options: Any) -> Decorator: ...
    def admin(self, *models: Any, **options: Any) -> Any:
        """Show models in the admin: the decorated model, or those that it is called with.

        Takes the models, if it does not decorate one, and the options of ModelAdmin as keywords.
        Above a ModelAdmin, it registers that class for the models. Returns what it decorates.
        Raises KeywordError for an option that ModelAdmin does not have, and SetupError for anything
        but a model or a ModelAdmin. ::

            @app.admin(list_display=["title"])
            class Post(models.Model): ...

            app.admin(Comment, list_display=["text"])
        """
        if self.admin_path is None:
            raise SetupError("this site has no admin.", hint=self._admin_hint())
        return admin.register(models, options, next(user_frames()))

    def _admin_hint(self) -> str:
        if "INSTALLED_APPS" in self.overrides:
            return "Write apps=[...] instead of INSTALLED_APPS=[...] in Djng()."
        return "Remove admin=None from Djng()."

    def command(self, function: ViewT) -> ViewT:
        """Make a function a management command with its name.

        Its parameters become the arguments: positional without a default, else ``--options``.
        Returns the function. Raises SetupError if Django has a command of that name. ::

            @app.command
            def greet(name: str, times: int = 1): print(f"Hello {name}! " * times)
        """
        from djng.management import function_commands  # slow to import, and few files have any

        function_commands.register(function, self.label)
        return function

    def context_processor(self, function: ViewT) -> ViewT:
        """Add what a function returns to the context of every template.

        The function takes the request and returns a dict. Returns the function. Raises SetupError
        if it takes anything else. ::

            @app.context_processor
            def navigation(request): return {"sections": Section.objects.all()}
        """
        check_hook(function, "request")
        templates.context_processors.append(function)
        if len(templates.context_processors) == 1:
            for engine in settings.TEMPLATES:
                if engine["BACKEND"].endswith("DjangoTemplates"):
                    options = engine.setdefault("OPTIONS", {})
                    ours = "djng.templates.run_context_processors"
                    options.setdefault("context_processors", []).append(ours)
        return function

    @overload
    def task(self, function: "Callable[P, T]", /) -> "Task[P, T]": ...
    @overload
    def task(self, **options: Any) -> "TaskDecorator": ...
    def task(self, function: Any = None, **options: Any) -> Any:
        """Make a function a task of ``django.tasks``, to ``enqueue()``.

        Takes the options of Django's own decorator and returns the task. By default a task runs at
        once; the setting TASKS names a worker. Raises SetupError before Django 6.0. ::

            @app.task
            def welcome(email): send_mail("Welcome", "...", None, [email])
        """
        if django.VERSION < (6, 0):
            message = f"app.task needs Django 6.0, this is {django.__version__}."
            raise SetupError(message, hint=get_django_6())
        from django.tasks import task  # only Django 6 has it

        return task(function, **options) if function else functools.partial(task, **options)

    def start(self) -> None:
        """Finish the setup once the file has been read: check the routes, make the apps ready.

        Commands, requests, ``django.setup()`` and the first resolved URL call it for you.
        Calling it again is safe. Raises RouteError for a route that cannot work as written. ::

            app.start()
        """
        with self._lock:
            checks.check_routes(self)
            with templates.keep_loader():
                self.file.ready()

    def _start_before_migrate(self, **signal: Any) -> None:
        self.start()  # Django's apps make permissions after a migration, once they are ready

    @property
    def is_read(self) -> bool:
        """Whether the file has been read, at least up to ``app.run()``."""
        return self._ran or not self.file.is_being_read()

    def _warn_not_served(self) -> None:
        """At the end of a script with routes, say that it has served none of them."""
        is_served = self._ran or self.resolved or self.file.passes_app()
        has_ended = hasattr(sys, "last_value") or sys.argv[1:2] not in ([], ["runserver"])
        if self.entries and not (is_served or has_ended):
            sys.stderr.write(f"{missing_run(self.path)}\n")

    def run(self, argv: Sequence[str] | None = None, **keywords: Any) -> None:
        """Run a management command, by default ``runserver``.

        Takes the program's name and its arguments, by default ``sys.argv``. Raises SetupError if
        the file is only imported, or if nothing would read the rest of it, and KeywordError for
        Flask's keywords. ::

            if __name__ == "__main__":
                app.run()
        """
        if keywords or isinstance(argv, str | int):
            raise flask_arguments(keywords)
        frame = next(user_frames())
        is_in_file = frame.f_code.co_name == "<module>"
        if is_in_file and argv is None:
            self.file.check_end(frame.f_lineno)
        if is_in_file and self.file.is_being_read() and not self.file.is_script:
            hint = 'Put it below `if __name__ == "__main__":`.'
            raise SetupError(f"app.run() runs while {self.label} is only imported.", hint=hint)
        self._ran = True
        self.start()
        argv = sys.argv if argv is None else argv
        if self.file.is_script and argv[1:2] in ([], ["runserver"]) and not self._sets_debug:
            settings.DEBUG = True  # `Djng()` could not know that the file would call this
        self._execute(argv)

    def _execute(self, argv: Sequence[str]) -> None:
        from django.core.management import execute_from_command_line  # servers need none of it

        try:
            execute_from_command_line([*argv] if argv[1:] else [*argv, "runserver"])
        except DatabaseError as error:
            if not (hint := database.hint_for(error)):
                raise
            where = next((f"{line}: " for line in user_lines(error.__traceback__)), "")
            sys.exit(f"{where}{type(error).__name__}: {error}\n  {hint}")

    def __call__(self, environ: Any, start: Any = None, send: Any = None) -> Any:
        """Answer as WSGI (environ, start_response) or as ASGI (scope, receive, send).

        Some servers first call an ASGI application with the scope alone, as in ASGI 2. ::

            body = app(environ, start_response)
        """
        if send is None and start is not None:
            return self.wsgi(environ, start)
        return self.asgi(environ, start, send) if send else functools.partial(self.asgi, environ)

    @functools.cached_property
    def wsgi(self) -> Any:
        """The WSGI application, built when it is first used.

        For servers that cannot use the app itself. ::

            application = app.wsgi
        """
        return self._build_handler("serve" if "DJNG_THREADS" in os.environ else "wsgi")

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application, built for the lifespan or the first request.

        For servers that cannot use the app itself. ::

            application = app.asgi
        """
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        handler = self._handlers.get("asgi") or await self._build_in_thread("asgi")
        if scope["type"] == "websocket" and (name := getattr(settings, "ASGI_APPLICATION", None)):
            application = import_string(name)  # that of Channels
            handler = handler if application is self else application
        await handler(scope, receive, send)

    def __rsgi_init__(self, loop: Any) -> None:
        """Say what to do if granian is about to call the site by its own interface, RSGI."""
        name = self.file.import_name
        sys.exit(f"djng has no RSGI. Run: granian --interface wsgi {name}:app, or --interface asgi")

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "lifespan.startup":
            try:
                await self._build_in_thread("asgi")
            except Exception:
                await send({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
                return
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def _build_handler(self, kind: str) -> Any:
        """Build the handler of this kind once. Requests that come meanwhile wait for it."""
        self._prepare_to_serve(is_async=kind == "asgi")
        # Outside the lock, since this starts the site: a `ready` may resolve a URL in a thread.
        get_resolver().url_patterns  # noqa: B018
        with self._lock:
            if kind not in self._handlers:
                self._handlers[kind] = import_string(HANDLERS[kind])()
            return self._handlers[kind]

    def _prepare_to_serve(self, *, is_async: bool) -> None:
        """Change the settings that depend on whether a server runs the site.

        Changing them again is safe.
        """
        if settings.DEBUG and not (self._ran or self._sets_debug):
            # ``python blog.py runserver``, but the file starts a server of its own.
            settings.DEBUG = settings.WHITENOISE_AUTOREFRESH = False
        if settings.ALLOWED_HOSTS == DEFAULT_HOSTS:
            settings.ALLOWED_HOSTS = LOOPBACK
        if "DATABASES" not in self.overrides:
            database.keep_connections(settings.DATABASES["default"], is_async=is_async)


def flask_arguments(keywords: dict[str, Any]) -> KeywordError:
    """The error for what Flask's ``app.run`` takes: a host, a port and ``debug=True``."""
    what = f"has no keyword {next(iter(keywords))!r}" if keywords else "takes no host or port"
    port = command_line("runserver 5000")
    hint = f"DEBUG is on while developing, and {port} takes a port."
    return KeywordError(f"app.run() {what}.", hint=hint)


def check_alone() -> None:
    """Raise SetupError if this process has a site already."""
    hint = "A process has one site: run this file by itself."
    if first := Djng.current:
        if not first.file.is_file:
            hint = "A process has one site: restart the notebook's kernel to run this cell again."
        raise SetupError(f"a second Djng(); the first one is at {first.where}.", hint=hint)
    if settings.configured:
        by = settings.SETTINGS_MODULE or "settings.configure()"
        raise SetupError(f"Django is configured already, by {by}.", hint=hint)


def configure_logging(config: dict[str, Any]) -> None:
    """LOGGING_CONFIG: ``django.setup()`` calls this function, then expects that apps are ready."""
    dictConfig(config)
    if Djng.current and not Djng.current.file.is_being_read():
        Djng.current.start()
