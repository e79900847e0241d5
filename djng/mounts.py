"""Django's patterns of routes and of what is included. Runs before the first request.

A decorated router calls its views by `routed`: its decorator gets the router and not the views.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial, update_wrapper
from types import ModuleType
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver, include, path
from django.urls.resolvers import RoutePattern

from djng.errors import RouteError, caller
from djng.urls import (
    NON_ATOMIC,
    Include,
    MakeView,
    Route,
    Routes,
    View,
    check_arguments,
    group_view,
)

EXEMPTIONS = ("csrf_exempt", "login_required", NON_ATOMIC)
KEPT = (*EXEMPTIONS, "by_method", "routes", "scopes", "should_append_slash", "view_class")

# Which view a router answers with, where the site has found it.
routed: ContextVar[dict[Routes, View]] = ContextVar("routed", default={})  # noqa: B039  # never changed


class Mount(URLResolver):
    """A router under its prefix, and the scopes that its URLs are in.

    Django makes a second match of the one below, which takes longer than all else here.
    """

    scopes: tuple[Any, ...] = ()

    def resolve(self, path: str) -> ResolverMatch:
        if not (found := self.pattern.match(path)):
            raise Resolver404({"path": path})
        rest, _, kwargs = found
        tried: list[list[Any]] = []
        for entry in self.url_patterns:
            try:
                match = entry.resolve(rest)
            except Resolver404 as error:
                tried += [[entry, *each] for each in error.args[0].get("tried", [[]])]
            else:
                if match:
                    return self._complete(match, kwargs, entry, tried)
                tried.append([entry])
        raise Resolver404({"tried": tried, "path": rest})

    def _complete(
        self, match: ResolverMatch, kwargs: dict[str, Any], entry: Any, tried: list[Any]
    ) -> ResolverMatch:
        """The match as Django's resolver would have made it."""
        match.kwargs = {**kwargs, **match.kwargs}
        match.tried = [*tried, *([entry, *each] for each in match.tried or [[]])]
        if isinstance(entry, URLResolver):
            match.route = f"{entry.pattern}{match.route.removeprefix('^')}"
        match.namespaces[:0] = filter(None, [self.namespace])
        match.app_names[:0] = filter(None, [self.app_name])
        return match


class Builder(NamedTuple):
    """Makes Django's patterns of what `Routes` collected, in the scopes and under the prefix."""

    make_view: MakeView
    scopes: tuple[Any, ...] = ()
    prefix: str = ""

    def patterns(self, routes: Routes) -> list[URLPattern | URLResolver]:
        routes._resolved = caller()
        groups: dict[str, list[Route]] = {}
        for entry in routes._entries:
            if isinstance(entry, Route):
                if self.scopes[1:]:  # those of the app itself are checked as they are read
                    check_arguments(entry, self.prefix)
                groups.setdefault(entry.rule, []).append(entry)
        made: list[URLPattern | URLResolver] = []
        for entry in routes._entries:
            if isinstance(entry, Include):
                made += self.mount(entry) if entry.router else self.include(entry)
            elif group := groups.pop(entry.rule, None):
                made += self.group(group)
        return made

    def group(self, group: list[Route]) -> Iterator[URLPattern]:
        view = self.view(group)
        for name in dict.fromkeys(route.name for route in group):
            yield path(group[0].rule, view, name=name)

    def view(self, group: list[Route]) -> View:
        """The view of the routes; its attributes tell who asks for them which one answers."""
        by_method = {method: route for route in group for method in route.methods}
        if "GET" in by_method:
            by_method.setdefault("HEAD", by_method["GET"])
        view = group_view(group, self.make_view)
        vars(view).update(routes=group, by_method=by_method, scopes=self.scopes)
        return view

    def include(self, entry: Include) -> list[Any]:
        is_plain = isinstance(entry.urls, list) and not (entry.prefix or entry.namespace)
        made = [*entry.urls] if is_plain else [path(entry.prefix, included(entry))]
        in_scopes = partial(marked, scopes=self.scopes)
        return [rewritten(each, in_scopes) for each in made] if self.scopes[1:] else made

    def mount(self, entry: Include) -> list[Any]:
        router: Any = entry.router
        within = self._replace(scopes=(*self.scopes, router), prefix=self.prefix + entry.prefix)
        if exemptions(entry.urls):
            within = within._replace(make_view=exempting(entry.urls, self.make_view))
        inner = within.patterns(router)
        if entry.urls is not router:
            inner = [rewritten(each, partial(behind, entry.urls, router)) for each in inner]
        names = (router.app_name or entry.namespace, entry.namespace or router.app_name)
        mount = Mount(RoutePattern(entry.prefix), inner, None, *names)
        mount.scopes = within.scopes
        return [mount]


def included(entry: Include) -> Any:
    """What `path` takes for it; raises RouteError for a module without URLs, or without itself."""
    urls, namespace = entry.urls, entry.namespace
    if isinstance(urls, tuple) and len(urls) == 3:
        return urls
    if namespace and not isinstance(urls, tuple):
        urls = (urls, namespace)
    try:
        made = include(urls, namespace)
    except ModuleNotFoundError as error:
        if not str(entry.urls).startswith(error.name or "?"):
            raise  # it is there, and what it imports is not
        message = f'the URLs "/{entry.prefix}": {error}.'
        raise RouteError(message, where=entry.where) from error
    if isinstance(made[0], ModuleType) and not hasattr(made[0], "urlpatterns"):
        raise without_patterns(made[0], entry)
    return made


def without_patterns(module: ModuleType, entry: Include) -> RouteError:
    name = module.__name__
    router = next((k for k, v in vars(module).items() if isinstance(v, Routes)), None)
    hint = f'Write app.include("/{entry.prefix}", {name}.{router}).' if router else ""
    return RouteError(f"{name} has no urlpatterns.", hint=hint, where=entry.where)


def exemptions(decorated: View) -> dict[str, Any]:
    """What Django's decorators say of a view by an attribute."""
    return {mark: getattr(decorated, mark) for mark in EXEMPTIONS if hasattr(decorated, mark)}


def exempting(decorated: View, make_view: MakeView) -> MakeView:
    """Makes views that are exempt from what the decorated router is exempt from."""

    def make(view: View, template: str | None) -> View:
        made = make_view(view, template)
        vars(made).update(exemptions(decorated))
        return made

    return make


def rewritten(entry: Any, change: Callable[[View], View]) -> Any:
    """A pattern like that one, or all of a resolver's, whose views are changed."""
    if isinstance(entry, URLPattern):
        return URLPattern(entry.pattern, change(entry.callback), entry.default_args, entry.name)
    inner = [rewritten(each, change) for each in entry.url_patterns]
    names = (entry.default_kwargs, entry.app_name, entry.namespace)
    made = type(entry)(entry.pattern, inner, *names)
    vars(made).update({"scopes": entry.scopes} if hasattr(entry, "scopes") else {})
    return made


def marked(view: View, **marks: Any) -> View:
    """The view as another function, which has these attributes too."""

    def call(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return view(request, *args, **kwargs)

    vars(update_wrapper(call, view)).update(marks)
    return markcoroutinefunction(call) if iscoroutinefunction(view) else call


def behind(decorated: View, router: Routes, view: View) -> View:
    """The view behind what decorates its router: that is called, and may call the router."""
    inner = async_to_sync(view) if iscoroutinefunction(view) else view

    def call(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        def answer(request: HttpRequest) -> Any:
            return inner(request, *args, **kwargs)

        token = routed.set({**routed.get(), router: answer})
        try:
            return decorated(request)
        finally:
            routed.reset(token)

    # Not all of its attributes, for one of them may say that it is async.
    kept = {name: value for name, value in vars(view).items() if name in KEPT}
    vars(update_wrapper(call, view, updated=())).update(kept | exemptions(decorated))
    return call
