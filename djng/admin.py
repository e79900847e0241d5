"""The admin. `register` runs while the user's file is imported, `urls` before the first request.

``django.contrib.admin`` is imported inside the functions, for a site may have no admin.
"""

import inspect
from types import FrameType
from typing import Any

from django.db.models import Model

from djng.errors import KeywordError, Location, SetupError, caller, name_of, nearest

undecorated: list[Location] = []


def register(models: tuple[type[Model], ...], options: dict[str, Any], frame: FrameType) -> Any:
    """What `app.admin`, called so in that frame, returns: a decorator, or the decorated model."""
    from django.contrib import admin

    for name, value in options.items():
        if not hasattr(admin.ModelAdmin, name) and not callable(value):  # those are columns
            hint = f"Did you mean {nearest(name, dir(admin.ModelAdmin), cutoff=0)}?"
            raise KeywordError(f"{name} is not an option of ModelAdmin.", hint=hint)
    if len(models) == 1 and is_being_decorated(models[0], frame):
        return register((), {}, frame)(models[0])

    where = caller()
    undecorated.append(where)

    def decorate(decorated: Any) -> Any:
        undecorated.remove(where)
        kind: type = admin.ModelAdmin if models else Model
        if not (inspect.isclass(decorated) and issubclass(decorated, kind)):
            hint = "Write @app.admin() on a model, or @app.admin(Post) on a ModelAdmin."
            raise SetupError(f"@app.admin cannot register {name_of(decorated)}.", hint=hint)
        registered = (models, decorated) if models else (decorated,)
        admin.site.register(*registered, **options)
        return decorated

    return decorate


def check_decorated() -> None:
    for where in undecorated:
        hint = "Write @app.admin above the model, or use Django's admin.site.register()."
        raise SetupError("app.admin() decorates nothing.", hint=hint, where=where)


def is_being_decorated(model: type[Model], frame: FrameType) -> bool:
    """Whether this is `@app.admin` on a new model: it is of this module, and not yet known in it.

    ``@app.admin(Post)`` on a ModelAdmin calls with the very same argument.
    """
    is_own = model.__module__ == frame.f_globals["__name__"]
    return is_own and frame.f_locals.get(model.__name__) is not model


def urls() -> Any:
    from django.contrib import admin

    return admin.site.urls
