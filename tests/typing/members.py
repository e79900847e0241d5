"""A site whose users, admin and sign-up form are subclasses of djng's."""

from typing import assert_type

from django.db import models
from django.http import HttpRequest, HttpResponse

from djng import Djng

app = Djng(AUTH_USER_MODEL="members.User")

from django.contrib.auth.decorators import login_required

from djng.accounts.models import EmailUser


class User(EmailUser):
    name = models.CharField(max_length=100, blank=True)


from djng.accounts.admin import EmailUserAdmin
from djng.signup import SignUpForm, SignUpView


@app.admin(User)
class MemberAdmin(EmailUserAdmin):
    list_display = ["email", "name"]
    ordering = ["name", "email"]


class MemberForm(SignUpForm):
    class Meta(SignUpForm.Meta):
        fields = ["email", "name"]


@app.route("/accounts/signup/")
class MemberView(SignUpView):
    form_class = MemberForm


@app.get("/")
@login_required
def index(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    return HttpResponse(assert_type(request.user.name, str))
