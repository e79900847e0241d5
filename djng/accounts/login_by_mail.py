"""Log in by a link in a mail: a URLconf to include. Runs when Django resolves the first URL.

::

    app.include("/accounts/", "django.contrib.auth.urls")
    app.include("/accounts/", "djng.accounts.login_by_mail")
"""

from django.contrib.auth.views import PasswordResetDoneView
from django.urls import path

from djng.accounts.views import LoginByMailConfirmView, LoginByMailView

done = PasswordResetDoneView.as_view(
    template_name="registration/login_by_mail_done.html", title=LoginByMailView.title
)
confirm = LoginByMailConfirmView.as_view()

urlpatterns = [
    path("login/mail/", LoginByMailView.as_view(), name="login_by_mail"),
    path("login/mail/done/", done, name="login_by_mail_done"),
    path("login/mail/confirm/", confirm, name="login_by_mail_confirm"),
    path("login/mail/<uidb64>/<token>/", confirm, name="login_by_mail_link"),
]
