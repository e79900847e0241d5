"""Runs ``runserver``: Django's, with what a developer wants to have done and to see."""

import errno
import os
import socket
import sys
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from whitenoise.runserver_nostatic.management.commands import runserver

import djng
from djng import automigrate, reloader
from djng.app import Djng
from djng.errors import command, short
from djng.settings import Environment
from djng.wsgi import WSGIHandler

EVERYWHERE = ("0", "0.0.0.0", "::")  # noqa: S104  # only where the user asks for it


class Command(runserver.Command):  # type: ignore[misc]  # WhiteNoise ships no types
    site: Any
    signin: Any
    server_cls = reloader.Server

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        what = "Leave the database and the migrations as they are."
        parser.add_argument("--no-migrate", action="store_false", dest="migrate", help=what)

    @property
    def default_port(self) -> str:
        return Environment(os.environ).port()

    def run(self, **options: Any) -> None:
        """Serve, in a process of its own where that is to end with each change of a file."""
        if not reloader.is_child():
            listener = self.listen(bool(options["addrport"] or os.environ.get("PORT")))
            if options["use_reloader"]:
                reloader.supervise(listener, settings.DEBUG)
            reloader.Kept.listener = listener
        self.prepare(options)
        if options["use_reloader"]:
            reloader.watch(self.inner_run, **options)
        else:
            self.inner_run(None, **options)

    def listen(self, is_fixed: bool) -> socket.socket:
        """Listen on the port, or if it is taken and nobody asked for it, on the next free one."""
        family = socket.AF_INET6 if self.use_ipv6 else socket.AF_INET
        first = int(self.port)
        if first > 65535:
            raise CommandError(f"{first} is not a port: those go up to 65535.")
        for port in range(first, first + 1 if is_fixed else first + 100):
            try:
                listener = socket.create_server((self.addr, port), family=family)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise CommandError(f"{self.addr}:{port}: {error}.") from None
                continue
            if port > first:
                self.say(f"Port {first} is taken, so this is on {port}.")
            return listener
        hint = command(f"runserver {first + 1}")
        raise CommandError(f"Port {first} is taken. Try another one: {hint}")

    def prepare(self, options: dict[str, Any]) -> None:
        """Change of the site what is only for development, before its first URL is resolved."""
        self.site = Djng.current
        self.migrates = settings.DEBUG and options["migrate"] and self.site.migrates
        self.signin = None
        self.site.keep_secret()
        if settings.DEBUG and self.site.admin_path is not None:
            from djng import signin  # its models need apps that not every site has

            self.signin = signin
            self.site.first_patterns.append(signin.pattern(self.site.admin_path))
        if settings.DEBUG and (host := self.phone()):
            settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, host]

    def inner_run(self, *args: Any, **options: Any) -> None:
        try:
            if not options["skip_checks"]:
                self.check()
            super().inner_run(*args, **{**options, "skip_checks": True})
        except Exception as error:
            if not options["use_reloader"]:
                raise
            reloader.show(error, settings.DEBUG)

    def get_handler(self, *args: Any, **options: Any) -> Any:
        return super().get_handler(*args, **options) if settings.WSGI_APPLICATION else WSGIHandler()

    def check_migrations(self) -> None:
        if self.migrates:
            automigrate.catch_up(self.site.label, self.say, self.warn)
        elif waiting := automigrate.waiting():
            self.warn(f"{waiting} migrations are not applied: {command('migrate')}")

    def on_bind(self, server_port: int) -> None:
        """Say where everything is."""
        host = "127.0.0.1" if self.addr in EVERYWHERE else self.addr
        base = f"{self.protocol}://{f'[{host}]' if ':' in host else host}:{server_port}/"
        if reloader.is_again():
            self.say(f"Reloaded {base}")
            return
        rows = {"site": base}
        if self.site.admin_path is not None:
            rows["admin"] = f"{base}{self.site.admin_path}"
        if self.signin and (link := self.signin.link()):
            rows["sign in"] = f"{base}{link[1:]}"
            rows[""] = f"once, within {self.signin.MINUTES} minutes"
        if self.addr in EVERYWHERE and (phone := self.phone()):
            rows["phone"] = f"{self.protocol}://{phone}:{server_port}/"
        rows["database"] = database()
        stop = "CTRL-BREAK" if sys.platform == "win32" else "CONTROL-C"
        debug = "" if settings.DEBUG else " DEBUG is off."
        lines = [f"  {name:<9} {value}" for name, value in rows.items()]
        lines += [f"  djng {djng.__version__}, Django {django.get_version()}.{debug} Stop: {stop}."]
        self.say("\n".join(lines))

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def warn(self, text: str) -> None:
        self.say(self.style.WARNING(text))

    def phone(self) -> str | None:
        """The address by which others in the network reach this machine, if it listens to them."""
        if self.addr not in EVERYWHERE:
            return None if self.addr == self.default_addr else self.addr
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # it is sent nothing: this only chooses a way out
            return str(probe.getsockname()[0])
        return None


def database() -> str:
    """The file of the database, or its server and its name."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return short(str(values["NAME"]))
    return f"{values['NAME']} ({connection.display_name}) at {values['HOST'] or 'localhost'}"
