"""Combine migrations. Runs as ``python blog.py squashmigrations``."""

from django.core.management.commands import squashmigrations

from djng.management.messages import FileNameMixin


class Command(FileNameMixin, squashmigrations.Command):
    pass
