"""Tokens for links that log in: they work once, for some minutes."""

from hashlib import sha1
from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.backends.db import SessionStore
from django.core.signing import BadSignature, TimestampSigner

MINUTES = 10


class LoginTokenGenerator(PasswordResetTokenGenerator):
    """Django's tokens for a password reset, with a key and a time limit of their own.

    A token ends when the user logs in, or has a new password or e-mail address. ::

        token = LoginTokenGenerator().make_token(user)
        LoginTokenGenerator().check_token(user, token)
    """

    key_salt = "djng.accounts.tokens.LoginTokenGenerator"

    def make_token(self, user: Any) -> str:
        return self._signer(user).sign(super().make_token(user))

    def check_token(self, user: Any, token: str | None) -> bool:
        try:
            signed = self._signer(user).unsign(token or "", max_age=MINUTES * 60)
        except BadSignature:
            return False
        return super().check_token(user, signed)

    def _signer(self, user: Any) -> TimestampSigner:
        """Tell apart logins within a second, which Django's tokens do not."""
        return TimestampSigner(salt=f"{self.key_salt} {user and user.last_login}")


def mark_as_used(token: str) -> None:
    """Raise CreateError if the token was used before, in whichever process.

    The table of sessions keeps it: the key is unique there, and `clearsessions` removes it.
    """
    key = sha1(token.encode(), usedforsecurity=False).hexdigest()
    SessionStore(key).save(must_create=True)
