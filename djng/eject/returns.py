"""Rewrite what views return: `return {"a": 1}` becomes `return JsonResponse({"a": 1})`.

That is done where the text shows the type of each returned value. Other views get the decorator
`responds`, which does at runtime what djng does.
"""

import ast
import builtins
import inspect
import json
import re
from collections.abc import Iterator
from types import GeneratorType, NoneType
from typing import Any, NamedTuple

from django import http, shortcuts
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from django.template import loader, response
from django.utils import html, safestring

from djng.eject.layout import call, quoted
from djng.eject.plan import Plan
from djng.eject.source import FUNCTIONS, chain_of
from djng.routing import walk

TEXT = (json.dumps, html.format_html, html.format_html_join, html.escape, loader.render_to_string)
TYPES: dict[Any, type] = {
    **dict.fromkeys((*TEXT, html.conditional_escape, html.linebreaks, safestring.mark_safe), str),
    **dict.fromkeys((shortcuts.redirect, shortcuts.render), HttpResponseBase),
    sorted: list,
}
# The methods whose result has the type of the object, or is still a QuerySet.
TEXT_METHODS = {"format", "join", "strip", "upper", "lower", "replace", "title", "encode"}
QUERY_METHODS = {"order_by", "filter", "exclude", "distinct", "all", "reverse", "annotate"}
# What a rewritten return calls.
CALLED = {
    "HttpResponse": http.HttpResponse,
    "JsonResponse": http.JsonResponse,
    "StreamingHttpResponse": http.StreamingHttpResponse,
    "TemplateResponse": response.TemplateResponse,
    "render": shortcuts.render,
}


class Target(NamedTuple):
    """How a view answers: the template for a dict, and the status of an error view."""

    template: str | None = None
    status: int | None = None


class ReturnRewriter:
    """Rewrites the `return` statements of one function."""

    def __init__(
        self, plan: Plan, function: Any, target: Target, callers: frozenset[Any] = frozenset()
    ) -> None:
        self.plan, self.function, self.target = plan, function, target
        self.source, self.callers = plan.source, callers | {function}
        self.own = [*own_nodes(function)]
        self.returns = [e for e in self.own if isinstance(e, ast.Return) and e.value]
        self.arguments = [e.arg for e in ast.walk(function.args) if isinstance(e, ast.arg)]
        self.locals = {e.arg for e in ast.walk(function) if isinstance(e, ast.arg)}
        names = [e for e in ast.walk(function) if isinstance(e, ast.Name)]
        self.stored = {e.id for e in names if isinstance(e.ctx, ast.Store)}
        self.locals |= self.stored
        declared = [e for e in ast.walk(function) if isinstance(e, ast.Global | ast.Nonlocal)]
        self.shared = {name for each in declared for name in each.names}
        self.is_async = isinstance(function, ast.AsyncFunctionDef)
        self.is_generator = any(isinstance(e, ast.Yield | ast.YieldFrom) for e in self.own)

    def rewrite(self) -> bool:
        """Rewrite every return; False, with nothing changed, if one of them is not plain."""
        texts = {each: self.response(each) for each in self.returns}
        if self.is_generator or None in texts.values():
            return False
        for each, text in texts.items():
            if text:
                self.source.replace(each, text)
        if any(texts.values()) and self.function.returns:
            kinds = {self.type_of(parts_of(each)[0]) for each in self.returns}
            name = "StreamingHttpResponse" if GeneratorType in kinds else "HttpResponse"
            name += " | None" if NoneType in kinds else ""
            self.source.replace(self.function.returns, name)
        return True

    def response(self, statement: ast.Return) -> str | None:
        """The new statement; empty if it returns a response already, None if that is unknown."""
        value, *rest = parts_of(statement)
        kind = self.type_of(value)
        status, headers = str(self.target.status or ""), ""
        for each in rest:
            if self.type_of(each) is int:
                status = self.source.text_of(each)
            elif self.type_of(each) is dict:
                headers = self.source.text_of(each)
            else:
                return None
        if kind in (HttpResponseBase, NoneType) and not rest:
            return None if kind is HttpResponseBase and status else ""
        body = self.source.text_of(value) if rest else self.whole_text(statement)
        name, arguments = self.called(kind, body, is_lazy=bool(headers))
        arguments += [f"status={status}"] if status else []
        arguments += [f"headers={headers}"] if headers else []
        theirs = CALLED.get(name)
        is_free = name not in self.locals and self.plan.namespace.get(name, theirs) is theirs
        return (
            call(f"return {name}", arguments, self.source.indent_of(statement))
            if theirs and is_free
            else None
        )

    def called(self, kind: type | None, body: str, *, is_lazy: bool) -> tuple[str, list[str]]:
        """What makes a response of a value of this type, and its arguments."""
        if kind is dict and self.target.template:
            is_lazy |= self.is_async or b"process_template_response" in self.source.data
            request = next(iter(self.arguments), "request")
            request = "self.request" if request == "self" else request
            request = "request" if "request" in self.arguments else request
            name = "TemplateResponse" if is_lazy else "render"
            context = "" if body == "{}" and name == "render" else body  # middleware may add to it
            return name, [request, quoted(self.target.template), context]
        if kind is QuerySet:
            body = f"[each async for each in {body}]" if self.is_async else f"list({body})"
        if kind in (dict, list, QuerySet) and not self.target.template:
            return "JsonResponse", [body, "" if kind is dict else "safe=False"]
        if kind in (str, bytes, NoneType):
            return "HttpResponse", ["" if kind is NoneType else body]
        return ("StreamingHttpResponse" if kind is GeneratorType else ""), [body]

    def whole_text(self, statement: ast.Return) -> str:
        """The text of the value, without the parentheses around it, but with comments in them."""
        begin, end = self.source.span(statement)
        start, stop = self.source.span(parts_of(statement)[0])
        around = self.source.text(begin + len("return"), start) + self.source.text(stop, end)
        is_bare = re.fullmatch(r"\s*(\(\s*\))?", around)
        return self.source.edited(*((start, stop) if is_bare else (begin + len("return "), end)))

    def type_of(self, value: ast.expr | None) -> type | None:
        """The type of a value, if the text shows it."""
        match value:
            case ast.Constant():
                return type(value.value)
            case ast.JoinedStr():
                return str
            case ast.Dict() | ast.DictComp():
                return dict
            case ast.List() | ast.ListComp():
                return list
            case ast.GeneratorExp():
                return GeneratorType
            case ast.IfExp(body=one, orelse=other):
                return self.common_type([one, other])
            case ast.BinOp(left=one, op=ast.Add() | ast.Mod() | ast.BitOr(), right=other):
                kinds = {self.type_of(one), self.type_of(other)}
                return next((each for each in (str, list, dict) if each in kinds), None)
            case ast.Await(value=inner) | ast.Subscript(value=inner, slice=ast.Slice()):
                return self.type_of(inner)
            case ast.Name(id=name) if name in self.locals:
                return self.type_of_local(name)
            case ast.Call():
                return self.type_of_call(value)
        return None

    def is_after_function(self) -> bool:
        """Whether the function is for `after_request`, which gives it a response."""
        value = self.plan.namespace.get(self.function.name)
        scopes = [scope for _, scope in walk(self.plan.site)]
        return any(value is f for each in scopes for f in getattr(each, "after_functions", ()))

    def common_type(self, values: list[Any]) -> type | None:
        types = {self.type_of(each) for each in values}
        return types.pop() if len(types) == 1 else None

    def type_of_local(self, name: str) -> type | None:
        """The type of a local variable, if it is always assigned by itself, with one type."""
        is_second = self.arguments[1:2] == [name]
        if is_second and self.is_after_function() and name not in self.stored:
            return HttpResponseBase
        if name in self.arguments or name in self.shared:
            return None  # it may have another value
        assigned = [e for e in self.own if isinstance(e, ast.Assign) and len(e.targets) == 1]
        values = [e.value for e in assigned if getattr(e.targets[0], "id", "") == name]
        stored = [e for e in self.own if getattr(e, "id", "") == name]
        count = sum(isinstance(getattr(e, "ctx", None), ast.Store) for e in stored)
        return self.common_type(values) if len(values) == count else None

    def type_of_call(self, value: ast.Call) -> type | None:
        function = value.func
        root = chain_of(function)[:1]
        known = resolve(self.plan, function) if not self.locals.intersection(root) else None
        if inspect.isclass(known):
            bases = (HttpResponseBase, str, bytes, dict, list)
            return next((each for each in bases if issubclass(known, each)), None)
        if inspect.isroutine(known):
            return TYPES.get(known) or self.type_of_function(function)
        return self.type_of_method(function) if isinstance(function, ast.Attribute) else None

    def type_of_method(self, function: ast.Attribute) -> type | None:
        if function.attr in TEXT_METHODS and self.type_of(function.value) is str:
            return str
        if re.match(r"super\(\)\.|self\.(render_to|form_)", ast.unparse(function)):
            return HttpResponseBase
        root, *attributes = chain_of(function) or [""]
        while attributes and attributes[-1] in QUERY_METHODS:
            attributes.pop()
        model = self.plan.namespace.get(root) if root not in self.locals else None
        is_query = inspect.isclass(model) and issubclass(model, Model)
        return QuerySet if is_query and {*attributes[-1:]} & {"values", "values_list"} else None

    def type_of_function(self, function: ast.expr) -> type | None:
        """The type that a function of the file returns, if all its returns are of one type."""
        group = self.plan.owner.get(getattr(function, "id", ""))
        node: Any = group.statements[0].node if group and group.statements else None
        if not isinstance(node, FUNCTIONS) or node in self.callers or node.decorator_list:
            return None
        return ReturnRewriter(self.plan, node, Target(), self.callers).type_of_result()

    def type_of_result(self) -> type | None:
        """The type that the function returns, if all its returns are of one type."""
        if self.is_generator:
            return None
        if not self.returns:
            return NoneType
        is_bare = any(isinstance(each, ast.Return) and not each.value for each in self.own)
        if is_bare or not always_leaves(self.function.body):
            return None
        return self.common_type([each.value for each in self.returns])


def parts_of(statement: ast.Return) -> list[Any]:
    """The returned value, or the body, the status and the headers of a returned tuple."""
    value = statement.value
    return [*value.elts] if isinstance(value, ast.Tuple) and value.elts else [value]


def always_leaves(body: list[ast.stmt]) -> bool:
    """Whether the statements never come to their end, where a function returns None."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return always_leaves(last.body) and always_leaves(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes inside."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from own_nodes(child)


def resolve(plan: Plan, node: ast.AST) -> Any:
    """The object that a name of the file, or an attribute of a module or a class, stands for."""
    if isinstance(node, ast.Name):
        return plan.namespace.get(node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        owner = resolve(plan, node.value)
        has_names = inspect.ismodule(owner) or inspect.isclass(owner)
        return getattr(owner, node.attr, None) if has_names else None
    return None
