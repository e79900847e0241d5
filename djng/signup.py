"""The sign-up page by its short name: ``app.include("/accounts/", "djng.signup")``."""

from djng.accounts.signup import SignUpForm, SignUpView, urlpatterns

__all__ = ["SignUpForm", "SignUpView", "urlpatterns"]
