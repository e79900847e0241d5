"""Make a content security policy allow the script of live reload. Runs once per page.

A policy that has a nonce, or that allows the site's own URLs, stays as it is.
"""

import re
import secrets
from typing import Any

HEADERS = ("Content-Security-Policy", "Content-Security-Policy-Report-Only")
# Of several directives, browsers obey the first that the policy has.
FOR_SCRIPTS = ("script-src-elem", "script-src", "default-src")
FOR_STREAMS = ("connect-src", "default-src")


def allow(response: Any, *, script: str, stream: str) -> str | None:
    """Allow both URLs in the headers of the response. Return the script's nonce, if it needs one.

    A policy has a nonce only if the page uses it, and then the script has the same one. ::

        nonce = allow(response, script="http://localhost/a.js", stream="http://localhost/events/")
    """
    policies = {name: response.headers[name] for name in HEADERS if name in response.headers}
    if not policies:
        return None
    found = re.search(r"'nonce-([^']+)'", " ".join(policies.values()))
    nonce = found[1] if found else secrets.token_urlsafe(16)
    for name, value in policies.items():
        extended = [
            extend(policy, f"'nonce-{nonce}'", script, stream) for policy in value.split(",")
        ]
        response.headers[name] = ", ".join(extended)
    return nonce


def extend(policy: str, nonce: str, script: str, stream: str) -> str:
    """The policy with what the script lacks."""
    directives = {
        name.lower(): sources for name, *sources in map(str.split, policy.split(";")) if name
    }
    if "'strict-dynamic'" in policy:  # browsers then ignore URLs
        add_source(directives, FOR_SCRIPTS, nonce, unless={nonce})
    else:
        add_source(directives, FOR_SCRIPTS, script, unless={nonce, "'self'", "*"})
    add_source(directives, FOR_STREAMS, stream, unless={"'self'", "*"})
    return "; ".join(" ".join((name, *sources)) for name, sources in directives.items())


def add_source(
    directives: dict[str, list[str]], names: tuple[str, ...], source: str, *, unless: set[str]
) -> None:
    """Add the source where it takes effect, unless one of the others is there."""
    sources = next((directives[name] for name in names if name in directives), None)
    if sources is not None and not unless & {*sources}:
        directives[names[0]] = [*sources, source]
