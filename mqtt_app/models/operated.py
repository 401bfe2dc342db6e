from typing import Any

from django.db import models


class OperatedModel(models.Model):
    """A row that people and the system write, each their own columns; `editable=False` marks those
    of the system.

    `save()` of a row that exists writes the columns of people only: the object may be older than
    what an owner has written since. Whoever means another column names it in `update_fields`.
    """

    class Meta:
        abstract = True

    def save(self, **options: Any) -> None:
        elsewhere = options.get("using") not in {None, self._state.db}
        named = options.get("update_fields") is not None
        if not (self._state.adding or named or options.get("force_insert") or elsewhere):
            options["update_fields"] = self._operated_fields()
        super().save(**options)

    def _operated_fields(self) -> list[str]:
        """Without those that were not loaded."""
        deferred = self.get_deferred_fields()
        fields = (field for field in self._meta.concrete_fields if not field.primary_key)
        return [
            field.name
            for field in fields
            if (field.editable or getattr(field, "auto_now", False))
            and field.attname not in deferred
        ]
