"""Sign in to the admin of a new site by a link. Runs under ``runserver``, while DEBUG is on.

A link is signed with the present state of the superusers, so any process of the site can check it.
It works once: the table of sessions holds the links that were used. Only ``runserver`` makes links
and adds their URL.
"""

import re
from ipaddress import ip_address
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.base import CreateError
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, TimestampSigner
from django.db import DatabaseError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache

from djng.accounts.tokens import mark_as_used
from djng.dev.error_page import Explanation, respond
from djng.exceptions import command_line

MINUTES = 10
# What a proxy tells about the client, or about itself.
PROXY_HEADERS = re.compile(
    "HTTP_(.*FORWARDED.*|VIA|CDN_LOOP|CF_.*|.*_(IP|ADDR|ADDRESS)|X_ORIGINAL_.*|X_PROXY.*|X_ENVOY_.*)"
)


def url_pattern(admin_path: str) -> URLPattern:
    """The URL of the links, below that of the admin."""
    return path(f"{admin_path}sign-in/<token>/", sign_in, name="djng-sign-in")


def create_link() -> str | None:
    """Return the path of a new link, or None if nobody may use one or there is no user table."""
    try:
        signer = create_signer()
    except (DatabaseError, ValueError, ValidationError):
        return None
    return reverse("djng-sign-in", args=[signer.sign("admin")]) if signer else None


@login_not_required
@never_cache
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in as the superuser, who is created if there is none."""
    try:
        with transaction.atomic():
            check_token(request, token)
            mark_as_used(token)
            login(request, get_or_create_superuser(), backend=settings.AUTHENTICATION_BACKENDS[0])
    except (BadSignature, CreateError):
        message = f"A sign-in link works once, for {MINUTES} minutes, in a browser on this machine."
        hint = f"For a new link, start the server again. Or run: {command_line('createsuperuser')}"
        return respond(request, 403, Explanation(message, hint=hint))
    return redirect("admin:index")


def check_token(request: HttpRequest, token: str) -> None:
    """Raise BadSignature if the link does not work, or not for this request."""
    signer = create_signer()
    is_allowed = settings.DEBUG and request.method == "GET" and is_local(request)
    if not (signer and is_allowed):
        raise BadSignature
    signer.unsign(token, max_age=MINUTES * 60)


def is_local(request: HttpRequest) -> bool:
    """Whether the browser is on this machine. Behind a proxy, nobody knows."""
    address: Any = ip_address(request.META["REMOTE_ADDR"])
    is_loopback = (getattr(address, "ipv4_mapped", None) or address).is_loopback
    return is_loopback and not any(map(PROXY_HEADERS.fullmatch, request.META))


def create_signer() -> TimestampSigner | None:
    """Return a signer for the present state of the superusers, or None if links are not allowed.

    They are allowed while no superuser has a password and the name of the new one is free.
    """
    model: Any = get_user_model()
    if not issubclass(model, PermissionsMixin) or {*model.REQUIRED_FIELDS} - {"email"}:
        return None
    if not apps.is_installed("django.contrib.sessions"):
        return None
    superusers = [*model._base_manager.filter(is_superuser=True).order_by("pk")]
    admin = model._base_manager.filter(**admin_name(model)).first()
    is_taken = admin and not (admin.is_superuser and admin.is_active)
    if is_taken or any(user.has_usable_password() for user in superusers):
        return None
    return TimestampSigner(salt=f"djng {[(user.pk, str(user.last_login)) for user in superusers]}")


def get_or_create_superuser() -> Any:
    model: Any = get_user_model()
    superusers = model._base_manager.filter(is_superuser=True).order_by("pk")
    active = next((user for user in superusers if user.is_active), None)
    return active or model._default_manager.create_superuser(**admin_name(model), password=None)


def admin_name(model: Any) -> dict[str, str]:
    """The field that names a user, and its value for the superuser."""
    field = model._meta.get_field(model.USERNAME_FIELD)
    is_email = isinstance(field, models.EmailField)
    return {field.name: "admin@localhost" if is_email else "admin"}
