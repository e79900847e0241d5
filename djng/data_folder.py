"""The folder that the site writes to, and the secret key in it. Runs while the file is imported."""

import errno
import os
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from djng.environ import Environment, Settings
from djng.exceptions import KeywordError, SettingError, SetupError

# These write nothing to the data folder, and may run where there is only the code.
COMMANDS_WITHOUT_DATA = {"backup", "check", "collectstatic", "compilemessages", "eject", "help"}
COMMANDS_WITHOUT_DATA |= {"makemessages", "routes", "startapp", "test"}
COMMANDS_WITHOUT_DATA |= {"--help", "--version", "-h"}
# None of these signs anything that another process reads. (`makemigrations` needs the database.)
COMMANDS_WITHOUT_KEY = COMMANDS_WITHOUT_DATA | {"makemigrations"}
SERVERS = ("runserver", "serve", None)  # None: a server or a worker imports the file


def find_data_folder(file: Path, environ: Mapping[str, str], given: Any) -> Path:
    """The folder for what the site writes: the keyword's, DJANGO_DATA, or the file's own."""
    if not isinstance(given, str | os.PathLike | None):
        raise KeywordError("data is the path of a folder.", hint='Write data="data".')
    name = given or Environment(environ).get("DJANGO_DATA")
    return Path(os.path.abspath(file.parent / os.path.expanduser(name)))


def create_data_folder(file: Path, data: Path, command: str | None) -> None:
    """Create the data folder for this user alone, and make sure that the site can write there."""
    if data == file.parent or command in COMMANDS_WITHOUT_DATA:
        return
    try:
        data.mkdir(0o700, parents=True, exist_ok=True)
        if not os.access(data, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = "it is a file" if data.is_file() else error.strerror
        message = f"the site cannot write to its data folder, {data}: {reason}."
        hint = "Let the site write there, or name another folder in DJANGO_DATA or Djng(data=...)."
        raise SetupError(message, hint=hint) from error


def check_private(data: Path, folder: Path, settings: Settings) -> None:
    """Refuse a data folder that the site serves: the database and the secret key are in it."""
    served = [folder / name for name in ("public", "static", "staticfiles")]  # they may come later
    served += [settings[name] for name in ("MEDIA_ROOT", "STATIC_ROOT", "WHITENOISE_ROOT")]
    for each in settings["STATICFILES_DIRS"]:
        served.append(each[1] if isinstance(each, list | tuple) else each)
    folders = [Path(each).resolve() for each in served if each]
    if inside := next(filter(data.resolve().is_relative_to, folders), None):
        message = f"visitors could download the data from {data}: the site serves {inside}."
        hint = "Serve another folder, or keep the data elsewhere: Djng(data=...)."
        raise SettingError(message, hint=hint)


def secret_key(file: Path, data: Path, command: str | None) -> str:
    """The key in ``blog.secret``. The first process that may sign something creates it.

    The key is read now and not when something needs it, since SECRET_KEY must be a str. A server
    does not start without the key. Other commands may not need it: Django raises an error if they
    read it.
    """
    saved = data / f"{file.stem}.secret"
    is_temporary = command in COMMANDS_WITHOUT_KEY or not file.exists()  # as for a notebook
    try:
        if is_temporary and not saved.exists():
            return secrets.token_urlsafe(50)
        return read_or_create_key(saved)
    except OSError as error:
        hint = f"Set DJANGO_SECRET_KEY, or let the site write and read {saved.name}."
        failure = SetupError(f"the secret key cannot be read or saved: {error}.", hint=hint)
        if command in SERVERS:
            raise failure from error
        sys.stderr.write(f"{failure}\n")
        return ""


def read_or_create_key(saved: Path) -> str:
    """Processes that start together agree on one key; raises OSError."""
    if not saved.exists():
        with suppress(FileExistsError), open(saved, "x", opener=open_privately) as created:
            created.write(secrets.token_urlsafe(50))
    for _ in range(100):  # another process may be writing it just now
        if key := saved.read_text():
            return key
        time.sleep(0.01)
    raise OSError(f"{saved.name} is empty; delete it")


def open_privately(path: str, flags: int) -> int:
    """Open a file that only this user can read."""
    return os.open(path, flags, 0o600)
