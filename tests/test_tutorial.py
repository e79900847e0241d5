"""The tutorial is typed step by step, as it is written, and looked at in a real browser.

Blocks are read as tests/test_docs.py says. Besides:

- A ``diff`` block changes lines of a file. "Undo it" takes the last change back.
- A ``text`` block is what the site's terminal comes to show.
- The items of a list below "In the browser" are done by a browser: `Learner.look` has them all.
"""

import re
import shutil
import time
from contextlib import suppress

import pytest
from conftest import ROOT
from PIL import Image
from playwright.sync_api import Error, sync_playwright
from test_docs import BLOCK, Reader

PAGE = (ROOT / "docs/tutorial.md").read_text()
TEACHING = (ROOT / "docs/teaching.md").read_text()
HEADING = re.compile(r"^(?=## )", re.MULTILINE)
STEPS = HEADING.split(PAGE)[1:]
(EXERCISES,) = [part for part in HEADING.split(TEACHING) if part.startswith("## Exercises")]
# The exercises are done while the site is being developed, and not as the tutorial ends.
STEPS += ["```console\n$ python blog.py\n```\n", EXERCISES]
LOOK = r"^\*\*In the browser\*\*\n\n((?:- [^\n]*\n)+)"
TOKEN = re.compile(rf"{BLOCK.pattern}|{LOOK}|\b(Undo it)\b", re.MULTILINE | re.DOTALL)


class Learner(Reader):
    """A reader who also has a browser."""

    def __init__(self, folder, page):
        super().__init__(folder)
        self.page, self.previous, self.seen = page, None, 0
        self.url = None

    def read(self, step):
        for language, text, sentences, undo in TOKEN.findall(step):
            if sentences:
                for sentence in sentences.splitlines():
                    self.look(sentence.removeprefix("- ").rstrip("."))
            elif undo:
                self.save(*self.previous)
            elif language == "diff":
                self.change(text)
            elif language == "text" and self.server:
                self.expect(text)
            elif language != "text":
                self.do(language, text)

    def save(self, name, text):
        path = self.folder / name
        self.previous = name, path.read_text() if path.exists() else ""
        super().save(name, text)
        self.wait_for_reload()

    def add(self, text):
        before = self.file.read_text()
        super().add(text)
        self.previous = self.file.name, before
        self.wait_for_reload()

    def change(self, diff):
        """Replace the old lines by the new ones, in the one file that has the old ones."""
        lines = diff.splitlines(keepends=True)
        old, new = ("".join(x[1:] for x in lines if x[0] in f" {sign}") for sign in "-+")
        files = [*self.folder.glob("*.py"), *self.folder.glob("templates/*")]
        (path,) = [each for each in files if old in each.read_text()]
        self.save(str(path.relative_to(self.folder)), path.read_text().replace(old, new))

    def wait_for_reload(self):
        """Wait for the line that the terminal has for each change of the site's file.

        The site looks at templates only once a second: a reload makes it look at once.
        """
        if self.server:
            self.seen = len(self.server.log())
            self.file.touch()
            self.until(lambda: re.search(r"changed: |Error|blog\.py:\d", self.new_log()))

    def new_log(self):
        return self.server.log()[self.seen :]

    def until(self, condition, patience=15):
        end = time.monotonic() + patience
        while not (result := condition()) and time.monotonic() < end:
            time.sleep(0.1)
        assert result, self.new_log()[-1500:]

    def expect(self, text):
        self.until(lambda: text.strip() in self.new_log())

    def look(self, sentence):
        """Do with the browser what a sentence says."""
        for pattern, action in ACTIONS.items():
            if found := re.fullmatch(pattern, sentence):
                action(self, *found.groups())
                return
        raise AssertionError(f"no browser can do this: {sentence}")

    def open(self, path):
        # The page that is open may just be reloading by itself, and a link may work only once.
        self.until(lambda: self.goes_to("data:text/html,"))
        self.until(lambda: self.goes_to(f"http://127.0.0.1:{self.port}{path}"))
        self.url = path

    def goes_to(self, url):
        with suppress(Error):
            self.page.goto(url)
            return True

    def open_link(self):
        links = re.findall(r"sign in +http://[^/]+(/\S+)", self.server.log())
        self.open(links[-1])

    def shows(self, text):
        """Wait for a text. A page that was only opened may be from before the last change."""
        if text in self.page.inner_text("body"):
            return True
        if self.url:
            self.open(self.url)
        return False

    def click(self, name, role=""):
        links = self.page.get_by_role("link", name=name, exact=True)
        buttons = self.page.get_by_role("button", name=name, exact=True)
        with self.page.expect_navigation():
            (buttons if role else links.or_(buttons)).first.click()
        self.url = None

    def field(self, label):
        return self.page.get_by_label(re.compile(rf"^{label}:?$", re.IGNORECASE))

    def width(self):
        return self.page.evaluate("getComputedStyle(document.body).maxWidth")

    def pictures(self):
        widths = (
            "[...document.images].map((image) => image.decode().then(() => image.naturalWidth))"
        )
        return self.page.evaluate(f"Promise.all({widths})")


def absent(learner, text):
    assert text not in learner.page.inner_text("body")


def upload(learner, label):
    picture = learner.folder / "boat.png"
    Image.new("RGB", (1, 1)).save(picture)
    learner.field(label).set_input_files(picture)


def compare(value, expected):
    assert value == expected


ACTIONS = {
    "Open `(.+)`": Learner.open,
    "Open the link behind `sign in`": Learner.open_link,
    "Click `(.+)`": Learner.click,
    "Click the (button) `(.+)`": lambda self, role, name: self.click(name, role),
    "Type `(.+)` into `(.+)`": lambda self, text, label: self.field(label).fill(text),
    "Choose a picture for `(.+)`": upload,
    "You see `(.+)`": lambda self, text: self.until(lambda: self.shows(text)),
    "You do not see `(.+)`": absent,
    "You see a picture": lambda self: compare(self.pictures(), [1]),
    "You do not see a picture": lambda self: compare(self.pictures(), []),
    "The page is at most `40rem` wide": lambda self: compare(self.width(), "640px"),
}


@pytest.fixture(scope="module")
def browser():
    """A real browser: the system's chromium, driven by playwright."""
    if not (chromium := shutil.which("chromium")):
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_a_learner_can_follow_the_tutorial(browser, tmp_path):
    with browser.new_page() as page:
        learner = Learner(tmp_path, page)
        with learner.stack:
            for step in STEPS:
                try:
                    learner.read(step)
                except Exception as error:
                    shown = f"{page.url}\n{page.inner_text('body')[:500]}"
                    title = step.partition("\n")[0]
                    raise AssertionError(f"{title}\n{error}\n{shown}") from error
