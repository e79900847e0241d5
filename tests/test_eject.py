"""`python blog.py eject`: where things go, what is refused, and what is reported."""

import re
import subprocess
import sys
from pathlib import Path

import django
import pytest
from conftest import ROOT
from ejecting import manage
from test_readme import BLOCKS

HEAD = "from djng import Djng, Router\nfrom django.db import models\n\napp = Djng()\n\n\n"


@pytest.fixture
def eject(site):
    """Write a site, eject it, and return a function that reads the project's modules."""

    def run(source, *options):
        site.put("blog.py", f'{HEAD}{source}\n\nif __name__ == "__main__":\n    app.run()\n')
        site.output = site.succeed("eject", "project", *options)
        return lambda name: (site.folder / "project/blog" / name).read_text()

    return run


def refused(site, source):
    site.put("blog.py", f'{HEAD}{source}\n\nif __name__ == "__main__":\n    app.run()\n')
    done = site.run("eject", "project")
    assert done.returncode == 1, done.stdout
    assert not (site.folder / "project").exists()
    return done.stderr


def test_the_page_on_leaving_shows_what_happens(site):
    """docs/leaving.md runs as it stands, in the folder of the README's first example."""
    page = (ROOT / "docs/leaving.md").read_text()
    (shown,) = re.findall(
        r"^```console\n\$ python notes.py eject project\n(.*?)^```$", page, re.M | re.S
    )
    site.put("notes.py", next(text for language, text in BLOCKS if language == "python"))
    for command in (
        "makemigrations",
        "migrate",
        "createsuperuser --noinput --username a --email a@example.org",
    ):
        assert site.fork("notes.py", *command.split()).returncode == 0
    assert site.fork("notes.py", "eject", "project").stdout == shown
    for step in re.findall(r"^  (python notes.py .*|cp .*)$", shown, re.MULTILINE):
        command = step.replace("python", sys.executable, 1).split()
        subprocess.run(command, cwd=site.folder, check=True, stdout=subprocess.DEVNULL)
    assert "No migrations to apply" in manage(site, "migrate")
    python = [each.strip() for each in page.split("`") if each.startswith("return {")]
    assert python == ['return {"a": 1}']


PAGE = '@app.get("/")\ndef index(request):\n    return {}\n'


def test_a_folder_with_something_in_it_is_left_alone(site):
    site.put("blog.py", HEAD + "app.run()").put("project/mine.txt", "mine")
    done = site.run("eject", "project")
    assert done.stderr == "CommandError: project is not an empty folder. Nothing was written.\n"
    assert site.files() == ["blog.py", "project", "project/mine.txt"]


def test_a_folder_must_be_named(site):
    done = site.put("blog.py", HEAD + "app.run()").run("eject")
    assert "Say where: eject DIR" in done.stderr


def test_the_words_stay(eject):
    source = """
# Why this is here.

class Post(models.Model):  # a post
    title = models.CharField( max_length = 20 )   # 'quotes' stay


    # the end
"""
    assert eject(source)("models.py").endswith(source.lstrip("\n").rstrip() + "\n")


def test_what_one_module_uses_goes_there(eject):
    read = eject(
        f"LIMIT = 2\n\n\ndef top(items):\n    return items[:LIMIT]\n\n\n{PAGE}"
        + """

@app.get("/all/")
def all_of_them(request):
    return top([1, 2, 3])
"""
    )
    assert "LIMIT = 2\n\n\ndef top(items):" in read("views.py")


def test_what_several_modules_use_has_a_module_of_its_own(eject):
    read = eject("""
LIMIT = 2


def shout(text):
    return text.upper()


class Post(models.Model):
    title = models.CharField(max_length=LIMIT)

    def __str__(self):
        return shout(self.title)


def newest():
    return Post.objects.all()[:LIMIT]


@app.get("/")
def index(request):
    return shout("a")


@app.context_processor
def posts(request):
    return {"posts": newest()}


@app.command
def list_posts():
    print(*newest())
""")
    assert read("constants.py") == "LIMIT = 2\n"
    assert read("utils.py").startswith("def shout(text):")
    assert "def newest():" in read("services.py")
    assert "from .constants import LIMIT\nfrom .utils import shout\n" in read("models.py")
    assert "from blog.services import newest\n" in read("management/commands/list_posts.py")


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (
            '\n        """The form."""\n        return PostForm(instance=self)',
            '"""The form."""\n        from .forms import PostForm\n\n        return PostForm(',
        ),
        (
            " return PostForm(instance=self)",
            "self):\n        from .forms import PostForm\n\n        return PostForm(",
        ),
    ],
)
def test_imports_never_form_a_circle(eject, site, body, written):
    read = eject(f"""
from django import forms


class Post(models.Model):
    title = models.CharField(max_length=20)

    def form(self):{body}


class PostForm(forms.ModelForm):
    class Meta:
        model = Post
        fields = ["title"]
""")
    assert written in read("models.py")
    assert "no issues" in manage(site, "check")


def test_attributes_of_functions_stay_with_them(eject, site):
    read = eject("""
from django.contrib import admin


class Post(models.Model):
    title = models.CharField(max_length=20)


def short(post):
    return post.title[:3]


short.short_description = "Short"


@app.admin(Post)
class PostAdmin(admin.ModelAdmin):
    list_display = [short]
""")
    assert 'return post.title[:3]\n\n\nshort.short_description = "Short"\n' in read("admin.py")
    assert not (site.folder / "project/blog/startup.py").exists()


def test_imports_under_conditions_come_along(eject, site):
    read = eject("""
from typing import TYPE_CHECKING
from math import *

if TYPE_CHECKING:
    from django.http import HttpRequest

try:
    import missing_package
except ImportError:
    missing_package = None


@app.get("/")
def index(request: "HttpRequest") -> str:
    return f"{pi} {missing_package}"
""")
    text = read("views.py")
    assert "from math import pi\n" in text
    assert "if TYPE_CHECKING:\n    from django.http import HttpRequest\n" in text
    assert "try:\n    import missing_package\nexcept ImportError:" in text
    assert '(request: "HttpRequest") -> HttpResponse:' in text
    assert "no issues" in manage(site, "check")


def test_a_variable_that_functions_change_stays_with_them(eject):
    read = eject("""
count = 0


@app.get("/")
def index(request):
    global count
    count += 1
    return str(count)
""")
    assert "count = 0\n\n\n@require_safe\ndef index(request):\n    global count" in read("views.py")


def test_a_variable_that_changes_is_not_imported(site):
    source = """
hits = 0


def count():
    global hits
    hits += 1


@app.before_request
def counted(request):
    count()


@app.get("/")
def index(request):
    count()
    return str(hits)
"""
    line = HEAD.count("\n") + source[: source.index("@app.get")].count("\n") + 1
    error = refused(site, source)
    assert f"blog.py:{line + 1}: views would not see how functions change hits.\n" in error
    assert "Read hits in a function beside those" in error


def test_exceptions_of_python_of_modules_and_of_models_have_error_views(eject):
    read = eject("""
import json


class Post(models.Model):
    title = models.CharField(max_length=20)


@app.error(UnicodeDecodeError)
@app.error(json.JSONDecodeError)
@app.error(Post.DoesNotExist)
def unreadable(request, exception):
    return "What is this?", 400
""")
    text = read("middleware.py")
    assert '("", UnicodeDecodeError, views.unreadable)' in text
    assert '("", json.JSONDecodeError, views.unreadable)' in text
    assert '("", Post.DoesNotExist, views.unreadable)' in text
    assert "import json\n" in text
    assert "from .models import Post\n" in text


def test_an_error_view_may_give_its_parameter_another_name(eject, site):
    eject("@app.error(404)\ndef failed(request, e):\n    return type(e).__name__\n")
    client = "from django.test import Client; client = Client(SERVER_NAME='localhost')"
    code = f"{client}; print(client.get('/none/').text)"
    assert manage(site, "shell", "-c", code).split()[-1] == "Resolver404"


def test_receivers_are_connected(eject, site):
    eject("""
from django.db.models.signals import post_migrate
from django.dispatch import receiver


@receiver(post_migrate)
def migrated(sender, **signal):
    print("connected")
""")
    assert "connected" in manage(site, "migrate")


def test_code_that_runs_on_import_says_so(eject, site):
    read = eject('import mimetypes\n\nmimetypes.add_type("text/x-sail", ".sail")\n' + PAGE)
    text = '# This runs when Django imports the module.\nmimetypes.add_type("text/x-sail", ".sail")'
    assert text in read("models.py")


def test_a_missing_key_is_a_bad_request_where_views_read_keys(eject, site):
    eject('@app.post("/")\ndef index(request):\n    return request.POST["title"]')
    client = "from django.test import Client; client = Client(SERVER_NAME='localhost')"
    code = f"{client}; print(client.post('/').status_code)"
    assert manage(site, "shell", "-c", code).split()[-1] == "400"


def test_a_project_whose_views_read_no_keys_has_no_middleware_for_them(eject):
    source = '@app.get("/")\ndef index(request):\n    return request.GET.get("q", "")'
    assert "MissingKey" not in eject(source)("settings.py")


def test_hooks_and_errors_are_lines_of_middleware(eject, site):
    text = eject("""
shop = Router()


@app.before_request
def closed(request):
    if "closed" in request.GET:
        return "We are closed.", 503


@shop.before_request
def counted(request):
    return closed(request)


@shop.get("/")
def index(request):
    return str(int(request.GET["n"]))


@app.error(ValueError)
def bad(request, exception):
    return "bad", 400


app.include("/shop/", shop)
""")("middleware.py")
    assert "closed_middleware = call_before(handling_errors(responds()(closed)))\n" in text
    assert "call_before(handling_errors(counted))" in text
    assert 'ERROR_VIEWS: list[Any] = [\n    ("", ValueError, views.bad),\n]\n' in text
    assert "no issues" in manage(site, "check")


def test_what_a_helper_may_return_is_known_only_if_it_always_returns(eject):
    text = eject("""
def closed_text(request):
    if "closed" in request.GET:
        return "We are closed."


def bare(request):
    if request.GET:
        return
    return "text"


def whole(request):
    if request.GET:
        return "a"
    else:
        raise ValueError


@app.before_request
def closed(request):
    return closed_text(request) or bare(request)


@app.before_request
def shut(request):
    return closed_text(request)


@app.before_request
def barred(request):
    return bare(request)


@app.get("/")
def index(request):
    return whole(request)


@app.get("/echo/<response>/")
def echo(request, response):
    return response


@app.get("/all/<name>/")
def everything(request, name):
    if name == "all":
        name = {"all": True}
    return name


@app.after_request
def stamp(request, response):
    return response
""")
    views, middleware = text("views.py"), text("middleware.py")
    assert "return HttpResponse(whole(request))" in views
    assert "@responds()\ndef echo(" in views
    assert "@responds()\ndef everything(" in views
    for name in ("closed", "shut", "barred"):
        assert f"@responds()\ndef {name}(" in middleware
    assert "\n\ndef stamp(request, response):" in middleware


def test_classes_answer_with_what_their_methods_and_those_of_their_bases_return(eject):
    read = eject("""
from django.views.generic import FormView, View
from django import forms


class KeyMixin:
    def dispatch(self, request, *args, **kwargs):
        if "key" not in request.GET:
            return {"error": "There is no key."}, 401
        return super().dispatch(request, *args, **kwargs)


class Base(View):
    def get(self, request):
        return {"name": "base"}


@app.route("/child/")
class Child(Base):
    def get(self, request):
        return {**super().get(request), "child": True}


@app.route("/guarded/")
class Guarded(KeyMixin, View):
    def get(self, request):
        return "guarded"


@app.route("/form/", template="form.html")
class Form(FormView):
    form_class = forms.Form
    template_name = "form.html"

    def form_valid(self, form):
        return {"form": form, "done": True}


@app.route("/checked/")
class Checked(View):
    def dispatch(self, *args, **kwargs):
        return "checked"
""")
    urls, views = read("urls.py"), read("views.py")
    assert 'path("child/", responds()(views.Child.as_view()), name="Child")' in urls
    assert 'path("guarded/", responds()(views.Guarded.as_view()), name="Guarded")' in urls
    assert 'path("form/", views.Form.as_view(), name="Form")' in urls
    assert 'return render(self.request, "form.html", {"form": form, "done": True})' in views
    assert 'return HttpResponse("checked")' in views


def test_uploaded_files_keep_their_url(eject, site):
    head = HEAD.replace("Djng()", 'Djng(serve_media=True, MEDIA_URL="files/")')
    site.put("blog.py", f"{head}{PAGE}\n\napp.run()\n")
    site.succeed("eject", "project")
    text = (site.folder / "project/blog/urls.py").read_text()
    assert 'path("files/<path:path>", media.serve)' in text


def test_options_of_the_admin_keep_strings_of_several_lines(eject):
    text = eject('''
@app.admin(
    list_display=[
        "title",
    ],
    description=lambda self, post: """
one
  two""",
)
class Post(models.Model):
    title = models.CharField(max_length=20)
''')("admin.py")
    assert 'class PostAdmin(admin.ModelAdmin):\n    list_display = [\n        "title",\n' in text
    assert '    description = lambda self, post: """\none\n  two"""\n' in text


def test_urls_with_the_language_are_not_included(eject, site):
    text = eject("""
from django.conf.urls.i18n import i18n_patterns
from django.urls import path
from django.views.generic import TemplateView

app.include("/", i18n_patterns(path("about/", TemplateView.as_view(template_name="a.html"))))
""")("urls.py")
    assert '\n    *i18n_patterns(path("about/", ' in text
    assert "no issues" in manage(site, "check")


def test_a_feed_needs_no_help(eject):
    text = eject("""
from django.contrib.syndication.views import Feed


class Latest(Feed):
    title = link = description = "/"


app.get("/feed/", name="feed")(Latest())
""")("urls.py")
    assert 'path("feed/", require_safe(Latest()), name="feed"),' in text


def test_a_view_of_another_file_gets_help(eject, site):
    site.put("helpers.py", "def hello(request):\n    return 'hello'\n")
    text = eject('from helpers import hello\n\napp.get("/")(hello)\n')("urls.py")
    assert 'path("", require_safe(responds()(hello)), name="hello"),' in text
    assert "no issues" in manage(site, "check")


def test_a_router_that_a_loop_includes_is_refused_with_its_line(site):
    loop = 'for prefix in ("/a/", "/b/"):\n    app.include(prefix, shop)\n'
    message = refused(site, f"shop = Router()\n\n{loop}")
    assert 'blog.py:10: "/a/" cannot be moved.' in message


def test_what_uses_the_app_is_refused_with_its_line(site):
    message = refused(site, '@app.get("/")\ndef index(request):\n    return app.label\n')
    assert message.startswith("CommandError: ")
    assert "blog.py:9: a Django project has no app" in message


def test_a_route_under_a_condition_is_refused_with_its_line(site):
    message = refused(
        site, 'if not models:\n\n    @app.get("/")\n    def index(request):\n        ...\n'
    )
    assert "blog.py:9: a Django project has no app" in message
    assert "Use app in decorators and in statements of their own" in message


@pytest.mark.parametrize("line", ["import blog", "from blog import Post"])
def test_a_file_that_imports_itself_is_refused_with_its_line(site, line):
    model = "class Post(models.Model):\n    title = models.TextField()\n"
    message = refused(site, f"{model}\n\ndef newest():\n    {line}\n")
    assert "blog.py:12: the file imports itself.\n" in message


def test_the_library_under_another_name_is_refused_with_its_line(site):
    source = "register = app.library\n\n\n@register.filter\ndef shout(text):\n    return text\n"
    assert "blog.py:7: a Django project has no app" in refused(site, source)


def test_a_list_of_public_names_is_left_out(eject, site):
    eject(f'__all__ = ["app", "index"]\n\n\n{PAGE}')
    assert not (site.folder / "project/blog/utils.py").exists()


def test_another_module_with_a_router_stays_where_it_is(eject, site):
    site.put("shop.py", SHOP)
    read = eject('import shop\n\napp.include("/shop/", shop.router)\n')
    shop = (site.folder / "project/shop.py").read_text()
    assert shop.startswith('"""The shop."""\n\nfrom django.http import HttpResponse\n')
    assert (
        '# What it says.\n@require_safe\ndef index(request):\n    return HttpResponse("x")' in shop
    )
    assert 'path("", shop.index, name="index")' in read("urls.py")
    assert 'path("shop/", include((shop_router_patterns, "shop")))' in read("urls.py")
    assert "no issues" in manage(site, "check")


def test_another_module_stays_a_script(eject, site):
    names = '__all__ = ["index"]'
    site.put("shop.py", f'{SHOP}\n\n{names}\n\nif __name__ == "__main__":\n    print("Hello")\n')
    eject('import shop\n\napp.include("/shop/", shop.router)\n')
    done = site.fork("shop.py", cwd=site.folder / "project")
    assert done.stdout == "Hello\n"
    assert names in (site.folder / "project/shop.py").read_text()


def test_an_error_view_of_another_module_may_be_for_a_class_of_pythons(eject, site):
    site.put("shop.py", f"{SHOP}\n\n@router.error(ValueError)\ndef bad(request, error):\n    ...\n")
    read = eject('import shop\n\napp.include("/shop/", shop.router)\n')
    assert '(r"/shop/", ValueError, shop.bad),' in read("middleware.py")


SHOP = '''"""The shop."""
from djng import Router

router = Router(app_name="shop")


# What it says.
@router.get("/")
def index(request):
    return "x"
'''


GUARD = "def guard(view):\n    return view\n\n\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "from blog import app\n\nrouter = Router()\n\n\n@app.command\ndef sell(): ...",
            "shop.py:8: eject cannot move command out of this file.",
        ),
        ("shops = [Router()]\nrouter = shops[0]", "shop.py:3: eject does not see where"),
        (f"{GUARD}router = Router(decorators=[guard])", "shop.py:7: guard is something else in"),
        ("router = Router()\nLABEL = str(router)", "shop.py:4: a Django project has no router"),
    ],
)
def test_what_another_module_cannot_have_is_refused_with_its_line(site, code, message):
    site.put("shop.py", f"from djng import Router\n\n{code}\n")
    assert message in refused(site, f'{GUARD}import shop\n\napp.include("/shop/", shop.router)\n')


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (
            "import shop\n\nNAME = str(shop.router)",
            "blog.py:9: a Django project has no shop.router",
        ),
        (
            "from shop import router\n\nNAME = str(router)",
            "blog.py:9: a Django project has no router",
        ),
    ],
)
def test_a_router_of_another_module_that_is_used_otherwise_is_refused(site, line, where):
    site.put("shop.py", SHOP)
    assert where in refused(site, f"{line}\n\n\n{PAGE.replace('{}', 'NAME')}")


def test_two_views_of_one_name_are_refused(site):
    message = refused(site, PAGE + '\n\n@app.post("/")\ndef index(request):\n    return "x"\n')
    assert "index is defined twice" in message


CASE = """
from django.test import TestCase


class IndexTests(TestCase):
    def test_it_answers(self):
        assert self.client.get("/").json() == {}
"""


def test_the_users_tests_run_in_the_project(eject, site):
    site.put(
        "test_more.py", f"import blog\n{CASE}\n\ndef test_post(db):\n    blog.Post(title='a')\n"
    )
    site.put("conftest.py", "import blog\n")
    eject(f"class Post(models.Model):\n    title = models.TextField()\n\n\n{PAGE}\n{CASE}")
    assert "import blog.models\n" in (site.folder / "project/test_more.py").read_text()
    assert "Ran 2 tests" in manage(site, "test")
    output = site.succeed("eject", "--check")
    assert "python -m pytest -q: ok" in output


def test_check_writes_nothing_and_tells_what_failed(site):
    site.put("blog.py", f"{HEAD}{PAGE}{CASE.replace('{}', '{1}')}\n\n\napp.run()\n")
    done = site.run("eject", "--check")
    assert done.returncode == 1
    assert "python manage.py check: ok" in done.stdout
    assert "python manage.py test: failed" in done.stdout
    assert "AssertionError" in done.stdout
    assert site.files() == ["blog.py"]


def test_the_report_names_what_is_left_to_do(eject, site):
    site.put("prices.csv", "1").put("static/a.css", "").put("media/b.txt", "")
    eject('''
from pathlib import Path

PRICES = Path(__file__).parent / "prices.csv"
NAME = __file__


@app.get("/")  # with djng
def index(request):
    """Run it: python blog.py runserver"""
    return PRICES.read_text() + NAME
''')
    assert "  blog/static/" in site.output
    assert "blog.py:11: __file__ is another file now." in site.output
    assert "prices.csv: not copied." in site.output
    assert "  cp -r media project\n" in site.output
    views = (site.folder / "project/blog/views.py").read_text()
    assert "Path(__file__).parent.parent / " in views
    assert "Run it: python manage.py runserver" in views


def test_the_steps_copy_data_to_where_the_project_looks(site):
    router = "DATABASES=lambda default: {**default, 'old': {'ENGINE': "
    router += "'django.db.backends.sqlite3', 'NAME': Path(__file__).parent / 'old.sqlite3'}}"
    head = f"from pathlib import Path\n\nfrom djng import Djng\n\napp = Djng(data='var', {router})"
    site.put("blog.py", f"{head}\napp.run()\n").put("old.sqlite3", "").succeed("migrate")
    site.put("var/blog.secret", "x" * 50)
    output = site.succeed("eject", "project")
    assert "no issues" in manage(site, "check")
    expected = ["mkdir -p project/var", "python blog.py backup project/var/blog.sqlite3"]
    expected += ["cp old.sqlite3 project", "cp -r var/blog.secret project/var"]
    steps = [each.strip() for each in output.partition("Go on with:\n")[2].splitlines()]
    assert steps[:4] == expected
    site.fork("blog.py", "backup", "project/var/blog.sqlite3")
    assert "No migrations to apply" in manage(site, "migrate")


def test_requirements_are_those_of_the_file_and_of_all_modules(site):
    script = """
        # /// script
        # dependencies = [
        #   "djng[postgres]",  # "quoted"
        #   "tinycss2>=1; python_version < '4'",
        # ]
        # requires-python = ">=3.11"
        # [tool.uv]
        # exclude-newer = "2026-01-01T00:00:00Z"
        # ///
        import helpers
        from djng import Djng

        app = Djng()
        app.run()
    """
    site.put("helpers.py", "def run():\n    import pytest\n").put("blog.py", script)
    site.succeed("eject", "project")
    lines = (site.folder / "project/requirements.txt").read_text().splitlines()
    names = [re.split("[~>]", each)[0] for each in lines]
    assert names == ["django", "psycopg[binary,pool]", "pytest", "tinycss2", "whitenoise"]


def test_commands_answer_as_those_of_djng(eject, site):
    read = eject("""
@app.command
def count(number: int, version: str = "one", verbosity: int = 1):
    print(version, verbosity)
    return number


@app.command
def hello():
    return "hello"


@app.command
def rows():
    yield "a row"
""")
    assert manage(site, "count", "3", "--version", "two", "-v", "2") == "two 2\n"
    assert manage(site, "hello") == "hello\n"
    assert manage(site, "rows") == ""
    assert "create_parser" not in read("management/commands/hello.py")


def test_a_command_that_returns_text_needs_no_look_at_it(eject):
    read = eject("""
@app.command
def count(name: str):
    total = len(name)
    if total > 1:
        return f"{total} letters"
    return "one letter"
""")
    assert "isinstance" not in read("management/commands/count.py")


def test_arguments_of_commands_keep_their_types_and_defaults(eject, site):
    eject("""
import datetime as dt
import enum
from decimal import Decimal
from pathlib import Path
from typing import Literal


class Kind(enum.Enum):
    NEW = "new"
    OLD = "old"


START = dt.date(2020, 1, 1)


@app.command
def export(
    file: Path,
    *words: str,
    since: dt.date = START,
    kind: Kind = Kind.NEW,
    price: Decimal = Decimal("1.50"),
    form: Literal["csv", "json"] = "csv",
    folder: Path = Path("out"),
):
    print(file, *words, since, kind.name, price, form, folder)
""")
    assert manage(site, "export", "a.txt") == "a.txt 2020-01-01 NEW 1.50 csv out\n"
    options = ["--since=2021-02-03", "--kind=old", "--price=2", "--form=json", "--folder=in"]
    output = manage(site, "export", "a.txt", "b", *options)
    assert output == "a.txt b 2021-02-03 OLD 2 json in\n"


def test_names_under_which_things_are_imported_are_sorted_as_ruff_does(eject, site):
    eject("""
from django.http import Http404 as Missing, HttpResponse as Response, JsonResponse
from django.utils.translation import gettext_lazy as _, ngettext


@app.get("/")
def index(request):
    return Response(_("one")) if request.GET else JsonResponse({"n": ngettext("a", "b", 2)})


@app.get("/text/")
def text(request):
    if request.GET:
        raise Missing
    return "text"
""")
    command = [
        Path(sys.executable).parent / "ruff",
        "check",
        "--isolated",
        "--select=I001",
        "--exclude=migrations",
        "project/blog",
    ]
    done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True)
    assert done.stdout == "All checks passed!\n"


def test_a_folder_of_modules_comes_along_without_an_init_file(eject, site):
    site.put("core/money.py", "def cents(euros):\n    return 100 * euros\n")
    eject('from core.money import cents\n\n\n@app.get("/")\ndef index(request):\n    cents(3)\n')
    views = (site.folder / "project/blog/views.py").read_text()
    assert "require_safe\n\nfrom core.money import cents\n" in views
    assert "no issues" in manage(site, "check")


def test_each_lost_comment_is_listed(site):
    source = f"""{HEAD}
@app.get("/")  # one
def index(request):  # stays
    return "# stays"


# two
app.include("/more/", [])  # three

# four
if __name__ == "__main__":  # pragma: no cover
    app.run()  # five
# six
"""
    output = site.put("blog.py", source).succeed("eject", "project")
    lost = [source.splitlines()[int(each) - 1] for each in re.findall(r":(\d+): this com", output)]
    assert [re.split("# ", each)[1] for each in lost] == "one two three four five six".split()


def test_only_beside_the_file_names_tell_what_is_data(eject, site):
    copied = ("public/.well-known/a.txt", "static/media/a.svg", "templates/media/a.html")
    for each in (*copied, "media/b.txt", "public/__pycache__/a.pyc"):
        site.put(each, "")
    eject(PAGE)
    for place in (copied[0], *(f"blog/{each}" for each in copied[1:])):
        assert (site.folder / "project" / place).exists()
    assert not (site.folder / "project/media").exists()
    assert not (site.folder / "project/public/__pycache__").exists()


@pytest.mark.skipif(django.VERSION < (6, 0), reason="tasks are new in Django 6.0")
def test_tasks_are_djangos(eject):
    read = eject("@app.task(priority=2)\ndef welcome(name):\n    print(name)\n")
    assert read("tasks.py").startswith("from django.tasks import task\n\n\n@task(priority=2)\ndef")


def test_settings_keep_their_words_and_comments(site):
    site.put(
        "blog.py",
        """
        import os
        from djng import Djng

        NAME = os.environ.get("NAME", "x")
        app = Djng(
            # We are in Berlin.
            TIME_ZONE="Europe/Berlin",
            CUSTOM_NAME=NAME,  # our own
            INSTALLED_APPS=lambda default: [*default, "django.contrib.sites"],
            SITE_ID=1,
            SILENCED_SYSTEM_CHECKS=lambda default: [*default, "djng.W003", "urls.W001"],
        )
        app.run()
    """,
    )
    site.succeed("eject", "project")
    text = (site.folder / "project/blog/settings.py").read_text()
    assert '# We are in Berlin.\nTIME_ZONE = "Europe/Berlin"\n' in text
    assert "CUSTOM_NAME = NAME  # our own\n" in text
    assert 'NAME = os.environ.get("NAME", "x")\n' in text
    assert '    "django.contrib.sites",\n]' in text
    assert 'SILENCED_SYSTEM_CHECKS = [\n    "urls.W001",\n]\n' in text
    assert "no issues" in manage(site, "check")


def test_settings_are_those_of_the_call(site):
    site.put(
        "blog.py",
        """
        from pathlib import Path
        from djng import Djng

        def engine(default="django.contrib.sessions.backends.db"):
            print("called")
            return default

        app = Djng(
            DEBUG=False,
            EXPORTS=Path(__file__).parent / "exports",
            SESSION_ENGINE=engine,
            MENU=lambda request: [],
            users=None,
            data=None,
        )
        app.run()
    """,
    )
    assert site.succeed("eject", "project").count("called") == 1  # when the file calls Djng
    text = (site.folder / "project/blog/settings.py").read_text()
    assert 'EXPORTS = Path(__file__).parent.parent / "exports"\n' in text
    assert "\n\n\nDEBUG = False\n" in text
    assert "MENU = lambda request: []\n" in text
    assert "AUTH_USER_MODEL" not in text
    assert "no issues" in manage(site, "check")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ("**{'API_KEY': 'hidden'}", "blog.py:3: eject does not see what ** gives Djng()."),
        ("SECRET_KEY=lambda key: 'hidden'", "Give SECRET_KEY a value instead of a function."),
        ("CSRF_COOKIE_DOMAIN=lambda name: secret()", "Give CSRF_COOKIE_DOMAIN a value instead of"),
        ("DATABASES=lambda default: dict(default)", "Run eject without DATABASE_URL."),
    ],
)
def test_no_secret_of_this_machine_is_written(site, keywords, message):
    site.put("keys.py", "import os\n\n\ndef secret():\n    return os.environ['DATABASE_URL']\n")
    head = "from djng import Djng; from keys import secret"
    site.put("blog.py", f"{head}\n\napp = Djng({keywords})\napp.run()\n")
    done = site.run("eject", "project", DATABASE_URL="sqlite:///hidden.sqlite3")
    assert message in done.stderr
    assert "hidden" not in done.stdout + done.stderr
    assert not (site.folder / "project").exists()


def test_the_project_passes_mypy_where_the_file_does(eject, site):
    eject("""
from django.http import HttpRequest


class Post(models.Model):
    title = models.CharField(max_length=20)


def named(title: str) -> dict[str, str]:
    return {"title": title}


@app.get("/")
def index(request: HttpRequest) -> dict[str, str]:
    return named("One")


@app.get("/text/<int:number>/")
def text(request: HttpRequest, number: int) -> tuple[str, int]:
    return f"{number}", 201


@app.before_request
def closed(request: HttpRequest) -> str | None:
    return "closed" if "closed" in request.GET else None


@app.error(ValueError)
async def bad(request: HttpRequest, exception: ValueError) -> str:
    return f"{exception}"


@app.error(KeyError)
def missing(request: HttpRequest, exception: KeyError) -> tuple[str, int]:
    return "missing", 404


shop = Router()


@shop.get("/")
def front(request: HttpRequest) -> str:
    return "shop"


app.include("/shop/", shop)
""")
    command = [Path(sys.executable).parent / "mypy", "blog"]
    site.put(
        "project/mypy.ini",
        """
        [mypy]
        plugins = mypy_django_plugin.main
        check_untyped_defs = true
        [mypy-whitenoise.*]
        ignore_missing_imports = true
        [mypy.plugins.django-stubs]
        django_settings_module = "blog.settings"
    """,
    )
    done = subprocess.run(command, cwd=site.folder / "project", capture_output=True, text=True)
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
