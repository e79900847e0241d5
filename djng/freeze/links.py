"""Replace the links in a file: HTML, CSS, or XML such as a feed or a sitemap."""

import re
from collections.abc import Callable
from html import escape, unescape

Replace = Callable[[str, bool], str]  # takes a link, and whether the new one must be absolute
IN_TAG = r"""(?:[^"'>]|"[^"]*"|'[^']*')*"""
# Comments, elements whose content is no HTML, and other tags.
HTML = re.compile(
    rf"<!--.*?-->|(<(script|style|textarea)\b{IN_TAG}>)(.*?)(?=</\2)|<[a-z]{IN_TAG}>", re.I | re.S
)
NAMES = r"(?:xlink:)?href|src|(?:image)?srcset|poster|data|style|content"
ATTRIBUTE = re.compile(rf"""(\s({NAMES})\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""", re.I)
CSS = re.compile(r"""(url\(\s*|@import\s+)(["']?)([^"')\s]+)\2""", re.I)


def replace_links(text: str, kind: str, origin: str, replace: Replace) -> str:
    """Replace the links in a text of that content type. The origin begins absolute URLs."""
    if kind == "text/html":
        return HTML.sub(lambda found: replace_in_tag(found, replace), text)
    if kind == "text/css":
        return replace_in_css(text, replace)
    url = rf"{re.escape(origin)}(?:[^\s<>\"'&]|&amp;)*"
    return re.sub(url, lambda found: escape(replace(unescape(found[0]), True)), text)


def replace_in_tag(found: re.Match[str], replace: Replace) -> str:
    tag, element, content = found.groups(default="")
    if found[0].startswith("<!--"):
        return found[0]
    tag = ATTRIBUTE.sub(lambda found: replace_attribute(found, replace), tag or found[0])
    return tag + (replace_in_css(content, replace) if element.lower() == "style" else content)


def replace_attribute(found: re.Match[str], replace: Replace) -> str:
    start, name, value = found[1], found[2].lower(), unescape(found[3].strip("\"'")).strip()
    if name == "style":
        new = replace_in_css(value, replace)
    elif name == "content":  # as in "0; url=/about/", or the address of og:image
        new = replace(value, True) if re.match("https?://", value) else value
        new = re.sub(r"(?i)^(\d+;\s*url=)(.+)", lambda it: it[1] + replace(it[2], False), new)
    elif name.endswith("srcset"):  # as in "small.jpg 1x, large.jpg 2x"
        candidates = [each.split() for each in value.split(",") if each.strip()]
        new = ", ".join(" ".join((replace(url, False), *size)) for url, *size in candidates)
    else:
        new = replace(value, False)
    return found[0] if new == value else f'{start}"{escape(new)}"'


def replace_in_css(text: str, replace: Replace) -> str:
    return CSS.sub(lambda found: f"{found[1]}{found[2]}{replace(found[3], False)}{found[2]}", text)
