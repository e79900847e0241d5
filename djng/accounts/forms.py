"""The form field of an e-mail address that is stored in one form."""

from typing import Any

from django import forms

from djng.accounts.addresses import normalize_address


class NormalizedEmailField(forms.EmailField):
    """An EmailField whose value is the address as it is stored."""

    def to_python(self, value: Any) -> str:
        return normalize_address(super().to_python(value) or "")
