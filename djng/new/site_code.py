"""Write the file of a site that has a model for each table, formatted as ``ruff format`` does."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template

from django.utils.text import camel_case_to_spaces, capfirst

from djng.apps import label_of
from djng.new.names import unique, words
from djng.new.tables import Column, Source, Table, quoted

WIDTH = 88
TEMPLATE = Path(__file__).with_name("data.py-tpl")
UNLISTED = ("TextField", "BinaryField")
PRIVATE = re.compile(r"passw|secret|token|api_?key|hash|salt|ssn|credit_card|iban")
LABELS = ("name", "title", "label", "full_name", "username", "subject")
IMPORTS = """\
from pathlib import Path

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models.expressions import RawSQL
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import slugify
from djng import Djng
"""
RELATED = '''\
def related(row):
    """The rows that belong to this one, by the name of their model."""
    for field in row._meta.get_fields():
        if field.one_to_many or field.many_to_many:
            name = field.get_accessor_name() if field.auto_created else field.name
            rows = getattr(row, name).all()[:50]
            yield field.related_model._meta.verbose_name_plural, "", rows
'''
IN_PLACE = '''\
app = Djng(
    DATABASES=lambda default: {{
        **default,  # Django's own tables
        "data": {{
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": {path},
            "OPTIONS": {{"transaction_mode": "IMMEDIATE", "timeout": 20}},
        }},
    }},
    DATABASE_ROUTERS=["{label}.DataRouter"],
)


class DataRouter:
    """Unmanaged models are in {name}. All else stays out of it."""

    def db_for_read(self, model, **hints):
        return None if model._meta.managed else "data"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db != "data"
'''
READ_ONLY = """

class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    has_delete_permission = has_change_permission
"""


def string(text: str) -> str:
    """The text as a Python string, in the quotes that ``ruff format`` prefers."""
    literal = repr(text)
    if literal[0] == "'" and text.count('"') <= text.count("'"):
        literal = '"' + literal[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    return literal


def call(name: str, arguments: Iterable[str], indent: int = 0) -> str:
    """``name(arguments)`` in one line if that fits, or as ``ruff format`` divides it."""
    inner, edge = ", ".join(arguments), "\n" + " " * indent
    if indent + len(f"{name}({inner})") <= WIDTH:
        return f"{name}({inner})"
    if indent + 4 + len(inner) <= WIDTH:
        return f"{name}({edge}    {inner}{edge})"
    return f"{name}({''.join(f'{edge}    {argument},' for argument in arguments)}{edge})"


def string_list(name: str, names: Iterable[str]) -> str:
    """``name=["a", "b"]``, with as many of the names as one line holds."""
    text = ""
    for each in names:
        longer = f"{text}, {string(each)}" if text else string(each)
        if text and len(f"    {name}=[{longer}],") > WIDTH:
            break
        text = longer
    return f"{name}=[{text}]"


def site_code(source: Source, file: Path) -> str:
    """The source of the site in `file` for the tables of the source, whose fields are decided."""
    models = [table for table in source.tables if not table.is_link or source.in_place]
    name_relations(models)
    has_views = any(table.is_view for table in models)
    has_relations = any(column.target for table in source.tables for column in table.columns)
    blocks = [app_code(source, file), *[READ_ONLY] * has_views]
    blocks += [*(model_code(source, table) for table in models), *[RELATED] * has_relations]
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=file.name,
        source=plain(source.name),
        imports="$imports",
        models="\n\n\n".join(block.strip() for block in blocks),
        pages="\n".join(page_code(table) for table in models),
        lists=', "lists": related(row)' if has_relations else "",
        title=string(" ".join(words(file.stem)).capitalize()),
    )
    return text.replace("$imports", needed_imports(text))


def app_code(source: Source, file: Path) -> str:
    if not source.in_place:
        return "app = Djng()"
    path = path_from(file, source.in_place)
    return IN_PLACE.format(path=path, label=label_of(file.stem), name=plain(source.name))


def needed_imports(text: str) -> str:
    """The imports of names that the text uses."""
    lines = [
        line
        for line in IMPORTS.splitlines(keepends=True)
        if not line.strip() or re.search(rf"(?<!\.)\b{line.split()[-1]}[.(]", text)
    ]
    return "".join(lines).lstrip("\n")


def path_from(file: Path, database: str) -> str:
    """The database, relative to the file if it is below its folder, as Python code."""
    path, folder = Path(database).resolve(), file.resolve().parent
    if not path.is_relative_to(folder):
        return string(str(path))
    return f"Path(__file__).parent / {string(path.relative_to(folder).as_posix())}"


def model_code(source: Source, table: Table) -> str:
    """The class of a model, and the one of its admin."""
    options = admin_options(source, table)
    lines = [*map(comment, table_notes(source, table))]
    if not (table.is_view or len(table.key) > 1):
        lines.append(call("@app.admin", options))
    lines.append(f"class {table.model}(models.Model):")
    if len(table.key) > 1:
        names = [string(column.attname) for column in table.key]
        lines.append("    " + call("pk = models.CompositePrimaryKey", names, 4))
    for column in table.columns:
        lines += [f"    {line}" for line in field_code(source, table, column)]
    lines += [f"    {link_code(source, table, link)}" for link in table.links]
    lines += [f"    {line}".rstrip() for line in meta_code(source, table)]
    lines += ["", "    def __str__(self):", f"        return {text_of(table)}", ""]
    if table.is_unique:
        args = "self.pk" if len(table.key) > 1 else "[self.pk]"
        lines += ["    def get_absolute_url(self):"]
        lines += [f"        return reverse({string(table.model.lower())}, args={args})", ""]
    if table.is_view:
        options += ["list_display_links=None"] * (not table.is_unique)
        lines += ["", call("admin.site.register", [table.model, "ReadOnlyAdmin", *options])]
    return "\n".join(lines).rstrip()


def table_notes(source: Source, table: Table) -> Iterator[str]:
    if table.is_view:
        what = "a view" if source.in_place else "a view: these are its rows when they were copied"
        yield f"{table.title} is {what}."
    if len(table.key) > 1:
        yield "Django's admin cannot show a model with a composite primary key."


def comment(text: str) -> str:
    return f"# {plain(text)}"


def plain(text: str) -> str:
    """The text for a comment or a docstring. A name in it may have line breaks and quotes."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def field_code(source: Source, table: Table, column: Column) -> Iterator[str]:
    """The lines of a field, with a comment if something about it was guessed."""
    if column.note:
        yield comment(column.note)
    is_key, arguments = table.key == [column], [*column.arguments]
    if is_key and column.field in ("IntegerField", "BigIntegerField"):
        if column.name == "id":
            return  # Django adds it
        if not source.in_place or column.declared == "INTEGER":
            column.field = "BigAutoField"
    arguments += ["primary_key=True"] * is_key
    if source.in_place and column.attname.lower() != column.source.lower():
        arguments.append(f"db_column={database_name(column.source)}")
    field = f"models.{column.field}"
    if column.generated:
        sql = column.generated if source.in_place else renamed(column.generated, table)
        expression = f"expression=RawSQL({string(sql)}, [])"
        inner = f"output_field={call(field, arguments, 8)}"
        field = "models.GeneratedField"
        arguments = [expression, inner, f"db_persist={column.is_stored}"]
    elif title := verbose_name(column):
        arguments.insert(0, f"verbose_name={title}" if column.target else title)
    yield call(f"{column.name} = {field}", arguments, 4)


def database_name(name: str) -> str:
    """The name for Django, which escapes nothing in it, but leaves one in quotes as it is."""
    return string((quoted(name) if '"' in name else name).replace("%", "%%"))


def renamed(sql: str, table: Table) -> str:
    """The expression with the names that the columns have in Django's table."""
    names = {column.source.lower(): column.attname for column in table.columns}
    return re.sub(
        r"""'[^']*'|"([^"]+)"|`([^`]+)`|\[([^]]+)\]|([^\W\d]\w*)(?!\w*\s*\()""",
        lambda found: (
            quoted(names[name])
            if (name := found[found.lastindex or 0].lower()) in names
            else found[0]
        ),
        sql,
    )


def verbose_name(column: Column) -> str:
    """The column's own name, where people would miss something in the field's name."""
    plain = "_".join(words(column.title)).lower()
    is_same = plain in (column.name, column.attname, "") and not re.search(
        "[^\\w .-]", column.title
    )
    return "" if is_same else string(column.title.strip())


def link_code(source: Source, table: Table, link: Table) -> str:
    """A many-to-many field, for a table that holds nothing but its pairs."""
    other = link.other_end(table)
    ends = ['"self"', "symmetrical=False"] if other is table else [string(other.model)]
    through = [f"through={string(link.model)}"] if source.in_place else ["blank=True"]
    ends_here = [
        *(each.target for each in table.columns),
        *(e.other_end(table) for e in table.links),
    ]
    if ends_here.count(other) > 1:  # their names would clash at the other end
        through.append(f'related_name="{"_".join(table.plural.split())}_by_{link.name}"')
    return call(f"{link.name} = models.ManyToManyField", [*ends, *through], 4)


def meta_code(source: Source, table: Table) -> list[str]:
    verbose = camel_case_to_spaces(table.model)
    lines = [f"verbose_name_plural = {string(table.plural)}"] * (table.plural != f"{verbose}s")
    if source.in_place:
        lines += ["managed = False", f"db_table = {database_name(table.source)}"]
    return ["", "class Meta:", *(f"    {line}" for line in lines)] if lines else []


def label_columns(table: Table) -> list[Column]:
    """The columns that tell people which row it is."""
    by_name = {column.name: column for column in table.columns}
    if {"first_name", "last_name"} <= by_name.keys():
        return [by_name["first_name"], by_name["last_name"]]
    texts = [c for c in table.columns if c.field == "CharField" and not (c.note or is_private(c))]
    named = [column for name in LABELS for column in texts if column.name.endswith(name)]
    return [*named, *(column for column in texts if column in table.columns[:3])][:1]


def text_of(table: Table) -> str:
    """What ``__str__`` returns."""
    words = capfirst(camel_case_to_spaces(table.model))
    match label_columns(table):
        case [first, last] if "null=True" not in first.arguments + last.arguments:
            return f'f"{{self.{first.name}}} {{self.{last.name}}}"'
        case [first, last]:
            return f'" ".join(filter(None, [self.{first.name}, self.{last.name}]))'
        case [label] if "blank=True" in label.arguments:
            return f'self.{label.name} or f"{words} {{self.pk}}"'
        case [label]:
            return f"self.{label.name}"
    return f'f"{words} {{self.pk}}"'


def is_private(column: Column) -> bool:
    return bool(PRIVATE.search(column.name))


def admin_options(source: Source, table: Table) -> list[str]:
    """The options of ModelAdmin that fit the fields."""
    labels = label_columns(table)
    hidden = (*labels, *(table.key if labels else ()))
    shown = [c for c in table.columns if c not in hidden and c.field not in UNLISTED]
    names = [c.name for c in (*labels, *shown) if not is_private(c) and c.name != "id"]
    related = [(c.name, c.target) for c in table.columns if c.target]
    related += [(link.name, link.other_end(table)) for link in table.links if not source.in_place]
    far = {name: is_searchable(other) for name, other in related if other.rows > 50}
    options = {
        "list_display": names or ["__str__"],
        "search_fields": search_fields(table),
        "list_filter": [c.name for c in table.columns if can_filter(source, table, c)],
        "autocomplete_fields": [name for name, can_search in far.items() if can_search],
        "raw_id_fields": [name for name, can_search in far.items() if not can_search],
        "readonly_fields": [c.name for c in table.columns if c.generated],
    }
    return [string_list(name, names) for name, names in options.items() if names]


def is_searchable(table: Table) -> bool:
    return bool(search_fields(table)) and len(table.key) < 2


def search_fields(table: Table) -> list[str]:
    texts = [c for c in table.columns if c.field in ("CharField", "EmailField", "TextField")]
    return [column.name for column in texts if not is_private(column)]


def can_filter(source: Source, table: Table, column: Column) -> bool:
    """Whether the values are few kinds, or dates, so that a filter helps."""
    if column.field in ("BooleanField", "DateField", "DateTimeField"):
        return True
    if column.target:
        return column.target.rows <= 30
    if column.field != "CharField" or is_private(column) or column in label_columns(table):
        return False
    found = [*source.select(f"DISTINCT {quoted(column.source)}", table, "LIMIT 13")]
    return 1 < len(found) <= 12 and len(found) < table.rows / 3


def page_code(table: Table) -> str:
    """The call that adds the pages of a model."""
    columns = [c for c in table.columns if c.field != "BinaryField" and not is_private(c)]
    names = [c.attname if c.is_dangling else c.name for c in columns if c.name != "id"]
    arguments = [table.model, *map(string, textwrap.wrap(" ".join(names), 80))]
    if len(table.key) > 1:
        parts = [f"<{converter(column)}:{column.attname}>" for column in table.key]
        arguments.append(f"key={string('/'.join(parts))}")
    elif table.key and converter(table.key[0]) != "int":
        arguments.append('key="<path:pk>"')
    return call("add_pages", arguments)


def converter(column: Column) -> str:
    while column.target:
        column = column.target.key[0]
    return "int" if column.field in ("IntegerField", "BigIntegerField", "BigAutoField") else "path"


def name_relations(tables: list[Table]) -> None:
    """Give relations a `related_name` where Django's own would clash with another name."""
    relations = [(table, c, c.target) for table in tables for c in table.columns if c.target]
    for table, column, target in relations:
        name = table.model.lower()
        names = {each.name for each in target.columns} | {link.name for link in target.links}
        twins = [each for each in relations if each[0] is table and each[2] is target]
        if len(twins) > 1 or {name, f"{name}_set"} & names:
            plural = "_".join(table.plural.split())
            related = string(unique(f"{plural}_by_{column.name}", names))
            column.arguments.append(f"related_name={related}")
