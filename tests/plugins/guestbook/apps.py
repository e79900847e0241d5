from django.apps import AppConfig


class GuestbookConfig(AppConfig):
    name = "guestbook"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from guestbook import checks  # noqa: F401  # it registers them
