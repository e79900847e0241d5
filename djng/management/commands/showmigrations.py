"""List migrations. Runs as ``python blog.py showmigrations``."""

from django.core.management.commands import showmigrations

from djng.management.messages import FileNameMixin


class Command(FileNameMixin, showmigrations.Command):
    pass
