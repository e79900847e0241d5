"""Make Django's URL patterns of routes and includes. Runs once, before the first request."""

from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import RegexPattern, RoutePattern

from djng.exceptions import Location, RouteError, SetupError, caller
from djng.middleware import layers_of
from djng.responses import adapt, is_async, rendered
from djng.routing import BaseRouter, Include, Route, walk
from djng.rules import check_arguments
from djng.views import copied, decorated, routes_by_method, url_view

Pattern = URLPattern | URLResolver


class PatternBuilder(NamedTuple):
    """Makes the URL patterns of one router: in these scopes, behind these decorators.

    A view or a resolver in a scope gets the attribute `_djng_scopes`: the scopes for each method.
    The key None is for all other methods. The site itself is not among the scopes.
    """

    router: BaseRouter
    scopes: tuple[BaseRouter, ...] = ()
    decorators: tuple[Callable[..., Any], ...] = ()
    prefix: str = ""

    def patterns(self) -> list[Pattern]:
        """In file order. The routes of one URL become one view, at the place of the first."""
        self.router.resolved = caller()
        patterns: list[Pattern] = []
        for entry in self.router.entries:
            patterns += self.included(entry) if isinstance(entry, Include) else self.routed(entry)
        return patterns

    def routed(self, routes: list[Route]) -> Iterator[URLPattern]:
        if self.scopes:  # the app checks its own routes as it gets them
            for route in routes:
                check_arguments(self.prefix + route.rule, route.view, route.where)
        view = url_view(routes, self.decorators)
        if self.scopes or any(route.middleware for route in routes):
            by_method = routes_by_method(routes)
            if len(routes) == 1:  # its middleware may answer OPTIONS: preflight requests need that
                by_method.setdefault("OPTIONS", routes[0])
            scopes = {method: (*self.scopes, route) for method, route in by_method.items()}
            vars(view)["_djng_scopes"] = {None: self.scopes, **scopes}
        for name in dict.fromkeys(route.name for route in routes):
            yield path(routes[0].rule, view, name=name)

    def included(self, entry: Include) -> list[Pattern]:
        inside = self._replace(decorators=(*entry.decorators, *self.decorators))
        if isinstance(entry.urls, BaseRouter):
            return [inside.nested_router(entry, entry.urls)]
        is_plain_list = isinstance(entry.urls, list) and not (entry.prefix or entry.namespace)
        patterns = [*entry.urls] if is_plain_list else [path(entry.prefix, django_urls(entry))]
        if inside.scopes or inside.decorators:
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
        if entry.prefix:
            resolver._djng_scopes = {None: inside.scopes}  # type: ignore[attr-defined]
        return resolver

    def rewritten(self, pattern: Any, where: Location) -> Pattern:
        """A copy of somebody else's pattern whose views are in the scopes and decorated."""
        if isinstance(pattern, URLPattern):
            view = decorated(pattern.callback, self.decorators, where)
            view = copied(view, to_async=is_async(view))
            vars(view)["_djng_scopes"] = {None: self.scopes}
            return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)
        inner = [self.rewritten(each, where) for each in pattern.url_patterns]
        names = (pattern.default_kwargs, pattern.app_name, pattern.namespace)
        resolver: URLResolver = type(pattern)(pattern.pattern, inner, *names)
        return resolver


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
        name = included[0].__name__
        hint = f'To include a router, write app.include("/{entry.prefix}", {name}.router).'
        raise RouteError(f"{name} has no urlpatterns.", hint=hint, where=entry.where)
    return included


def call_router(router: BaseRouter, request: HttpRequest) -> Any:
    """Resolve the request's path and call the view, as Django does without middleware."""
    outer_match = request.resolver_match
    request.resolver_match = match = standalone_resolver(router).resolve(request.path_info)
    try:
        view = adapt(match.func, to_async=False)
        return rendered(view(request, *match.args, **match.kwargs))
    finally:
        request.resolver_match = outer_match


@cache
def standalone_resolver(router: BaseRouter) -> URLResolver:
    """The resolver of a router that is called by itself; raises SetupError if it has middleware."""
    if any(layers_of(scope) for _, scope in walk(router)):
        hint = 'Write app.include("/...", router), or call one of its views.'
        raise SetupError("a router that is called does not run its middleware.", hint=hint)
    patterns = PatternBuilder(router, decorators=router.decorators).patterns()
    return URLResolver(RegexPattern(r"^/"), patterns)
