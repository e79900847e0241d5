"""Names of models and fields, from names of tables and columns that may be anything."""

import builtins
import keyword
import re
import unicodedata

from django.db.models import Model

from djng.new.tables import Table

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
FIELDS = {*dir(Model), *keyword.kwlist, "id", "pk", "models", "objects", "self"}
FIELDS = {name.lower() for name in FIELDS}
LONGEST = 50  # of a field's name; the column may be called by a whole question
OURS = "DataRouter Djng JsonResponse Meta Paginator Path RawSQL ReadOnlyAdmin"  # in the file
MODELS = {name.lower() for name in (*dir(builtins), *keyword.kwlist, *OURS.split())}
SINGULARS = (
    (r"(^..?|news|series|species|data|media|[^aeo]us|is|ss)$", r"\1"),
    (r"^(.?|mov|cook)ies$", r"\1ie"),
    (r"ies$", "y"),
    (r"(ss|sh|ch|x|zz|[^aeo]us)es$", r"\1"),
    (r"s$", ""),
    (r"^people$", "person"),
    (r"^children$", "child"),
)


def words(title: str) -> list[str]:
    text = CAMEL.sub("_", unicodedata.normalize("NFKC", title))
    return [word for word in re.split(r"[\W_]+", text) if word]


def snake(title: str) -> str:
    """The name in small letters with underscores: ``unit_price`` of UnitPrice."""
    return "_".join(words(title)).lower()


def singular(word: str) -> str:
    for pattern, end in SINGULARS:
        if re.search(pattern, word.lower()):
            return re.sub(pattern, end, word, flags=re.IGNORECASE)
    return word


def plural(word: str) -> str:
    if singular(word) != word or re.search(SINGULARS[0][0], word.lower()):
        return word
    return re.sub("(?<![aeou])ys$", "ies", re.sub("(s|sh|ch|x|z)s$", r"\1es", f"{word}s"))


def name_tables(tables: list[Table]) -> None:
    """Give each table the name of its model, and its plural."""
    taken, plurals = set[str](), set[str]()
    for table in tables:
        *rest, last = words(table.title) or ["row"]
        is_phrase = not last.isalpha() or {"by", "for", "of"} & {word.lower() for word in rest}
        many = " ".join([*rest, last if is_phrase else plural(last)]).lower()
        table.plural = unique(many, plurals, " ")
        name = "".join(word[0].upper() + word[1:] for word in [*rest, singular(last)])
        name += "Row" * (name.lower() in MODELS)
        table.model = unique(name if name.isidentifier() else f"Table{name}", taken)


def name_columns(table: Table) -> None:
    """Give each column the name of its field. Only the primary key may be called id."""
    taken: set[str] = set()
    for number, column in enumerate(table.columns, 1):
        name = snake(column.title)[:LONGEST].strip("_") or f"column_{number}"
        name = name if name.isidentifier() or name in FIELDS else f"column_{name}"
        if column.target:
            name = re.sub(r"(?<=.)_?(id|fk)$", "", name)
        is_id = name == "id" and table.key == [column]
        column.name = unique(name + "_field" * (name in FIELDS and not is_id), taken)
        taken.add(column.attname)


def name_relations(tables: list[Table]) -> None:
    """Name each many-to-many field after the rows at its other end, and names that would clash."""
    for table in tables:
        taken = {column.name for column in table.columns}
        for link in table.links:
            link.name = unique(snake(link.other_end(table).plural), taken)
    ends = [(column, column.target) for table in tables for column in table.ends if column.target]
    for column, target in ends:
        name = column.table.model.lower()
        names = {each.name for each in target.columns} | {each.name for each in target.links}
        twins = [each for each, other in ends if (each.table, other) == (column.table, target)]
        if len(twins) > 1 or {name, f"{name}_set"} & names:
            related = unique(f"{snake(column.table.plural)}_by_{column.name}", names)
            column.arguments.append(f'related_name="{related}"')


def unique(name: str, taken: set[str], space: str = "_") -> str:
    """The name, with a number if it is taken; it is taken then."""
    names = (name, *(f"{name}{space}{number}" for number in range(2, 3000)))
    found = next(each for each in names if each.lower() not in taken)
    taken.add(found.lower())
    return found
