"""Serve the site while developing. Runs as ``python blog.py``, or with ``runserver``."""

import errno
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import Any, cast

import django
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.signals import request_finished
from django.db import connection
from whitenoise.runserver_nostatic.management.commands import runserver

import djng
from djng.app import Djng
from djng.dev import automigrate, autoreload, child, error_server, server, supervisor
from djng.dev.child import Program
from djng.dev.handler import DevelopmentHandler
from djng.dev.live_reload import LiveReloadHandler, SiteVersion
from djng.dev.watch import nearby_modules, read_stamps
from djng.environ import Environment
from djng.exceptions import command_line, short_path
from djng.management.messages import FileNameMixin
from djng.management.migrations import unapplied_migrations


class Command(FileNameMixin, runserver.Command):  # type: ignore[misc]  # WhiteNoise ships no types
    site: Djng
    signin: Any = None
    site_version: SiteVersion | None = None  # if pages reload by themselves
    server_cls = server.DevelopmentServer

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = "Leave the database and the migrations as they are."
        parser.add_argument("--no-migrate", action="store_false", dest="migrate", help=what)
        what = "Start a new Python for each change. That is slower, but safe for any library."
        parser.add_argument("--no-fork", action="store_false", dest="fork", help=what)
        what = "Leave the page in the browser as it is when the site changes."
        parser.add_argument("--no-reload-page", action="store_false", dest="reload_page", help=what)
        what = "Open the site in the browser once it is ready."
        parser.add_argument("--open", action="store_true", dest="opens_browser", help=what)

    @property
    def default_port(self) -> str:
        return Environment(os.environ).port()

    def run(self, **options: Any) -> None:
        """Serve. With the reloader, this process supervises a child and the child serves."""
        self.site = cast(Djng, Djng.current)
        if not child.is_child():
            # Whoever sees that the port is open may save the file: that is a change.
            child.stamps = read_stamps({self.site.path} | nearby_modules(self.site.path))
            port = options["addrport"] or Environment(os.environ).get("PORT")
            listener = self.listen(is_fixed=bool(port))
            if options["use_reloader"]:
                self.supervise(listener, forks=options["fork"] and supervisor.can_fork())
                return  # the first child goes on to read the file
            server.InheritedSocketMixin.listener = listener
        self.prepare_site(options)
        if options["use_reloader"]:
            autoreload.run_with_reloader(self.inner_run, self.site.path, **options)
        else:
            self.inner_run(None, **options)

    def supervise(self, listener: socket.socket, *, forks: bool) -> None:
        main: Any = sys.modules["__main__"]
        listener.set_inheritable(True)
        program = Program(
            site=str(self.site.path),
            debug=settings.DEBUG,
            listener=listener.detach(),
            folder=sys.path[0],
            module=main.__spec__.name if main.__spec__ else "",
            argv=[main.__file__, *sys.argv[1:]],
        )
        supervisor.supervise(program, forks=forks, goes_on=not self.site.is_read)

    def listen(self, *, is_fixed: bool) -> socket.socket:
        """Listen on the port. Unless it is fixed, try the next ports if it is taken."""
        first = int(self.port)
        if first > 65535:
            raise CommandError(f"{first} is not a port: the highest is 65535.")
        for port in [first] if is_fixed else range(first, first + 100):
            if listener := self.try_to_listen(port):
                if port > first:
                    self.write(f"Port {first} is taken, using port {port}.")
                return listener
        hint = command_line(f"runserver {first + 1}")
        raise CommandError(f"Port {first} is taken. Try another one: {hint}")

    def try_to_listen(self, port: int) -> socket.socket | None:
        """Listen on the port, or return None if it is taken."""
        family = socket.AF_INET6 if self.use_ipv6 else socket.AF_INET
        try:
            # An IPv6 socket takes IPv4 too where the system can do it, as Django's does.
            takes_both = self.use_ipv6 and socket.has_dualstack_ipv6()
            return socket.create_server((self.addr, port), family=family, dualstack_ipv6=takes_both)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CommandError(f"{self.addr}:{port}: {error}.") from None
            return None

    def prepare_site(self, options: dict[str, Any]) -> None:
        """Make the changes for development, before Django reads the site's URLs."""
        server.filter_logs()
        request_finished.connect(server.note_end)  # the connection may stay open
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume async")  # we say more
        self.migrates = settings.DEBUG and options["migrate"] and self.site.migrates
        if settings.DEBUG and self.site.admin_path is not None:
            from djng.dev import signin  # it imports models, for which not every site has the apps

            self.signin = signin
            self.site.extra_patterns.append(signin.url_pattern(self.site.admin_path))
        self.opens_browser = options["opens_browser"]
        # A stream would occupy a server that has one thread.
        can_reload = settings.DEBUG and options["use_reloader"] and options["use_threading"]
        if can_reload and options["reload_page"]:
            self.site_version = SiteVersion()
        if settings.DEBUG and (host := self.network_address()):
            settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, host]

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Serve, or show why that is impossible until a file changes."""
        try:
            if not options["skip_checks"]:
                self.check()  # Django would print that it performs checks
            super().inner_run(*args, **{**options, "skip_checks": True})
        except Exception as error:
            if not options["use_reloader"]:
                raise
            error_server.show_error(error, self.site.path, settings.DEBUG)

    def get_handler(self, *args: Any, **options: Any) -> Any:
        if settings.WSGI_APPLICATION:
            return super().get_handler(*args, **options)
        return LiveReloadHandler(self.site_version) if self.site_version else DevelopmentHandler()

    def check_migrations(self) -> None:
        if self.migrates:
            automigrate.update_database(self.site.label, self.write, self.warn_once)
            child.tell(warning=automigrate.refusal)
        elif count := unapplied_migrations():
            self.warn(f"{count} migrations are not applied: {command_line('migrate')}")

    def on_bind(self, server_port: int) -> None:
        """Print the addresses of the site."""
        base = f"{self.protocol}://{self.local_address()}:{server_port}/"
        child.tell_served()
        if child.restart.was_served:
            self.write(child.describe_change())
            return
        debug = "" if settings.DEBUG else " DEBUG is off."
        lines = [f"  {name:<9} {value}" for name, value in self.banner_rows(base, server_port)]
        versions = f"djng {djng.__version__}, Django {django.get_version()}."
        lines += [f"  {versions}{debug} Stop: {server.STOP}."]
        self.write("\n".join(lines))
        if self.opens_browser:  # in a thread, since a browser may use the terminal until it ends
            Thread(target=self.open_browser, args=[base], daemon=True).start()

    def open_browser(self, url: str) -> None:
        import webbrowser  # few starts need it

        if not webbrowser.open(url):
            self.warn(f"There is no browser that Python can open. Open this yourself: {url}")

    def banner_rows(self, base: str, port: int) -> Iterator[tuple[str, str]]:
        """Yield what the terminal shows when the server has started."""
        yield "site", base
        if self.site.admin_path is not None:
            yield "admin", f"{base}{self.site.admin_path}"
        if self.signin and (link := self.signin.create_link()):
            yield "sign in", f"{base}{link[1:]}"
            yield "", f"once, within {self.signin.MINUTES} minutes"
        if self.is_open() and (address := self.network_address()):
            yield "phone", f"{self.protocol}://{address}:{port}/"
        if self.site.data != self.site.path.parent:
            yield "data", short_path(str(self.site.data))
        yield "database", describe_database()

    def write(self, text: str) -> None:
        with suppress(BrokenPipeError):  # as after ``python blog.py | head``
            self.stdout.write(text)
            self.stdout.flush()

    def warn(self, text: str) -> None:
        self.write(self.style.WARNING(text))

    def warn_once(self, refusal: str) -> None:
        """Print why the database is not migrated. After another change, print only what to do."""
        if refusal == child.restart.warning:
            last = refusal.splitlines()[-1].strip().removeprefix("Not migrated: ")
            refusal = f"Still not migrated. {last}"
        self.warn(refusal)

    def is_open(self) -> bool:
        """Whether the server listens on all addresses of this machine."""
        with suppress(ValueError):  # it is a name
            return bool(ip_address(self.addr).is_unspecified)
        return bool(self.addr == "0")

    def local_address(self) -> str:
        """The address for a browser on this machine, as in a URL."""
        if self.is_open():
            return server.local_host()
        return f"[{self.addr}]" if ":" in self.addr else self.addr

    def network_address(self) -> str | None:
        """The address of this machine for others in its network, or None if they are not served."""
        if not self.is_open():
            return None if self.addr == self.default_addr else self.local_address()
        if server.local_host() == "[::1]":
            return None  # the socket takes no IPv4
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # this sends nothing, but it chooses an own address
            return str(probe.getsockname()[0])
        return None


def describe_database() -> str:
    """The file of the database, or its name and server without the password."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return short_path(str(values["NAME"]))
    return f"{values['NAME']} ({connection.display_name}) at {values['HOST'] or 'localhost'}"
