"""The requests by which a file and the project that `eject` writes of it are compared.

Each is a dictionary of what `replay.Client` takes.
"""

from form_filling import GIF

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
PASSWORD = "correct-horse"
# What the headers of a GET may ask for.
HEADERS = (
    {"Accept": "application/json"},
    {"Accept": "text/html,application/xhtml+xml;q=0.9"},
    {"Accept": "image/png, */*;q=0.1"},
    {"Accept-Language": "de"},
    {"Accept-Language": "fr-CH, fr;q=0.9, xx"},
    {"Accept-Encoding": "gzip"},
    {"If-Modified-Since": "Fri, 01 Jan 2038 00:00:00 GMT"},
    {"If-None-Match": "*"},
    {"If-Match": '"other"'},
    {"Range": "bytes=0-3"},
    {"HX-Request": "true"},
    {"X-Requested-With": "XMLHttpRequest"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "example.com"},
    {"Cookie": "sessionid=none; csrftoken=x"},
    {"Host": "example.com"},
    {"Referer": "http://example.com/"},
)
QUERIES = ("page=2&q=x", "page=last", "page=0&q=%3Cb%3E", "q=%00%FF&q=", "next=//example.com/")
# Bodies of a POST, with their kinds.
BODIES = (
    {"data": '{"text": "x", "title": "x"}', "kind": "application/json"},
    {"data": '{"text": ', "kind": "application/json"},
    {"data": "text=\xff&title=%FF", "kind": "application/x-www-form-urlencoded"},
    {"data": "plain", "kind": "text/plain"},
    {"data": "--other\r\nno form", "kind": "multipart/form-data; boundary=boundary"},
    {"data": "", "kind": "multipart/form-data"},
    {"data": {"text": ["a", "b"], "title": "ä" * 300, "unknown": ""}},
    {"data": {"text": "x"}, "files": {"file": ["a b.txt", "text"], "picture": ["é.gif", GIF]}},
)
STATIC = ("/static/site.css", "/static/admin/css/base.css", "/robots.txt", "/media/a.txt")
MISSING = (
    *("/nowhere/", "/nowhere", "/static/none.css", "/static/", "/static/../settings.py", "/media/"),
    *("/media/none.txt", "/media/../blog.sqlite3", "/favicon.ico", "//example.com/", "/%00/", "/%"),
)


def requests_for(urls, admin, names, own):
    """All requests for a site, by its URLs, its admin, its users, and with those of its own."""
    ada, bob, cleo, dora = names
    yield {"path": f"{admin['path']}login/"}  # it sets the cookie with the token
    share = max(1, len(urls) // 8)  # of many URLs, each gets a share of the headers and bodies
    for number, url in enumerate(urls):
        yield from by_a_stranger(url, slice(number % share, None, share))
    yield from (each for path in STATIC for each in for_a_file(path))
    yield from ({"path": path, "method": m} for path in MISSING for m in ("GET", "HEAD", "POST"))
    yield from signing_in(admin["path"], ada, bob)
    yield from ({"path": "/", "user": name, "sign_in": name} for name in (bob, cleo, dora))
    for page in admin_pages(admin):
        yield from ({"path": page, "user": name} for name in (ada, bob, cleo, dora, ""))
    yield from (each for url in urls for each in by_a_user(url, ada))
    for url in urls:
        for name in (bob, dora):
            yield from ({"path": url, "method": m, "user": name} for m in ("GET", "POST"))
            yield {"path": url, "user": name, "fill": "valid"}
    yield from own
    yield from (each for model in admin["models"] for each in for_a_model(model, ada, dora))
    yield from changing_a_password(admin["path"], ada)


def by_a_stranger(url, share):
    """Requests for a URL by somebody who is not signed in."""
    yield from ({"path": url, "method": method} for method in METHODS)
    yield from ({"path": url, "method": method, "csrf": False} for method in UNSAFE)
    yield {"path": url, "method": "POST", "csrf": "wrong"}
    yield {"path": url, "method": "POST", "headers": {"Origin": "http://example.com"}}
    yield from ({"path": f"{url}?{query}"} for query in QUERIES[share])
    yield from ({"path": url, "headers": each} for each in HEADERS[share])
    yield {"path": url, "again": True}
    yield from ({"path": url, "method": "POST", **each} for each in BODIES[share])
    for method in ("GET", "POST", "PUT"):
        yield from ({"path": path, "method": method} for path in (f"{url}nowhere/", f"{url}/"))
        if url != "/":
            yield {"path": url.rstrip("/"), "method": method}
    if url != "/":
        yield {"path": f"{url.rstrip('/')}?q=x"}
        yield {"path": url.upper()}


def by_a_user(url, name):
    """Requests for a URL by somebody who is signed in; its form is filled in, too."""
    yield from ({"path": url, "method": m, "user": name} for m in METHODS[:7])
    yield {"path": f"{url}?page=2&q=x", "user": name}
    yield {"path": url, "user": name, "again": True}
    for fill in ("empty", "wrong", "valid"):
        yield {"path": url, "user": name, "fill": fill}


def for_a_file(path):
    yield from ({"path": path, "method": method} for method in METHODS)
    ranges = ("bytes=0-1", "bytes=-2", "bytes=1-", "bytes=9999999-", "bytes=2-1", "lines=1")
    yield from ({"path": path, "headers": {"Range": each}} for each in ranges)
    yield {"path": path, "again": True}
    for date in ("Fri, 01 Jan 2038 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", "yesterday"):
        yield {"path": path, "headers": {"If-Modified-Since": date}}
    yield {"path": path, "headers": {"If-None-Match": '"other"'}}
    yield {"path": path, "headers": {"Accept-Encoding": "gzip, br"}}
    yield from ({"path": each} for each in (f"{path}?v=1", f"{path}/", path.upper()))


def signing_in(admin, ada, bob):
    """The admin's login page, with everything that goes wrong there, until Ada is signed in."""
    path, login = f"{admin}login/", {"username": ada, "password": PASSWORD, "next": admin}
    yield from ({"path": each, "user": ada} for each in (admin, path, f"{path}?next=/nowhere/"))
    wrong = {"password": "wrong"}, {"username": ""}, {"username": bob}, {"next": "//example.com/"}
    for each in wrong[:3]:
        yield {"path": path, "method": "POST", "data": {**login, **each}, "user": ada}
    yield {"path": path, "method": "POST", "data": login, "csrf": False, "user": ada}
    for each in (wrong[3], {}):
        yield {"path": path, "method": "POST", "data": {**login, **each}, "user": ada}
    yield {"path": path, "user": ada, "headers": {"Referer": "http://localhost/"}}


def admin_pages(admin):
    """The pages of the admin that everybody may ask for, whether they may see them or not."""
    path = admin["path"]
    yield from (f"{path}{each}" for each in ("", "jsi18n/", "password_change/", "nowhere/"))
    yield from (f"{path}autocomplete/?{each}" for each in ("", *admin["autocomplete"]))
    yield from (f"{path}{each.split('/')[0]}/" for each in admin["apps"])
    for model in admin["models"]:
        for page in ("", "add/", "1/", "1/change/", "1/history/", "1/delete/", "999/change/"):
            yield f"{path}{model['path']}/{page}"


def for_a_model(model, ada, dora):
    """The list of a model with all that it can do, its forms, its actions, and deleting one."""
    path = f"{model['admin']}{model['path']}/"
    queries = (
        "q=a",
        "q=",
        "o=1",
        "o=-1.2",
        "o=99",
        "p=2",
        "p=x",
        "all=",
        "e=1",
        "pk__lt=2",
        "no=1",
    )
    for query in (*queries, *model["filters"], "_popup=1", "_to_field=id"):
        yield {"path": f"{path}?{query}", "user": ada}
    yield {"path": path.rstrip("/"), "user": ada}
    for page in ("add/", "1/change/"):
        for fill in ("empty", "wrong", "valid"):
            yield {"path": f"{path}{page}", "fill": fill, "user": ada}
        for button in ("_continue", "_addanother", "_saveasnew", "_popup"):
            yield {"path": f"{path}{page}", "fill": "valid", "more": {button: "1"}, "user": ada}
        yield {"path": f"{path}{page}", "method": "POST", "user": ada}
        yield {"path": f"{path}{page}", "method": "POST", "csrf": False, "user": ada}
        yield {"path": f"{path}{page}", "fill": "valid", "user": dora}
    yield {"path": f"{path}2/history/", "user": ada}
    for action in ("", "nothing", *model["actions"]):
        yield {"path": path, "method": "POST", "data": {"action": action}, "user": ada}
        chosen = {"action": action, "_selected_action": ["2", "999"], "index": "0"}
        yield {"path": path, "method": "POST", "data": chosen, "user": ada}
    yield {"path": path, "method": "POST", "data": {**chosen, "post": "yes"}, "user": ada}
    if not model["is_user"]:
        for user in (dora, ada):
            yield {
                "path": f"{path}1/delete/",
                "method": "POST",
                "data": {"post": "yes"},
                "user": user,
            }
        yield {"path": f"{path}1/history/", "user": ada}


def changing_a_password(admin, ada):
    path = f"{admin}password_change/"
    right = {"old_password": PASSWORD, "new_password1": "battery9", "new_password2": "battery9"}
    wrong = {"old_password": "wrong"}, {"new_password2": "other"}, {"new_password1": "1"}
    for each in (*wrong, {}):
        yield {"path": path, "method": "POST", "data": {**right, **each}, "user": ada}
    yield {"path": f"{admin}password_change/done/", "user": ada}
    yield {"path": f"{admin}logout/", "user": ada}
    yield {"path": f"{admin}logout/", "method": "POST", "user": ada}
    yield {"path": admin, "user": ada}
