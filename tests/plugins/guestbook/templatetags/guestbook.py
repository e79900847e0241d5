from django import template
from django.db.models import QuerySet

from guestbook.models import Entry

register = template.Library()


@register.simple_tag
def entries(number: int = 10) -> QuerySet[Entry]:
    return Entry.objects.order_by("-pk")[:number]
