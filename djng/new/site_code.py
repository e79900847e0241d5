"""Write the file of a site that has a model for each table, formatted as ``ruff format`` does."""

import json
import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.template import Context, Engine
from django.utils.text import camel_case_to_spaces, capfirst

from djng.apps import label_of
from djng.new.names import snake, words
from djng.new.tables import Column, Source, Table, quoted

WIDTH = 88
TEMPLATE = Path(__file__).with_name("data.py-tpl")
TAG_ALONE = re.compile(r"(?m)^ *(\{%[^%]*%\})\n")
PRIVATE = re.compile(  # but no secretary, tokenizer, hashtag or basalt
    r"passw|secret(?!ar)|token(?!i[sz])|api_?key|hash(?!tag)|credit_card"
    r"|(^|_)(salt|ssn|iban)\d*(_|$)"
)
LABELS = ("name", "title", "label", "full_name", "username", "subject")
SHORTENED = ("list_display", "search_fields", "list_filter")
UNLISTED = ("TextField", "BinaryField")
INTEGERS = ("IntegerField", "BigIntegerField", "BigAutoField")


def string(text: str) -> str:
    """The text as a Python string, in the quotes that ``ruff format`` prefers."""
    return repr(text) if '"' in text else json.dumps(text, ensure_ascii=False)


def call(name: str, arguments: Iterable[str], indent: int = 0) -> str:
    """``name(arguments)`` in one line if that fits, or as ``ruff format`` divides it."""
    inner, edge = ", ".join(arguments), "\n" + " " * indent
    if indent + len(f"{name}({inner})") <= WIDTH:
        return f"{name}({inner})"
    if indent + 4 + len(inner) <= WIDTH:
        return f"{name}({edge}    {inner}{edge})"
    return f"{name}({''.join(f'{edge}    {argument},' for argument in arguments)}{edge})"


def string_list(name: str, names: list[str]) -> str:
    """``name=["a", "b"]``, with as many names as one line holds if the others can be left out."""
    whole = f"{name}=[{', '.join(map(string, names))}]"
    if name not in SHORTENED and len(whole) > WIDTH - len("    ,"):
        lines = "".join(f"        {string(each)},\n" for each in names)
        return f"{name}=[\n{lines}    ]"
    texts = (f"{name}=[{', '.join(map(string, names[:n]))}]" for n in range(len(names), 0, -1))
    return next(text for text in texts if len(text) <= WIDTH - len("    ,"))


def plain(text: str) -> str:
    """The text for a comment or a docstring. A name in it may have line breaks and quotes."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def site_code(source: Source, file: Path) -> str:
    """The source of the site in `file` for the tables of the source, whose fields are decided."""
    tables = [table for table in source.tables if not table.is_link or source.in_place]
    columns = [column for table in tables for column in table.columns]
    database = os.path.relpath(source.in_place, file.parent) if source.in_place else ""
    values = {
        "file": file.name,
        "label": label_of(file.stem),
        "source": plain(source.name),
        "database": database and string(Path(database).as_posix()),
        "has_views": any(table.is_view for table in tables),
        "has_urls": any(table.is_unique for table in tables),
        "has_generated": any(column.generated for column in columns),
        "has_relations": any(table.ends for table in source.tables),
        "models": [model_values(table) for table in tables],
        "title": string(" ".join(words(file.stem)).capitalize()),
    }
    template = TAG_ALONE.sub(r"\1", TEMPLATE.read_text(encoding="utf-8"))
    return Engine().from_string(template).render(Context(values, autoescape=False))


def model_values(table: Table) -> dict[str, Any]:
    """What the template needs to write the class of a model, and how the admin shows it."""
    options = admin_options(table)
    view_options = [*options, *["list_display_links=None"] * (not table.is_unique)]
    usual = f"{camel_case_to_spaces(table.model)}s"
    return {
        "table": table,
        "title": plain(table.title),
        "db_table": database_name(table.origin),
        "is_composite": len(table.key) > 1,
        "admin": call("@app.admin", options),
        "register": call("admin.site.register", [table.model, "ReadOnlyAdmin", *view_options]),
        "fields": [*fields(table)],
        "plural": "" if table.plural == usual else string(table.plural),
        "text": text_of(table),
        "page": page_code(table),
    }


def fields(table: Table) -> Iterator[str]:
    """The fields as code, with a comment above each that has a guess in it."""
    if len(table.key) > 1:
        names = [string(column.attname) for column in table.key]
        yield call("pk = models.CompositePrimaryKey", names, 4)
    for column in table.columns:
        if column.note:
            yield f"# {plain(column.note)}"
        if table.key != [column] or column.name != "id" or column.field not in INTEGERS:
            yield field_code(column)  # else Django adds it
    for link in table.links:
        yield link_code(table, link)


def field_code(column: Column) -> str:
    table, arguments = column.table, [*column.arguments]
    in_place = table.source.in_place
    if table.key == [column]:
        if column.field in INTEGERS and (not in_place or column.declared == "INTEGER"):
            column.field = "BigAutoField"
        arguments.append("primary_key=True")
    if in_place and column.attname.lower() != column.origin.lower():
        arguments.append(f"db_column={database_name(column.origin)}")
    field = f"models.{column.field}"
    if column.generated:
        sql = column.generated if in_place else renamed(column.generated, table)
        output = f"output_field={call(field, arguments, 8)}"
        field = "models.GeneratedField"
        arguments = [f"expression=RawSQL({string(sql)}, [])", output]
        arguments.append(f"db_persist={column.is_stored}")
    elif title := verbose_name(column):
        arguments.insert(0, f"verbose_name={title}" if column.target else title)
    return call(f"{column.name} = {field}", arguments, 4)


def database_name(name: str) -> str:
    """The name for Django, which escapes nothing in it, but leaves one in quotes as it is."""
    return string((name if name and '"' not in name else quoted(name)).replace("%", "%%"))


def renamed(sql: str, table: Table) -> str:
    """The expression with the names that the columns have in Django's table."""
    names = {column.origin.lower(): quoted(column.attname) for column in table.columns}
    return re.sub(
        r"""'[^']*'|["`[](.+?)["`\]]|\w+""",
        lambda found: names.get((found[1] or found[0]).lower(), found[0]),
        sql,
    )


def verbose_name(column: Column) -> str:
    """The column's own name, where people would miss something in the field's name."""
    is_same = snake(column.title) in (column.name, column.attname, "")
    is_odd = re.search(r"[^\w .-]", column.title) and column.title.strip()
    return string(column.title.strip()) if is_odd or not is_same else ""


def link_code(table: Table, link: Table) -> str:
    """A many-to-many field, for a table that holds nothing but its pairs."""
    other = link.other_end(table)
    arguments = ['"self"', "symmetrical=False"] if other is table else [string(other.model)]
    arguments.append(f"through={string(link.model)}" if table.source.in_place else "blank=True")
    others = [*(c.target for c in table.ends), *(each.other_end(table) for each in table.links)]
    if others.count(other) > 1:  # their names would clash at the other end
        arguments.append(f'related_name="{snake(table.plural)}_by_{link.name}"')
    return call(f"{link.name} = models.ManyToManyField", arguments, 4)


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
    number = f'f"{capfirst(camel_case_to_spaces(table.model))} {{self.pk}}"'
    match label_columns(table):
        case [first, last] if "null=True" not in first.arguments + last.arguments:
            return f'f"{{self.{first.name}}} {{self.{last.name}}}"'
        case [first, last]:
            return f'" ".join(filter(None, [self.{first.name}, self.{last.name}]))'
        case [label]:
            return f"self.{label.name}" + f" or {number}" * ("blank=True" in label.arguments)
    return number


def is_private(column: Column) -> bool:
    return bool(PRIVATE.search(column.name))


def admin_options(table: Table) -> list[str]:
    """The options of ModelAdmin that fit the fields."""
    labels = label_columns(table)
    hidden = (*labels, *(table.key if labels else ()))
    shown = [c for c in table.columns if c not in hidden and c.field not in UNLISTED]
    related = [(column.name, column.target) for column in table.ends]
    if not table.source.in_place:
        related += [(link.name, link.other_end(table)) for link in table.links]
    far = {name: search_fields(other) for name, other in related if other and other.rows > 50}
    # A list would have no choice for some values, or post more of them than Django accepts.
    far |= {column.name: [] for column in table.ends if column.is_dangling}
    far |= {link.name: [] for link in table.links if link.name in far and most_links(link) > 900}
    names = [c.name for c in (*labels, *shown) if not is_private(c) and c.name != "id"]
    options = {
        "list_display": names or ["__str__"],
        "search_fields": search_fields(table),
        "list_filter": [column.name for column in table.columns if can_filter(column)],
        "autocomplete_fields": [name for name, found in far.items() if found],
        "raw_id_fields": [name for name, found in far.items() if not found],
        "readonly_fields": [column.name for column in table.columns if column.generated],
    }
    return [string_list(name, names) for name, names in options.items() if names]


def most_links(link: Table) -> int:
    """To how many rows of the other table one row belongs, at most."""
    column = link.ends[0]
    return next(column.select("count(*)", "1 GROUP BY {} ORDER BY count(*) DESC LIMIT 1"), 0)


def search_fields(table: Table) -> list[str]:
    texts = [c for c in table.columns if c.field in ("CharField", "EmailField", "TextField")]
    return [column.name for column in texts if not is_private(column)]


def can_filter(column: Column) -> bool:
    """Whether the values are few kinds, or dates, so that a filter helps."""
    if column.field in ("BooleanField", "DateField", "DateTimeField"):
        return True
    if column.target:
        return column.target.rows <= 30
    if column.field != "CharField" or is_private(column) or column in label_columns(column.table):
        return False
    found = [*column.select("DISTINCT {}", "1 LIMIT 13")]
    return 1 < len(found) <= 12 and len(found) < column.table.rows / 3


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
    return "int" if column.field in INTEGERS else "path"
