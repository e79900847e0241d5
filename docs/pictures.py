"""Make the pictures of the front page again: the site of its first example, and its admin.

Run it in a checkout, with the environment of the tests: ``python docs/pictures.py``.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs/pictures"
PORT = 8123
SITE = f"http://127.0.0.1:{PORT}"
NOTES = ["Buy a boat", "Learn to sail", "Read Moby Dick"]
WRITE = f"for text in {NOTES}: Note.objects.create(text=text)"


def main():
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "notes.py").write_text(example)
        command = [sys.executable, "-u", "notes.py", "runserver", str(PORT)]
        log = Path(folder) / "log"
        server = subprocess.Popen(command, cwd=folder, stdout=log.open("w"))
        try:
            link = wait_for_link(log)
            subprocess.run([*command[:1], "notes.py", "shell", "-c", WRITE], cwd=folder, check=True)
            take_pictures(link)
        finally:
            server.terminate()
            server.wait()


def wait_for_link(log):
    """The link to sign in, once the site runs."""
    while "Stop:" not in log.read_text():
        time.sleep(0.1)
    urllib.request.urlopen(SITE)
    return re.search(r"http\S+/sign-in/\S+", log.read_text())[0]


def take_pictures(link):
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
        with playwright.chromium.launch(**options) as browser:
            page = browser.new_page(viewport={"width": 720, "height": 460})
            page.goto(SITE)
            page.screenshot(path=PICTURES / "page.png")
            page.goto(link)
            page.goto(f"{SITE}/admin/notes/note/")
            page.screenshot(path=PICTURES / "admin.png")


if __name__ == "__main__":
    main()
