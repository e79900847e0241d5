"""Django's account URLs for users with an e-mail address. Runs when Django resolves the first URL.

``django.contrib.auth.urls``, except that the password reset finds an international address in
either of the forms that browsers send. ::

    app.include("/accounts/", "djng.accounts.urls")
"""

from django.contrib.auth import urls
from django.contrib.auth.views import PasswordResetView
from django.urls import path

from djng.accounts.views import PasswordResetForm

reset = PasswordResetView.as_view(form_class=PasswordResetForm)

urlpatterns = [path("password_reset/", reset, name="password_reset"), *urls.urlpatterns]
