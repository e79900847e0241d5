"""Rewrite what views return: `return {"a": 1}` becomes `return JsonResponse({"a": 1})`.

That is done where the text shows the type of each returned value. Other views get the decorator
`responds`, which does at runtime what djng does.
"""

import ast
import builtins
import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from django import shortcuts
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.template import loader
from django.utils import html, safestring

from djng.eject.imports import GENERATED
from djng.eject.layout import call
from djng.eject.plan import Plan

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
TEXT = {json.dumps, html.format_html, html.escape, html.format_html_join, safestring.mark_safe, str}
TEXT |= {loader.render_to_string, bytes, html.conditional_escape, html.linebreaks}
RESPONSES = {shortcuts.redirect, shortcuts.render}
STRING_METHODS = {"format", "join", "strip", "upper", "lower", "replace", "title", "encode"}
QUERIES = {"values", "values_list"}
KEEP_QUERY = {"order_by", "filter", "exclude", "distinct", "all", "reverse", "annotate"}


class Target(NamedTuple):
    """How a view answers: the template for a dict, and the status of an error view."""

    template: str | None = None
    status: int | None = None


class ReturnRewriter:
    """Rewrites the `return` statements of one function."""

    def __init__(
        self,
        plan: Plan,
        function: Any,
        target: Target,
        *,
        is_method: bool = False,
        callers: frozenset[Any] = frozenset(),
    ) -> None:
        self.callers = callers | {function}
        self.plan, self.function, self.target = plan, function, target
        self.source = plan.source
        arguments = [*function.args.posonlyargs, *function.args.args]
        self.request = arguments[is_method].arg if len(arguments) > is_method else "request"
        self.responses = {each.arg for each in arguments[1:2] if each.arg == "response"}
        self.returns = [*own_returns(function)]
        self.locals = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
        self.locals |= {
            n.id
            for n in ast.walk(function)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }

    def rewrite(self) -> bool:
        """Rewrite every return; False, with nothing changed, if one of them is not plain."""
        if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(self.function)):
            return False
        texts = {each: self.response(each) for each in self.returns if each.value}
        if None in texts.values():
            return False
        for each, text in texts.items():
            if text != "":
                start = self.source.span(each)[0] + len("return ")
                self.source.replace((start, self.source.span(each)[1]), str(text))
        if any(texts.values()) and self.function.returns:
            kinds = {self.kind(each.value) for each in self.returns if each.value}
            name = "StreamingHttpResponse" if kinds == {"stream"} else "HttpResponse"
            optional = "" if all(texts.values()) or "response" in kinds else " | None"
            self.source.replace(self.function.returns, f"{name}{optional}")
        return True

    def response(self, statement: ast.Return) -> str | None:
        """The response for a return; empty if it returns one already, None if that is unknown."""
        value: Any = statement.value
        status = headers = ""
        if isinstance(value, ast.Tuple):
            parts = self.tuple_parts(value)
            if parts is None:
                return None
            value, status, headers = parts
        kind = self.kind(value)
        if kind == "empty" and status not in ("204", "304"):
            return "" if value is statement.value else None  # an error, as it is with djng
        if kind == "response":
            return "" if not (status or headers or self.target.status) else None
        if not status and self.target.status:
            status = str(self.target.status)
        whole = (
            self.whole_text(statement) if value is statement.value else self.source.text_of(value)
        )
        return self.written(kind, whole, status, headers, statement.col_offset)

    def written(
        self, kind: str | None, body: str, status: str, headers: str, indent: int
    ) -> str | None:
        keywords = [f"status={status}" if status else "", f"headers={headers}" if headers else ""]
        if kind == "dict" and self.target.template:
            is_async = isinstance(self.function, ast.AsyncFunctionDef)
            is_lazy = headers or is_async or self.plan.has_template_middleware
            name = "TemplateResponse" if is_lazy else "render"
            arguments = [self.request, quoted(self.target.template), "" if body == "{}" else body]
        elif kind in ("text", "empty"):
            name, arguments = "HttpResponse", ["" if kind == "empty" else body]
        elif kind in ("dict", "list", "values") and not (kind != "dict" and self.target.template):
            name = "JsonResponse"
            arguments = [self.listed(body) if kind == "values" else body]
            arguments += [] if kind == "dict" else ["safe=False"]
        elif kind == "stream":
            name, arguments = "StreamingHttpResponse", [body]
        else:
            return None
        if not self.plan_allows(name):
            return None
        return call(name, [*arguments, *keywords], indent, "return ")

    def listed(self, query: str) -> str:
        is_async = isinstance(self.function, ast.AsyncFunctionDef)
        return f"[each async for each in {query}]" if is_async else f"list({query})"

    def plan_allows(self, name: str) -> bool:
        """Whether a name means in the file what Django means by it, or nothing."""
        theirs = getattr(import_module(GENERATED[name]), name)
        return name not in self.locals and self.plan.namespace.get(name, theirs) is theirs

    def whole_text(self, statement: ast.Return) -> str:
        """The text of the value, without the parentheses around it."""
        begin, end = self.source.span(statement)
        start, stop = self.source.span(statement.value)  # type: ignore[arg-type]
        before = self.source.text(begin + len("return"), start).strip()
        if before == "(" and self.source.text(stop, end).strip() == ")":
            return self.source.edited(start, stop)
        return self.source.edited(begin + len("return "), end)

    def tuple_parts(self, value: ast.Tuple) -> tuple[ast.expr, str, str] | None:
        """The body, the status and the headers of a returned tuple, if the text shows them."""
        body, *rest = value.elts or [ast.Constant(None)]
        status = headers = ""
        for number, each in enumerate(rest):
            text = self.source.text_of(each)
            if self.kind(each) == "int" and number == 0:
                status = text
            elif self.kind(each) == "dict" and not headers:
                headers = text
            else:
                return None
        return body, status, headers

    def kind(self, value: ast.expr | None) -> str | None:
        """What the text shows of a value's type."""
        match value:
            case ast.Constant(value=None):
                return "empty"
            case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
                return "text"
            case ast.Constant(value=int()) if not isinstance(value.value, bool):
                return "int"
            case ast.Dict() | ast.DictComp():
                return "dict"
            case ast.List() | ast.ListComp():
                return "list"
            case ast.GeneratorExp():
                return "stream"
            case ast.IfExp(body=body, orelse=other):
                return self.kind(body) if self.kind(body) == self.kind(other) else None
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return "dict" if "dict" in (self.kind(left), self.kind(right)) else None
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
                kinds = {self.kind(left), self.kind(right)}
                return next((each for each in ("text", "list") if each in kinds), None)
            case ast.Await(value=awaited):
                return self.kind(awaited)
            case ast.Name(id=name) if name in self.responses:
                return "response"  # what a function for `after_request` gets
            case ast.Name(id=name) if name in self.locals:
                return self.kind_of_local(name)
            case ast.Call():
                return self.kind_of_call(value)
            case ast.Subscript(value=inner, slice=ast.Slice()):
                return self.kind(inner) if self.kind(inner) in ("values", "text", "list") else None
        return None

    def kind_of_local(self, name: str) -> str | None:
        """The kind of a local variable, if all its values are of one kind."""
        values, targets = [], 0
        for node in own_nodes(self.function):
            if isinstance(node, ast.Assign) and [*names_of(node.targets)] == [name]:
                values.append(self.kind(node.value))
            targets += (
                isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
            )
        return values[0] if values and len(values) == targets and len({*values}) == 1 else None

    def kind_of_call(self, value: ast.Call) -> str | None:
        function = value.func
        known = self.resolve(function)
        if inspect.isclass(known) and issubclass(known, HttpResponseBase):
            return "response"
        if known in (dict, list, sorted):
            return "dict" if known is dict else "list"
        if inspect.isroutine(known) or known in (str, bytes):
            if known in RESPONSES:
                return "response"
            return "text" if known in TEXT else self.kind_of_function(function)
        if isinstance(function, ast.Attribute):
            return self.kind_of_method(function)
        return None

    def kind_of_method(self, function: ast.Attribute) -> str | None:
        if function.attr in STRING_METHODS and self.kind(function.value) == "text":
            return "text"
        owner = ast.unparse(function.value)
        if owner == "super()" or (
            owner == "self" and function.attr.startswith(("render_to", "form_"))
        ):
            return "response"
        node: Any = function
        attributes = []
        while isinstance(node, ast.Attribute | ast.Call):
            attributes += [node.attr] if isinstance(node, ast.Attribute) else []
            node = node.func if isinstance(node, ast.Call) else node.value
        while attributes and attributes[0] in KEEP_QUERY:
            attributes.pop(0)
        model = self.resolve(node)
        is_query = inspect.isclass(model) and issubclass(model, Model)
        return "values" if is_query and attributes and attributes[0] in QUERIES else None

    def kind_of_function(self, function: ast.expr) -> str | None:
        """The kind that a function of the file returns, if all its returns are of one kind."""
        group = self.plan.owner.get(function.id) if isinstance(function, ast.Name) else None
        node = group.statements[0].node if group else None
        if not isinstance(node, FUNCTIONS) or node in self.callers or node.decorator_list:
            return None
        inner = ReturnRewriter(self.plan, node, Target(), callers=self.callers)
        kinds = {inner.kind(each.value) for each in inner.returns}
        is_plain = len(kinds) == 1 and not any(isinstance(n, ast.Yield) for n in own_nodes(node))
        return kinds.pop() if is_plain else None

    def resolve(self, node: ast.AST) -> Any:
        """The object that a name of the file, or an attribute of a module, stands for."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            return self.plan.namespace.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute) and inspect.ismodule(owner := self.resolve(node.value)):
            return getattr(owner, node.attr, None)
        return None


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes inside."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, SCOPES):
            yield from own_nodes(child)


def own_returns(function: ast.AST) -> Iterator[ast.Return]:
    return (each for each in own_nodes(function) if isinstance(each, ast.Return))


def names_of(nodes: list[ast.expr]) -> Iterator[str]:
    return (each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))


def quoted(text: str) -> str:
    """The text as a literal with double quotes."""
    return json.dumps(text, ensure_ascii=False)
