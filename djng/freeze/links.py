"""Replace the links in a file: HTML, CSS, or XML such as a feed or a sitemap."""

import re
from collections.abc import Callable
from html import escape, unescape

Replace = Callable[[str], str]  # takes the link that is in the file, returns the one to write
IN_TAG = r"""(?:[^"'>]|"[^"]*"|'[^']*')*"""
# Comments, elements whose content is no HTML, and other tags.
HTML = re.compile(
    rf"<!--.*?-->|(<(script|style|textarea)\b{IN_TAG}>)(.*?)(?=</\2)|<[a-z]{IN_TAG}>", re.I | re.S
)
NAMES = r"href|src|(?:image)?srcset|poster|data|style|content"
ATTRIBUTE = re.compile(rf"""(\s({NAMES})\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""", re.I)
CSS = re.compile(r"""(url\(\s*|@import\s+)(["']?)([^"')\s]+)\2""", re.I)


def replace_links(text: str, kind: str, origin: str, replace: Replace) -> str:
    """Replace the links in a text of that content type. The origin begins absolute URLs."""
    if kind == "text/html":
        return HTML.sub(lambda found: replace_in_html(found, replace), text)
    if kind == "text/css":
        return replace_in_css(text, replace)
    url = rf"{re.escape(origin)}(?:[^\s<>\"'&]|&amp;)*"
    return re.sub(url, lambda found: escape(replace(unescape(found[0]))), text)


def replace_in_html(found: re.Match[str], replace: Replace) -> str:
    tag, element, content = found.groups(default="")
    if found[0].startswith("<!--"):
        return found[0]
    tag = ATTRIBUTE.sub(lambda found: replace_attribute(found, replace), tag or found[0])
    return tag + (replace_in_css(content, replace) if element.lower() == "style" else content)


def replace_attribute(found: re.Match[str], replace: Replace) -> str:
    start, name, quoted = found.groups()
    value = unescape(quoted.strip("\"'")).strip()
    if name.lower() == "style":
        new = replace_in_css(value, replace)
    elif name.lower() == "content":
        new = re.sub(r"(?i)^(\d+;\s*url=)(.+)", lambda it: it[1] + replace(it[2]), value)
    elif name.lower().endswith("srcset"):  # as in "small.jpg 1x, large.jpg 2x"
        candidates = [each.split() for each in value.split(",") if each.strip()]
        new = ", ".join(" ".join((replace(url), *size)) for url, *size in candidates)
    else:
        new = replace(value)
    return found[0] if new == value else f'{start}"{escape(new)}"'


def replace_in_css(text: str, replace: Replace) -> str:
    return CSS.sub(lambda found: f"{found[1]}{found[2]}{replace(found[3])}{found[2]}", text)
