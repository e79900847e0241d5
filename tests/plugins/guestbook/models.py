from django.db import models


class Entry(models.Model):
    text = models.CharField(max_length=1000)

    def __str__(self) -> str:
        return self.text
