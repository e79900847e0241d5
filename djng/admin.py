"""``@app.admin``: register models with Django's admin. Runs while the user's file is imported."""

import inspect
from types import FrameType
from typing import Any, Protocol, TypeVar

from django.db.models import Model

from djng.exceptions import KeywordError, Location, SetupError, caller, closest_match, name_of

ClassT = TypeVar("ClassT", bound=type)
unfinished: list[Location] = []


class ClassDecorator(Protocol):
    """A decorator that returns the class that it decorates."""

    def __call__(self, decorated: ClassT, /) -> ClassT: ...


def register(models: tuple[type[Model], ...], options: dict[str, Any], frame: FrameType) -> Any:
    """Register a model with these options, or models with the decorated ModelAdmin.

    Takes the arguments of ``app.admin`` and the frame that called it. Returns the model where
    ``@app.admin`` has no parentheses, else a decorator. Raises KeywordError.
    """
    from django.contrib import admin  # not every site has it

    for name, value in options.items():
        if not hasattr(admin.ModelAdmin, name) and not callable(
            value
        ):  # a callable can be a column
            hint = f"Did you mean {closest_match(name, dir(admin.ModelAdmin), cutoff=0)}?"
            raise KeywordError(f"{name} is not an option of ModelAdmin.", hint=hint)
    if is_being_decorated(models, frame):
        return register((), {}, frame)(models[0])
    where = caller()
    unfinished.append(where)

    def decorate(decorated: Any) -> Any:
        if where in unfinished:  # it may be used more than once
            unfinished.remove(where)
        kind: type = admin.ModelAdmin if models else Model
        if not (inspect.isclass(decorated) and issubclass(decorated, kind)):
            hint = "Write @app.admin() on a model, or @app.admin(Post) on a ModelAdmin."
            raise SetupError(f"@app.admin cannot register {name_of(decorated)}.", hint=hint)
        registered = (models, decorated) if models else (decorated,)
        admin.site.register(*registered, **options)
        return decorated

    return decorate


def is_being_decorated(models: tuple[type[Model], ...], frame: FrameType) -> bool:
    """Whether ``@app.admin`` stands above this model: then the class has no name yet."""
    if len(models) != 1 or models[0].__module__ != frame.f_globals["__name__"]:
        return False
    return frame.f_locals.get(models[0].__name__) is not models[0]


def check_registrations() -> None:
    """Raise SetupError for an ``app.admin(...)`` that decorates nothing."""
    for where in unfinished:
        hint = "Write @app.admin above the model, or use Django's admin.site.register()."
        raise SetupError("app.admin() decorates nothing.", hint=hint, where=where)
