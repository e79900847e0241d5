"""The sign-up page: a URLconf to include. Runs when Django resolves the first URL.

::

    app.include("/accounts/", "django.contrib.auth.urls")
    app.include("/accounts/", "djng.signup")
"""

import re
from typing import Any, ClassVar
from zlib import crc32

from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.db import IntegrityError, connections, router, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext_lazy

User: Any = get_user_model()


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """The username field, the fields that the user model requires, and the password twice.

    Like Django's BaseUserCreationForm, but it refuses a username that differs from another one only
    in upper and lower case. `save` raises IntegrityError if another request has taken the name
    since the form was checked. ::

        class MemberForm(SignUpForm):
            terms = forms.BooleanField(label="I accept the terms.")
    """

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields: ClassVar[Any] = (User.USERNAME_FIELD, *User.REQUIRED_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A model's field may allow blank values: Django's own user has such an e-mail address.
        for name in self.fields.keys() & {*User.REQUIRED_FIELDS}:
            self.fields[name].required = True

    def clean(self) -> None:
        super().clean()
        name = User.USERNAME_FIELD
        value = self.cleaned_data.get(name)
        if value and is_taken(value):
            self.add_error(name, self.instance.unique_error_message(User, [name]))

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit=False)  # hashing the password takes long: no lock waits for it
        if commit:
            with transaction.atomic(router.db_for_write(User)):
                lock(user.get_username())
                user.save()
                if is_taken(user.get_username(), by_others_than=user):
                    raise IntegrityError("another user has this name, in upper or lower case")
                self.save_m2m()
        return user


def is_taken(name: str, by_others_than: Any = None) -> bool:
    """Whether a user has the name, in upper or lower case.

    Some databases know the cases of ASCII letters only. So for names with other letters, they find
    those that may be the same, and Python compares.
    """
    field, users = User.USERNAME_FIELD, User._default_manager.using(router.db_for_write(User))
    others = users.exclude(pk=by_others_than.pk) if by_others_than else users
    if name.isascii():
        return bool(others.filter(**{f"{field}__iexact": name}).exists())
    pattern = "".join(re.escape(each) if each.isascii() else "[^ -~]" for each in name)
    candidates = others.filter(**{f"{field}__iregex": f"^{pattern}$"})
    names = candidates.values_list(field, flat=True)
    return any(each.casefold() == name.casefold() for each in names)


def lock(name: str) -> None:
    """Let sign-ups with this name wait for each other until the transaction ends.

    SQLite has one writer at a time anyway, and MySQL compares names without case itself.
    """
    connection = connections[router.db_for_write(User)]
    if connection.vendor == "postgresql":
        key = crc32(f"{User._meta.db_table} {name.casefold()}".encode())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


class SignUpView(LoginView):
    """Create a user, sign them in, and redirect to a safe ``next`` or to LOGIN_REDIRECT_URL.

    Takes what Django's LoginView takes. A user whom no backend lets in yet is sent to the login
    page. ::

        @app.route("/join/", name="signup")
        class Join(SignUpView): form_class = MemberForm
    """

    form_class: Any = SignUpForm
    template_name = "registration/signup.html"
    redirect_authenticated_user = True
    extra_context = {"title": gettext_lazy("Sign up")}  # noqa: RUF012  # as in Django

    def get_redirect_url(self, *args: Any) -> str:
        url = super().get_redirect_url(*args)
        return "" if url == self.request.path else url  # LoginView would raise ValueError

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs = super().get_form_kwargs()
        del kwargs["request"]  # that is for Django's AuthenticationForm
        return kwargs

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            name = form.save().get_username()
        except IntegrityError:
            form = self.get_form()  # it sees what another request has saved meanwhile
            if form.is_valid():
                raise
            return self.form_invalid(form)
        password = form.cleaned_data["password1"]
        user = authenticate(self.request, username=name, password=password)
        if user is None:  # a backend may ask for more than a password
            return redirect_to_login(self.get_success_url())
        login(self.request, user)
        return HttpResponseRedirect(self.get_success_url())


urlpatterns = [path("signup/", SignUpView.as_view(), name="signup")]
