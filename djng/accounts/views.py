"""The views of the account pages that Django does not have, except for the sign-up page."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import get_user_model, load_backend, login, views
from django.contrib.sessions.backends.base import CreateError
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

from djng.accounts.addresses import normalize_address
from djng.accounts.tokens import MINUTES, LoginTokenGenerator, mark_as_used

User: Any = get_user_model()
SESSION_KEY = "_login_by_mail"


class PasswordResetForm(auth_forms.PasswordResetForm):
    """Django's form, except that it finds an address in each form that a browser may send."""

    def clean_email(self) -> str:
        field = User._meta.get_field(User.get_email_field_name())
        return str(field.to_python(self.cleaned_data["email"]))


class LoginByMailForm(PasswordResetForm):
    """Asks for an address, and mails a link to each active user who has it."""

    def get_users(self, email: str) -> Any:
        """Also return users without a password, which PasswordResetForm does not."""
        name = User.get_email_field_name()
        users = User._default_manager.filter(**{f"{name}__iexact": email})
        wanted = normalize_address(email)
        return (u for u in users if u.is_active and normalize_address(getattr(u, name)) == wanted)


class LoginByMailView(views.PasswordResetView, views.RedirectURLMixin):
    """Mail a link that logs in, and show the same page whoever has asked.

    Takes what Django's PasswordResetView takes. A safe ``next`` is part of the link. ::

        path("login/mail/", LoginByMailView.as_view(from_email="door@example.org"))
    """

    form_class = LoginByMailForm
    template_name = "registration/login_by_mail_form.html"
    email_template_name = "registration/login_by_mail_email.txt"
    subject_template_name = "registration/login_by_mail_subject.txt"
    success_url = reverse_lazy("login_by_mail_done")
    title = _("Log in by email")
    token_generator = LoginTokenGenerator()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{self.redirect_field_name: self.get_redirect_url()}, **kwargs
        )

    def form_valid(self, form: Any) -> HttpResponse:
        url = self.get_redirect_url()
        query = f"?{urlencode({self.redirect_field_name: url})}" if url else ""
        context = {"query": query, "minutes": MINUTES, **(self.extra_email_context or {})}
        self.extra_email_context = context
        return super().form_valid(form)


class ConfirmForm(forms.Form):
    """A form with nothing but a button. It is valid if the link that led here is."""

    def __init__(self, *args: Any, request: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        link: tuple[str, str] = request.session.get(SESSION_KEY) or ("", "")
        self.uid, self.token = link

    def get_user(self) -> Any:
        return find_user(self.uid, self.token)

    def clean(self) -> None:
        if not self.get_user():
            raise ValidationError(_("This link has expired or was used already."))


class LoginByMailConfirmView(views.LoginView):
    """Log in by the link, once the visitor confirms it: programs that scan mail open links, too.

    The link's own URL moves the token into the session, as Django's password reset does. So the
    page's address does not reveal it.
    """

    form_class: Any = ConfirmForm
    template_name = "registration/login_by_mail_confirm.html"
    extra_context = {"title": _("Log in")}  # noqa: RUF012  # as in Django

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if "token" not in kwargs:
            return super().get(request)
        request.session.pop(SESSION_KEY, None)
        if find_user(kwargs["uidb64"], kwargs["token"]):
            request.session[SESSION_KEY] = kwargs["uidb64"], kwargs["token"]
        query = request.META["QUERY_STRING"]
        return HttpResponseRedirect(reverse("login_by_mail_confirm") + (query and f"?{query}"))

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        del self.request.session[SESSION_KEY]
        try:
            mark_as_used(form.token)
        except CreateError:  # another request was quicker
            return self.form_invalid(self.get_form())
        login(self.request, user, backend=backend_of(user))
        return HttpResponseRedirect(self.get_success_url())


def find_user(uid: str, token: str) -> Any:
    """The user of a link, or None if it is not valid, or if no backend lets the user in."""
    user = views.PasswordResetConfirmView().get_user(uid)
    is_valid = user and LoginTokenGenerator().check_token(user, token) and backend_of(user)
    return user if is_valid else None


def backend_of(user: Any) -> str | None:
    """The first backend that finds the user. Django's own finds only active ones."""
    backends = settings.AUTHENTICATION_BACKENDS
    return next((name for name in backends if load_backend(name).get_user(user.pk)), None)
