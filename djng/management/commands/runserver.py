"""Runs ``runserver``: Django's, without its static files, on the port of the environment."""

import os
from typing import Any

from whitenoise.runserver_nostatic.management.commands import runserver

from djng.app import Djng
from djng.settings import Environment


class Command(runserver.Command):  # type: ignore[misc]  # WhiteNoise ships no types
    @property
    def default_port(self) -> str:
        return Environment(os.environ).port()

    def inner_run(self, *args: Any, **options: Any) -> None:
        if Djng.current:
            Djng.current.keep_secret()
        super().inner_run(*args, **options)
