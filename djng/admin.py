"""The admin. `register` runs while the user's file is imported, `urls` when the first URL is resolved.

``django.contrib.admin`` is imported inside the functions, for a site may have no admin.
"""

from __future__ import annotations

import inspect
from types import FrameType
from typing import Any

from django.db.models import Model
from django.db.models.base import ModelBase

from djng.errors import KeywordError, SetupError, name_of, nearest


def register(
    models: tuple[type[Model], ...], options: dict[str, Any], frame: FrameType
) -> Any:
    """Register a model with options, or models with the ModelAdmin that is decorated.

    Takes what `app.admin` was called with, and the frame that called it. Returns the decorator, or
    the model where there were no parentheses.
    """
    from django.contrib import admin

    check_options(options, admin.ModelAdmin)
    if len(models) == 1 and is_being_decorated(models[0], frame):
        admin.site.register(models[0])
        return models[0]

    def decorate(decorated: type) -> type:
        if isinstance(decorated, ModelBase) and not models:
            admin.site.register(decorated, **options)
        elif inspect.isclass(decorated) and issubclass(decorated, admin.ModelAdmin) and models:
            admin.site.register(models, decorated, **options)
        else:
            message = f"@app.admin() cannot register {name_of(decorated)}."
            hint = "Write @app.admin() on a model, or @app.admin(Post) on a ModelAdmin."
            raise SetupError(message, hint=hint)
        return decorated

    return decorate


def is_being_decorated(model: type[Model], frame: FrameType) -> bool:
    """Whether this is `@app.admin` on a new class: it is of this module, and not yet known in it.

    ``@app.admin(Post)`` on a ModelAdmin calls with the very same argument.
    """
    is_own = model.__module__ == frame.f_globals["__name__"]
    return is_own and frame.f_locals.get(model.__name__) is not model


def check_options(options: dict[str, Any], admin_class: type) -> None:
    """Refuse what no ModelAdmin knows: Django would ignore it. Functions are columns and actions."""
    for name, value in options.items():
        if not hasattr(admin_class, name) and not callable(value):
            like = nearest(name, dir(admin_class))
            hint = f"Did you mean {like}?" if like else "See the options of Django's ModelAdmin."
            raise KeywordError(f"{name} is not an option of ModelAdmin.", hint=hint)


def urls() -> Any:
    from django.contrib import admin

    return admin.site.urls
