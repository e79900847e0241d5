"""Apply migrations. Runs as ``python blog.py migrate``."""

from django.core.management.commands import migrate

from djng.management.messages import FileNameMixin


class Command(FileNameMixin, migrate.Command):
    pass
