"""``@app.admin``: register models with Django's admin. Runs while the user's file is imported."""

import inspect
from types import FrameType
from typing import Any

from django.db.models import Model

from djng.exceptions import KeywordError, SetupError, closest_match, name_of


def register(models: tuple[type[Model], ...], options: dict[str, Any], frame: FrameType) -> Any:
    """Register the models at once, or the model or the ModelAdmin that is decorated.

    Takes the arguments of ``app.admin`` and the frame that called it. Returns the model where
    ``@app.admin`` has no parentheses, else a decorator. Raises KeywordError.
    """
    from django.contrib import admin  # not every site has it

    for name, value in options.items():
        if not (hasattr(admin.ModelAdmin, name) or callable(value)):  # a callable can be a column
            hint = f"Did you mean {closest_match(name, dir(admin.ModelAdmin), cutoff=0)}?"
            raise KeywordError(f"{name} is not an option of ModelAdmin.", hint=hint)
    for model in models:
        check_class(model, Model)
        admin.site.register(model, **options)

    def decorate(decorated: Any) -> Any:
        check_class(decorated, admin.ModelAdmin if models else Model)
        if models:
            admin.site.unregister(filter(admin.site.is_registered, models))
            admin.site.register(models, decorated, **options)
        else:
            admin.site.register(decorated, **options)
        return decorated

    return models[0] if is_being_decorated(models, frame) else decorate


def check_class(given: Any, kind: type) -> None:
    if not (inspect.isclass(given) and issubclass(given, kind)):
        name = name_of(given)
        hint = "Write @app.admin() on a model, or @app.admin(Post) on a ModelAdmin."
        if inspect.isclass(given) and given.__bases__ == (object,):
            hint = f"It is not a model. Write `class {name}(models.Model):`."
        raise SetupError(f"@app.admin cannot register {name}.", hint=hint)


def is_being_decorated(models: tuple[type[Model], ...], frame: FrameType) -> bool:
    """Whether ``@app.admin`` stands above this model: then the class has no name yet."""
    if len(models) != 1 or models[0].__module__ != frame.f_globals["__name__"]:
        return False
    return frame.f_locals.get(models[0].__name__) is not models[0]
