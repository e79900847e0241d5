"""What only mypy with django-stubs' plugin knows: the types of a model's fields."""

from typing import assert_type

from blog import Post, Tag

assert_type(Tag(name="one").name, str)
assert_type([post.title for post in Post.objects.filter(title="one")], list[str])
