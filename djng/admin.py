"""The admin. `register` runs while the user's file is imported, the check as the site starts."""

import inspect
from types import FrameType
from typing import Any

from django.db.models import Model

from djng.errors import KeywordError, Location, SetupError, caller, name_of, nearest

undecorated: list[Location] = []


def register(models: tuple[type[Model], ...], options: dict[str, Any], frame: FrameType) -> Any:
    """What `app.admin`, called so in that frame, returns: a decorator, or the decorated model."""
    from django.contrib import admin  # not above, for a site may have none

    for name, value in options.items():
        if not hasattr(admin.ModelAdmin, name) and not callable(value):  # those are columns
            hint = f"Did you mean {nearest(name, dir(admin.ModelAdmin), cutoff=0)}?"
            raise KeywordError(f"{name} is not an option of ModelAdmin.", hint=hint)
    # ``@app.admin`` on a new model: unlike that of ``@app.admin(Post)``, no name stands for it yet.
    is_own = len(models) == 1 and models[0].__module__ == frame.f_globals["__name__"]
    if is_own and frame.f_locals.get(models[0].__name__) is not models[0]:
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
