"""The one class that a user's file makes: it composes the parts, and decides little itself.

Everything up to `run` runs while that file is imported, `finish` before the first command or
request, a call once per request.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, ClassVar, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.conf.urls.static import static
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import URLPattern, URLResolver, get_resolver, path

from djng import admin, templates, urls, views
from djng import settings as site_settings
from djng.apps import FileApp
from djng.errors import KeywordError, Location, SetupError, caller, nearest, user_frames

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Handler = TypeVar("Handler", WSGIHandler, ASGIHandler)

ERROR_CODES = (400, 403, 404, 500)


class Djng(urls.Routes):
    """A whole Django site in the file that makes one of these.

    Takes apps and middleware to add to Django's defaults, where to mount the admin (None for
    nowhere), and any of Django's settings in capitals, which are set as they are. Raises
    KeywordError for any other keyword, SettingError for a misspelt one or for an environment
    variable that does not parse, and SetupError where the file cannot become a site. ::

        app = Djng(apps=["taggit"], LANGUAGE_CODE="de")

    The object itself is the WSGI and the ASGI application.
    """

    current: ClassVar[Djng | None] = None

    def __init__(
        self,
        *,
        apps: Sequence[str] = (),
        middleware: Sequence[str] = (),
        admin: str | None = "admin/",
        **overrides: Any,
    ) -> None:
        super().__init__()
        self.where = caller()
        self._refuse_second()
        check_keywords(overrides)
        self.templates = templates.sources
        self.library = templates.register
        self._admin = admin and admin.strip("/") + "/"
        self._file = FileApp(calling_module())
        self._file.check(self.where)
        self._lock = RLock()
        self._finished: Location | None = None
        self._handlers: dict[type, Any] = {}
        self._commands: list[Callable[..., Any]] = []
        self._error_views: dict[int, views.View] = {}
        self._configure(overrides, apps=apps, middleware=middleware, admin=bool(admin))
        Djng.current = self

    def _refuse_second(self) -> None:
        if Djng.current:
            message = f"a second Djng(); the first one is at {Djng.current.where}."
            raise SetupError(message, hint="A process has one site: use the first.")
        if settings.configured:
            message = f"Django is configured already, by {settings.SETTINGS_MODULE or 'configure()'}."
            raise SetupError(message, hint="A process has one site: start this file by itself.")

    def _configure(self, overrides: dict[str, Any], **additions: Any) -> None:
        """Give Django its settings, then its apps."""
        file, label = self._file.file, self._file.label
        self._keeps_secret = not {"SECRET_KEY", "DJANGO_SECRET_KEY"} & {*overrides, *os.environ}
        command = self._file.command()
        values = site_settings.build(
            file, os.environ, overrides, label=label, command=command, **additions
        )
        if os.environ.get("DJANGO_SETTINGS_MODULE") == "djng.unconfigured":
            del os.environ["DJANGO_SETTINGS_MODULE"]
        settings.configure(**values)
        self._file.populate(values["INSTALLED_APPS"], self.where)

    # While the file is read

    def _add(self, entry: urls.Route | urls.Include) -> None:
        self._refuse_late()
        super()._add(entry)

    def _refuse_late(self) -> None:
        if self._finished:
            message = f"this comes too late: the site started at {self._finished}."
            hint = "Do not resolve URLs or call commands while the file is read: use reverse_lazy()."
            raise SetupError(message, hint=hint)

    def admin(self, *models: Any, **options: Any) -> Any:
        """Show a model in the admin.

        On a model: with or without parentheses, and any option of ModelAdmin as a keyword. On a
        ModelAdmin: takes the models it is for. Returns what it decorates. Raises KeywordError for an
        option that ModelAdmin does not have. ::

            @app.admin(list_display=["title"])
            class Post(models.Model): ...
        """
        if not self._admin:
            raise SetupError("this site has no admin.", hint="Remove admin=None from Djng().")
        return admin.register(models, options, next(iter(user_frames())))

    def error(
        self, code: int, *, template: str | None = None
    ) -> Callable[[Decorated], Decorated]:
        """Answer an error with the decorated view, where DEBUG is off.

        Takes the status (400, 403, 404 or 500) and the template for a returned dict. The view takes
        the request and the exception and returns what any view may; the status stays the code. ::

            @app.error(404)
            def not_found(request, exception): return "There is nothing here."
        """
        self._refuse_late()
        if code not in ERROR_CODES:
            hint = "Django hands on 400, 403, 404 and 500."
            raise SetupError(f"no handler is ever called for {code!r}.", hint=hint)

        def decorate(view: Decorated) -> Decorated:
            self._error_views[code] = views.as_error_view(view, code, template)
            return view

        return decorate

    def command(self, function: Decorated) -> Decorated:
        """Make a function a management command of its name.

        Its parameters become the arguments: positional without a default, else ``--options``.
        Returns the function. Raises SetupError where the name is one of Django's commands. ::

            @app.command
            def greet(name: str, times: int = 1): print(f"Hello {name}! " * times)
        """
        from djng import commands  # half of Django's start-up time, which a server does without

        self._refuse_late()
        commands.check(function)
        self._commands.append(function)
        return function

    # Before the first command or request

    def finish(self) -> None:
        """Make the site whole, once the file has been read; later calls do nothing.

        Called by whatever comes first: a command, a request, a URL that is resolved. Raises
        RouteError where a decorator stands above its route. ::

            Djng.current.finish()
        """
        with self._lock:
            if not self._finished:
                urls.check_order(self._entries)
                self._finished = caller()
            self._file.finish()
            if self._commands:
                from djng import commands

                commands.register(self._commands, self._file.label)

    def urlpatterns(self) -> list[URLPattern | URLResolver]:
        """All URLs of the site: the admin's, the file's and, while developing, the media files'. ::

        urlpatterns = app.urlpatterns()
        """
        mounted = [path(self._admin, admin.urls())] if self._admin else []
        media = static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
        return [*mounted, *urls.patterns(self._entries, views.as_view), *media]

    def error_handlers(self) -> dict[str, views.View]:
        """The views of `error` under the names that Django looks up in a URLconf. ::

        globals().update(app.error_handlers())
        """
        return {f"handler{code}": view for code, view in self._error_views.items()}

    def keep_secret(self) -> None:
        """Keep the secret key in a file beside the user's, unless it was given; a server calls this.

        Raises SetupError where the file cannot be written and DEBUG is off. ::

            Djng.current.keep_secret()
        """
        if not self._keeps_secret:
            return
        try:
            settings.SECRET_KEY = site_settings.keep_secret(settings.SECRET_KEY, self._file.file)
        except OSError as error:
            if not settings.DEBUG:
                hint = "Set DJANGO_SECRET_KEY, or let the server write there once."
                message = f"the secret key cannot be kept: {error}."
                raise SetupError(message, hint=hint, where=self.where) from error

    def run(self, argv: Sequence[str] | None = None) -> None:
        """Run a management command, ``runserver`` where none is given.

        Takes the program's name and its arguments, by default ``sys.argv``. ::

            if __name__ == "__main__":
                app.run()
        """
        from django.core.management import execute_from_command_line  # see `command`

        refuse_unguarded()
        arguments = list(sys.argv if argv is None else argv)
        self.finish()
        execute_from_command_line(arguments if arguments[1:] else [*arguments, "runserver"])

    # Once per request

    def __call__(self, *args: Any) -> Any:
        """Answer as WSGI (environ, start_response) or as ASGI (scope, receive, send).

        Some servers take an object for ASGI of the older kind, and first call it with the scope.
        """
        if len(args) == 2:
            return self.wsgi(*args)
        if len(args) == 3:
            return self.asgi(*args)
        return functools.partial(self.asgi, *args)

    @functools.cached_property
    def wsgi(self) -> WSGIHandler:
        """Django's WSGI handler of this site, built on first use."""
        return self._handler(WSGIHandler)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer an ASGI scope, `lifespan` included."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            handler = self._handlers.get(ASGIHandler) or await self._asgi_handler()
            await handler(scope, receive, send)

    async def _asgi_handler(self) -> ASGIHandler:
        # An app's `ready` may ask the database, which the thread of the event loop may not.
        return await sync_to_async(self._handler)(ASGIHandler)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "lifespan.startup":
            try:
                await self._asgi_handler()
            except Exception:
                message = traceback.format_exc()
                await send({"type": "lifespan.startup.failed", "message": message})
                return
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def _handler(self, kind: type[Handler]) -> Handler:
        """The handler of that kind: the first request builds it, others that come meanwhile wait."""
        with self._lock:
            if kind not in self._handlers:
                self.finish()
                self.keep_secret()
                get_resolver().url_patterns  # noqa: B018  reading it imports every URLconf
                self._handlers[kind] = kind()
            return self._handlers[kind]


def check_keywords(overrides: dict[str, Any]) -> None:
    for name in overrides:
        if not name.isupper():
            like = nearest(name, ["apps", "middleware", "admin"])
            capitals = f"Settings are written in capitals: {name.upper()}=..."
            hint = f"Did you mean {like}?" if like else capitals
            raise KeywordError(f"Djng() has no keyword {name!r}.", hint=hint)


def calling_module() -> Any:
    """The module of the line that makes the site."""
    for frame in user_frames():
        if module := sys.modules.get(frame.f_globals.get("__name__", "")):
            return module
    raise SetupError("Djng() has to be made in a module.", hint="Put it into a file.")


def refuse_unguarded() -> None:
    """Raise SetupError where a file that is only imported runs a command."""
    frame = next(iter(user_frames()))
    name = frame.f_globals.get("__name__")
    if frame.f_code.co_name == "<module>" and name != "__main__":
        hint = 'Put it below `if __name__ == "__main__":`.'
        raise SetupError(f"app.run() runs while {name} is only imported.", hint=hint)
