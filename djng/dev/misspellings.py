"""Name what was probably meant. Runs when an error names something that does not exist."""

import builtins
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from traceback import TracebackException, walk_tb
from types import FrameType
from typing import Any

from django.db import models
from django.template import Engine, VariableDoesNotExist
from django.template.context import BaseContext

from djng.dev.definition_order import missing_name
from djng.exceptions import closest_match

FORGOTTEN = (
    (r"__str__ returned non-string \(type NoneType\)", "Did you forget `return` in __str__()?"),
    (r"has no attribute 'cleaned_data'$", "Call is_valid() first."),
    (r"^'method' object is not (iterable|subscriptable)", "Did you forget the parentheses?"),
    (r"^\w+\.\w+\(\) takes 0 positional arguments", "Did you forget `self`?"),
    (r"^render\(\) missing .*'template_name'", "Did you forget `request`?"),
    (r"^(success|info|warning|error)\(\) missing .*'message'", "Did you forget `request`?"),
    (
        r"missing .*'on_delete'|on_delete must be callable|(CASCADE|SET_NULL|PROTECT)\(\) missing",
        "Write models.CASCADE as the second argument, without quotes or parentheses.",
    ),
)


def did_you_mean(name: str | None) -> str:
    return f"Did you mean {name}? " if name else ""


def suggest_forgotten(error: BaseException) -> str:
    return next((hint for text, hint in FORGOTTEN if re.search(text, str(error))), "")


def suggest_name(error: Any) -> str:
    """Name a similar variable, attribute or import, unless Python itself does, from 3.12 on."""
    if hint := suggest_forgotten(error):
        return hint
    if "Did you" in "".join(TracebackException.from_exception(error).format_exception_only()):
        return ""
    name = missing_name(error)[1] or getattr(error, "name", None) or ""
    if isinstance(error, NameError) and name in sys.stdlib_module_names:
        return f"Did you forget to import {name}?"
    matches = (closest_match(name, names) for names in known_names(error))
    return did_you_mean(next((each for each in matches if each not in (None, name)), None))


def known_names(error: Any) -> Iterator[Iterable[str]]:
    """Yield the names that the error may have meant, the nearest first."""
    if isinstance(error, NameError):
        frame = last_frame(error)
        yield from (frame.f_locals, frame.f_globals, dir(builtins))
    else:
        yield dir(getattr(error, "obj", sys.modules.get(error.name)))


def last_frame(error: BaseException) -> FrameType:
    *_, (frame, _) = walk_tb(error.__traceback__)
    return frame


def suggest_in_template(error: Any) -> str:
    """Name a similar filter or tag of those that every template has."""
    found = re.search(r"Invalid (filter|block tag)[^']*'(\w+)'(?!, expected)", str(error))
    if not found:
        return ""
    kind = "filters" if found[1] == "filter" else "tags"
    libraries = Engine.get_default().template_builtins
    known = [name for library in libraries for name in getattr(library, kind)]
    return did_you_mean(closest_match(found[2], known))


def suggest_variable(error: Any) -> str:
    """Name a similar variable of the template, or a similar attribute or key of its variable.

    That a plural is similar means nothing: a page may have ``posts`` and, at times, a ``post``.
    """
    if not isinstance(error, VariableDoesNotExist):
        return ""
    name, owner = error.params
    known = owner.flatten() if isinstance(owner, BaseContext) else owner
    names = known if isinstance(known, dict) else dir(known)
    match = closest_match(str(name), filter(is_public, map(str, names)), cutoff=0.8) or ""
    is_other = match.rstrip("s") != str(name).rstrip("s")
    return did_you_mean(match) if is_other else ""


def is_public(name: str) -> bool:
    return not name.startswith("_")


def suggest_argument(error: Any) -> str:
    """Name a forgotten word, a similar option of a field, or a similar field of a model."""
    if hint := suggest_forgotten(error):
        return hint
    if "unpack non-iterable int" in str(error) and in_orm(error):
        return "Did you forget `pk=`?"
    found = re.search(r"\(\) got (an )?unexpected keyword arguments?:? '(\w+)'$", str(error))
    frame = last_frame(error)
    if frame.f_code.co_name == "__init__":
        owner = frame.f_locals.get("self")
    else:  # many fields have the constructor of Field, which is then not in the traceback
        owner = models.Field() if str(error).startswith("Field.__init__()") else None
    return (
        did_you_mean(closest_match(found[2], arguments_of(owner)))
        if found and owner is not None
        else ""
    )


def in_orm(error: BaseException) -> bool:
    return str(last_frame(error).f_globals["__name__"]).startswith("django.db.models")


def arguments_of(owner: Any) -> set[str]:
    """The arguments that the class of the object takes. A model takes its fields."""
    if isinstance(owner, models.Model):
        return {field.name for field in owner._meta.get_fields()}
    signatures = map(inspect.signature, type(owner).__mro__)
    return {name for signature in signatures for name in signature.parameters}
