"""`EmailUser`: a user model without a username. It is abstract, so it has no table by itself.

A site has a subclass as its user model, and names that in AUTH_USER_MODEL::

    app = Djng(AUTH_USER_MODEL="blog.User")

    from djng.accounts.models import EmailUser

    class User(EmailUser):
        name = models.CharField(max_length=100, blank=True)
"""

from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from djng.accounts import forms
from djng.accounts.addresses import normalize_address


class NormalizedEmailField(models.EmailField):  # type: ignore[type-arg]
    """An EmailField that stores, compares and shows addresses in one form.

    For migrations it is Django's EmailField: the column is the same.
    """

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalize_address(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(self.to_python(value))

    def pre_save(self, instance: models.Model, add: bool) -> Any:
        value = super().pre_save(instance, add)
        if isinstance(value, str):  # not an expression that the database evaluates
            setattr(instance, self.attname, value := normalize_address(value))
        return value

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return super().formfield(*args, **{"form_class": forms.NormalizedEmailField, **kwargs})

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs


# Stored addresses are in lower case: this finds the same, also letters that SQLite cannot compare.
NormalizedEmailField.register_lookup(Exact, "iexact")


class EmailUserManager(UserManager[Any]):
    """Django's UserManager, except that its methods take an e-mail address and no username."""

    use_in_migrations = False  # so that migrations need only Django

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return normalize_address(email or "")

    def create_user(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> Any:
        """Save and return a user, who cannot sign in with a password if there is none."""
        user = self._build(email, password, fields)
        user.save(using=self._db)
        return user

    async def acreate_user(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> Any:
        user = self._build(email, password, fields)
        await user.asave(using=self._db)
        return user

    def create_superuser(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> Any:
        """Save and return a user who may do everything, also in the admin."""
        return self.create_user(email, password, **superuser_fields(fields))

    async def acreate_superuser(  # type: ignore[override]
        self, email: str, password: str | None = None, **fields: Any
    ) -> Any:
        return await self.acreate_user(email, password, **superuser_fields(fields))

    def _build(self, email: str, password: str | None, fields: dict[str, Any]) -> Any:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.password = make_password(password)
        return user


def superuser_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a superuser; raises ValueError for other values, as Django does."""
    fields = {"is_staff": True, "is_superuser": True, **fields}
    if not (fields["is_staff"] is True and fields["is_superuser"] is True):
        raise ValueError("A superuser has is_staff=True and is_superuser=True.")
    return fields


class EmailUser(AbstractBaseUser, PermissionsMixin):
    """A user whose only name is an e-mail address. The file's own user model is a subclass.

    The address is stored in lower case, and the column is unique. So no two users have addresses
    that differ only in case, whoever saves them. It has permissions and nothing else: add fields
    as in any model. A ``class Meta`` of yours inherits from ``EmailUser.Meta``. ::

        class User(EmailUser):
            name = models.CharField(max_length=100, blank=True)
    """

    email = NormalizedEmailField(_("email address"), unique=True)
    is_staff: Any = models.BooleanField(
        _("staff status"),
        default=False,
        help_text=_("Designates whether the user can log into this admin site."),
    )
    is_active: Any = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "Designates whether this user should be treated as active. "
            "Unselect this instead of deleting accounts."
        ),
    )
    objects: ClassVar[EmailUserManager] = EmailUserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"

    class Meta:
        abstract = True
        verbose_name = _("user")
        verbose_name_plural = _("users")
        # For rows that SQL or a migration writes, past the field.
        constraints = (
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="%(app_label)s_%(class)s_email_lower"
            ),
        )

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return normalize_address(username)
