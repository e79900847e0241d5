"""The way into the admin of a site that has no superuser yet. Runs under ``runserver`` alone.

A link is signed for the state that the superusers are in, and signing in changes it: so each works
once, whichever process made it. Only ``runserver`` makes links, and puts their URL into the site.
"""

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, TimestampSigner
from django.db import DatabaseError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from djng.debug import Explanation, answer
from djng.errors import command

MINUTES = 10
used: set[str] = set()  # for users of whom nobody notes when they sign in


def pattern(prefix: str) -> URLPattern:
    """The URL that links are for, below that of the admin."""
    return path(f"{prefix}sign-in/<token>/", sign_in, name="djng-sign-in")


def link() -> str | None:
    """The path to sign in by; None where nobody may, or there is no table, or no user so named."""
    try:
        key = signer()
    except (DatabaseError, ValueError, ValidationError):
        return None
    return reverse("djng-sign-in", args=[key.sign("admin")]) if key else None


@login_not_required
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in whoever follows a good link, as a superuser that is made where there is none."""
    try:
        with transaction.atomic():
            key = signer()
            is_fit = settings.DEBUG and request.method == "GET" and is_local(request)
            if not (key and is_fit) or token in used:
                raise BadSignature
            key.unsign(token, max_age=MINUTES * 60)
            used.add(token)
            login(request, superuser(), backend=settings.AUTHENTICATION_BACKENDS[0])
    except BadSignature:
        what = f"A sign-in link works once, for {MINUTES} minutes, in a browser on this machine."
        hint = f"Start the server again for a new one, or: {command('createsuperuser')}"
        return answer(request, 403, Explanation(what, hint=hint))
    return redirect("admin:index")


def is_local(request: HttpRequest) -> bool:
    """Whether the browser runs on this machine, and no proxy hides that it does not."""
    forwarded = {"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP"} & request.META.keys()
    address: Any = ip_address(request.META["REMOTE_ADDR"])
    return not forwarded and (getattr(address, "ipv4_mapped", None) or address).is_loopback


def signer() -> TimestampSigner | None:
    """What signs a link as things are now; None where nobody may sign in by one."""
    model: Any = get_user_model()
    if not issubclass(model, PermissionsMixin) or {*model.REQUIRED_FIELDS} - {"email"}:
        return None
    users = [*model._base_manager.filter(is_superuser=True).order_by("pk")]
    named = model._base_manager.filter(**named_admin(model)).first()
    is_taken = named and not (named.is_superuser and named.is_active)
    if is_taken or any(user.has_usable_password() for user in users):
        return None
    return TimestampSigner(salt=f"djng {[(user.pk, str(user.last_login)) for user in users]}")


def superuser() -> Any:
    """The superuser, made here where there is none."""
    model: Any = get_user_model()
    users = model._base_manager.filter(is_superuser=True).order_by("pk")
    known = next((user for user in users if user.is_active), None)
    return known or model._default_manager.create_superuser(**named_admin(model), password=None)


def named_admin(model: Any) -> dict[str, str]:
    field = model._meta.get_field(model.USERNAME_FIELD)
    is_email = isinstance(field, models.EmailField)
    return {field.name: "admin@localhost" if is_email else "admin"}
