"""Make Django's URL patterns of routes and includes. Runs once, before the first request."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import RegexPattern, RoutePattern

from djng.exceptions import Location, RouteError, SetupError, caller, name_of
from djng.responses import adapt, is_async, rendered
from djng.routing import BaseRouter, Include, Route, nested, walk
from djng.rules import View, check_arguments
from djng.views import url_view, with_attributes

Pattern = URLPattern | URLResolver


class PatternBuilder(NamedTuple):
    """Makes the URL patterns of one router: in these scopes, behind these decorators."""

    router: BaseRouter
    scopes: tuple[BaseRouter, ...]
    decorators: tuple[Callable[..., Any], ...] = ()
    prefix: str = ""

    def patterns(self) -> list[Pattern]:
        """In file order. The routes of one URL become one view, at the place of the first."""
        self.router.resolved = caller()
        groups: dict[str, list[Route]] = {}
        for entry in self.router.entries:
            if isinstance(entry, Route):
                if self.scopes[1:]:  # the app's own routes were checked when they were added
                    check_arguments(self.prefix + entry.rule, entry.view, entry.where)
                groups.setdefault(entry.rule, []).append(entry)
        patterns: list[Pattern] = []
        for entry in self.router.entries:
            if isinstance(entry, Include):
                patterns += self.included(entry)
            elif routes := groups.pop(entry.rule, None):
                patterns += self.routed(routes)
        return patterns

    def routed(self, routes: list[Route]) -> Iterator[URLPattern]:
        view = self.decorated(url_view(routes), routes[0].where)
        for name in dict.fromkeys(route.name for route in routes):
            yield path(routes[0].rule, view, name=name)

    def included(self, entry: Include) -> list[Pattern]:
        inside = self._replace(decorators=(*entry.decorators, *self.decorators))
        if entry.router:
            return [inside.nested_router(entry, entry.router)]
        is_plain_list = isinstance(entry.urls, list) and not (entry.prefix or entry.namespace)
        patterns = [*entry.urls] if is_plain_list else [path(entry.prefix, django_urls(entry))]
        if inside.scopes[1:] or inside.decorators:
            return [inside.rewritten(pattern, entry.where) for pattern in patterns]
        return patterns

    def nested_router(self, entry: Include, router: BaseRouter) -> URLResolver:
        inside = PatternBuilder(
            router,
            (*self.scopes, router),
            (*router.decorators, *self.decorators),
            self.prefix + entry.prefix,
        )
        names = (router.app_name or entry.namespace, entry.namespace or router.app_name)
        resolver = URLResolver(RoutePattern(entry.prefix), inside.patterns(), None, *names)
        resolver._djng_scopes = inside.scopes  # type: ignore[attr-defined]
        return resolver

    def rewritten(self, pattern: Any, where: Location) -> Pattern:
        """A copy of somebody else's pattern whose views are in the scopes and decorated."""
        if isinstance(pattern, URLPattern):
            view = copied(pattern.callback, iscoroutinefunction(pattern.callback))
            view = self.decorated(view, where)
            return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)
        inner = [self.rewritten(each, where) for each in pattern.url_patterns]
        names = (pattern.default_kwargs, pattern.app_name, pattern.namespace)
        resolver: URLResolver = type(pattern)(pattern.pattern, inner, *names)
        return resolver

    def decorated(self, view: View, where: Location) -> View:
        """Apply the decorators, and keep djng's own attributes."""
        known = {k: v for k, v in vars(view).items() if k in ("_djng_routes", "_djng_by_method")}
        for decorator in self.decorators:
            view = decorate(view, decorator, where)
        if self.decorators:  # a decorator may return the same function for several views
            view = copied(view, is_async(view))
        vars(view).update(known, _djng_scopes=self.scopes)
        return view


def decorate(view: View, decorator: Callable[..., Any], where: Location) -> View:
    result: View = decorator(view)
    if iscoroutinefunction(view) and not iscoroutinefunction(result):
        result = decorator(copied(view, to_async=False))  # a sync decorator cannot await the view
    if not callable(result):
        message = f"the decorator {name_of(decorator)}() returned no view."
        raise RouteError(message, hint="Did you forget `return`?", where=where)
    return result


def copied(view: View, to_async: bool) -> View:
    """A new function that calls the view. It can get attributes that the view must not get."""
    call = adapt(view, to_async)

    async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return await call(request, *args, **kwargs)

    def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return call(request, *args, **kwargs)

    return with_attributes(async_view if to_async else sync_view, view)


def django_urls(entry: Include) -> Any:
    """What `path` takes for the included URLs; raises RouteError for a module without any."""
    urls, namespace = entry.urls, entry.namespace
    if isinstance(urls, tuple) and len(urls) == 3:
        return (*urls[:2], namespace or urls[2])
    if namespace and not isinstance(urls, tuple):
        urls = (urls, namespace)
    try:
        included = include(urls, namespace)
    except ModuleNotFoundError as error:
        if not str(entry.urls).startswith(error.name or "?"):
            raise  # the module is there, but something that it imports is not
        message = f'the URLs "/{entry.prefix}": {error}.'
        raise RouteError(message, where=entry.where) from error
    if isinstance(included[0], ModuleType) and not hasattr(included[0], "urlpatterns"):
        raise missing_urlpatterns(included[0], entry)
    return included


def missing_urlpatterns(module: ModuleType, entry: Include) -> RouteError:
    name = module.__name__
    router = next((k for k, v in vars(module).items() if isinstance(v, BaseRouter)), None)
    hint = f'Write app.include("/{entry.prefix}", {name}.{router}).' if router else ""
    return RouteError(f"{name} has no urlpatterns.", hint=hint, where=entry.where)


def standalone_resolver(router: BaseRouter) -> URLResolver:
    """The resolver of a router that is called by itself; raises SetupError if it has middleware."""
    layers = [
        [each.middleware_classes, each.before_functions, each.after_functions]
        for each in nested(router)
    ]
    if any(map(any, layers)) or any(route.middleware for _, route in walk(router)):
        hint = 'Write app.include("/...", router), or call one of its views.'
        raise SetupError("a router that is called does not run its middleware.", hint=hint)
    patterns = PatternBuilder(router, (router,), router.decorators).patterns()
    return URLResolver(RegexPattern(r"^/"), patterns)


def call_view(resolver: URLResolver, request: HttpRequest) -> HttpResponseBase:
    """Resolve the request's path and call the view, as Django does without middleware."""
    outer_match, match = request.resolver_match, resolver.resolve(request.path_info)
    request.resolver_match = match
    vars(request).pop("_djng_method", None)
    try:
        view = adapt(match.func, to_async=False)
        response: HttpResponseBase = rendered(view(request, *match.args, **match.kwargs))
        return response
    finally:
        request.resolver_match = outer_match
