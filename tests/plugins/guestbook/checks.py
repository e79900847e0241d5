from typing import Any

from django.core.checks import CheckMessage, Error, register

from guestbook.conf import max_length


@register
def check_length(**options: Any) -> list[CheckMessage]:
    if max_length() in range(1, 1001):
        return []
    hint = "Write Djng(GUESTBOOK_MAX_LENGTH=200)."
    return [Error("GUESTBOOK_MAX_LENGTH is from 1 to 1000.", hint=hint, id="guestbook.E001")]
