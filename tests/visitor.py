"""A browser without JavaScript, and what the tests of users share."""

import re
from http.cookiejar import CookieJar
from types import SimpleNamespace
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

# It is weak, but fast.
HASHER = 'PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]'
PASSWORD = "correct-horse-9"


class Visitor:
    """A browser that keeps cookies, follows redirects and sends forms."""

    def __init__(self, server):
        self.server, self.root = server, f"http://127.0.0.1:{server.port}"
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def open(self, path, data=None):
        with self.opener.open(self.root + path, data) as response:
            text = response.read().decode()
            return SimpleNamespace(text=text, path=response.url.removeprefix(self.root))

    def fill_in(self, path, **fields):
        """Open the page, send its form with the fields, and return the page that follows."""
        page = self.open(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        fields = {"csrfmiddlewaretoken": token, **fields}
        return self.open(page.path, urlencode(fields).encode())

    def sign_up(self, name, path="/accounts/signup/", password=PASSWORD):
        passwords = {"password1": password, "password2": password}
        email = name if "@" in name else f"{name if name.isascii() else 'a'}@example.org"
        return self.fill_in(path, username=name, email=email, **passwords)

    def sign_in(self, name, path="/accounts/login/", password=PASSWORD):
        return self.fill_in(path, username=name, password=password)

    def sign_out(self, path="/accounts/logout/", form="/accounts/password_change/"):
        token = re.search(r'middlewaretoken" value="(\w+)"', self.open(form).text)[1]
        return self.open(path, urlencode({"csrfmiddlewaretoken": token}).encode())
