"""Run the system checks. Runs as ``python blog.py check``."""

from django.core.management.commands import check

from djng.management.messages import FileNameMixin


class Command(FileNameMixin, check.Command):
    pass
