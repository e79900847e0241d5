from django.conf import settings


def max_length() -> int:
    """How long an entry may be: the setting GUESTBOOK_MAX_LENGTH."""
    length: int = getattr(settings, "GUESTBOOK_MAX_LENGTH", 200)
    return length
