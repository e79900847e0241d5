"""Fill in the form of a page, as somebody who tries out a site does."""

from html.parser import HTMLParser

# What is written into a field whose type, name or class has one of these words.
WORDS = {
    "number": "2",
    "email": "new@example.com",
    "url": "https://example.com/",
    "date": "2026-01-02",
    "time": "10:00:00",
    "password": "correct-horse",
}
# A picture of one pixel.
GIF = bytes.fromhex(
    "4749463837610100010081000000000000000000000000002c000000000100010000080400010404003b"
).decode("latin-1")
FILES = {"valid": ["picture.gif", GIF], "wrong": ["program.exe", "no picture"]}


def filled(page, fill, number):
    """What a browser sends for the page's longest form: its data, its files, and their kind.

    `fill` is "valid", "wrong" or "empty"; the number makes the texts of valid forms different.
    """
    form = Form(fill, number)
    form.feed(page)
    return max(form.found, key=lambda each: len(each["data"]), default=NOTHING)


NOTHING = {"data": {}, "files": {}, "kind": ""}


class Form(HTMLParser):
    def __init__(self, fill, number):
        super().__init__()
        self.fill, self.new = fill, f"new-{number}"
        self.found, self.select, self.area = [], None, None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        name = given.get("name")
        if tag == "form" and (given.get("method") or "").lower() == "post":
            self.found.append({"data": {}, "files": {}, "kind": given.get("enctype") or ""})
        elif tag == "option" and self.select:
            _, _, others, chosen = self.select
            (chosen if "selected" in given else others).append(given.get("value") or "")
        elif self.found and name and name != "csrfmiddlewaretoken":
            self.add_field(tag, name, given)

    def add_field(self, tag, name, given):
        if tag == "select":
            self.select = (name, "multiple" in given, [], [])
        elif tag == "textarea":
            self.area = [name, ""]
        elif tag == "input":
            self.add_input(name, given.get("type") or "text", given)

    def add_input(self, name, kind, given):
        data, value = self.found[-1]["data"], given.get("value") or ""
        if kind == "file":
            self.found[-1]["files"] |= {name: FILES[self.fill]} if self.fill in FILES else {}
        elif kind in ("checkbox", "radio"):
            data |= {name: value or "on"} if "checked" in given else {}
        elif kind == "hidden":
            data[name] = value
        elif kind not in ("submit", "button", "image"):
            data[name] = self.text(value, f"{kind} {name} {given.get('class')}".lower())

    def text(self, value, description):
        if self.fill == "valid":
            return value or next((WORDS[word] for word in WORDS if word in description), self.new)
        return "" if self.fill == "empty" else "x" * 500

    def handle_data(self, data):
        if self.area:
            self.area[1] += data

    def handle_endtag(self, tag):
        if tag == "select" and self.select:
            name, is_multiple, others, chosen = self.select
            values = [*filter(None, chosen)] or [*filter(None, others)][:1]
            values = {"valid": values, "wrong": ["999"]}.get(self.fill, [])
            self.found[-1]["data"][name] = values if is_multiple else (values or [""])[0]
            self.select = None
        elif tag == "textarea" and self.area:
            name, text = self.area
            self.found[-1]["data"][name] = self.text(text.strip(), "")
            self.area = None
