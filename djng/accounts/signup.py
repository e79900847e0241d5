"""The sign-up page: a URLconf to include. Runs when Django resolves the first URL.

::

    app.include("/accounts/", "django.contrib.auth.urls")
    app.include("/accounts/", "djng.signup")
"""

from typing import Any

from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext_lazy

User: Any = get_user_model()


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """The username field, the fields that the user model requires, and the password twice.

    Like Django's BaseUserCreationForm, but it refuses a username that differs from another one only
    in upper and lower case. ::

        class MemberForm(SignUpForm):
            terms = forms.BooleanField(label="I accept the terms.")
    """

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = (User.USERNAME_FIELD, *User.REQUIRED_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A model's field may allow blank values: Django's own user has such an e-mail address.
        for name in self.fields.keys() & {*User.REQUIRED_FIELDS}:
            self.fields[name].required = True

    def clean(self) -> None:
        super().clean()
        name = User.USERNAME_FIELD
        value = self.cleaned_data.get(name)
        if value and User._default_manager.filter(**{f"{name}__iexact": value}).exists():
            self.add_error(name, self.instance.unique_error_message(User, [name]))


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
        name = form.save().get_username()
        password = form.cleaned_data["password1"]
        user = authenticate(self.request, username=name, password=password)
        if user is None:  # a backend may ask for more than a password
            return redirect_to_login(self.get_success_url())
        login(self.request, user)
        return HttpResponseRedirect(self.get_success_url())


urlpatterns = [path("signup/", SignUpView.as_view(), name="signup")]
