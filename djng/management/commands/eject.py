"""Write the Django project that the file has been all along. Runs as ``python blog.py eject``."""

from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from djng.app import Djng
from djng.eject import report
from djng.eject.project import Project


class Command(BaseCommand):
    help = "Writes an ordinary Django project, without djng, that answers as the file does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="?", type=Path, metavar="DIR", help="a folder that is new or empty"
        )
        text = "write nothing: run Django's checks and your tests in a temporary project"
        parser.add_argument("--check", action="store_true", help=text)

    def handle(self, *args: Any, folder: Path | None, check: bool, **options: Any) -> None:
        if check:
            self.check_project()
        elif folder is None:
            raise CommandError("Say where: eject DIR, with a folder that is new or empty.")
        else:
            self.write(folder)

    def write(self, folder: Path) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder} is not an empty folder. Nothing was written.")
        project = Project(Djng.current)
        remarks = report.remarks(project)  # before there is a folder more beside the file
        project.write(folder)
        self.show(f"Wrote {folder}:", report.tree(project))
        self.show("Look at these:", remarks)
        self.show("Go on with:", (f"  {each}" for each in report.steps(project, folder)))

    def show(self, title: str, lines: Any) -> None:
        if lines := [*lines]:
            self.stdout.write("\n".join([title, *lines]))

    def check_project(self) -> None:
        project = Project(Djng.current)
        failed = []
        with TemporaryDirectory() as folder:
            project.write(Path(folder, "project"))
            for command, code, output in report.check(project, Path(folder, "project")):
                self.stdout.write(f"{command}: {'failed' if code else 'ok'}")
                if code:
                    failed.append(command)
                    self.stdout.write(output)
        self.show("Look at these:", report.remarks(project))
        if failed:
            raise CommandError(f"{len(failed)} of the commands failed in the project.")
