"""Print mails to the terminal, as people read them. Runs when a site sends one while developing.

Django prints them as they are sent: in quoted-printable, a long link is broken into lines.
"""

from collections.abc import Iterator
from email.header import decode_header, make_header
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import console

from djng.log import escape_controls

OF_TRANSPORT = {"content-type", "content-transfer-encoding", "mime-version"}


class EmailBackend(console.EmailBackend):
    def write_message(self, message: EmailMessage) -> None:
        text = escape_controls("\n".join(readable(message.message())), keep="\n\t")
        self.stream.write(f"{text}\n{'-' * 79}\n")


def readable(mail: Any) -> Iterator[str]:
    """Yield the headers, the texts, and a line for each attachment."""
    headers = ((name, value) for name, value in mail.items() if name.lower() not in OF_TRANSPORT)
    yield from (f"{name}: {make_header(decode_header(value))}" for name, value in headers)
    for part in mail.walk():
        if part.get_content_maintype() == "text" and not part.get_filename():
            charset = part.get_content_charset() or "utf-8"
            yield "\n" + part.get_payload(decode=True).decode(charset, "replace").rstrip()
        elif not part.is_multipart():
            yield f"\nattached: {part.get_filename() or part.get_content_type()}"
