"""The admin of users who have an e-mail address and no username."""

from typing import Any, ClassVar

from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from djng.accounts.models import EmailUser


class EmailUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's UserAdmin for a subclass of EmailUser. The pages have the fields that it adds.

    The admin uses this class for the site's user model, unless the file registers another one.
    A subclass with fieldsets of its own shows those. ::

        @app.admin(User)
        class MemberAdmin(EmailUserAdmin):
            list_display = ["email", "name"]
    """

    # A subclass may write lists or tuples, of any length.
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "password")}),
        (
            _("Permissions"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (_("Important dates"), {"fields": ("last_login",)}),
    )
    add_fieldsets: Any = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "usable_password", "password1", "password2"),
            },
        ),
    )
    list_display: Any = ("email", "is_active", "is_staff", "last_login")
    search_fields: ClassVar[Any] = ("email",)
    ordering: ClassVar[Any] = ("email",)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if fieldsets not in (EmailUserAdmin.fieldsets, EmailUserAdmin.add_fieldsets):
            return fieldsets
        (title, options), *rest = fieldsets
        email, *others = options["fields"]
        return [(title, {**options, "fields": [email, *added_fields(self.model), *others]}), *rest]


def added_fields(model: Any) -> list[str]:
    """The names of the fields that a model adds to EmailUser and that a form can have."""
    inherited = {field.name for field in EmailUser._meta.get_fields()}
    options = model._meta
    many = [
        field for field in options.many_to_many if field.remote_field.through._meta.auto_created
    ]
    return [
        field.name
        for field in [*options.fields, *many]
        if field.editable and not field.auto_created and field.name not in inherited
    ]
