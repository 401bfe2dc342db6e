"""Names that the API does not know are refused with 400, in the query string and in the body: a
misspelt one would otherwise do nothing, or choose everything, and nobody would notice.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any, ClassVar

from rest_framework import mixins, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

PAGING = ("cursor", "page_size")
MOST_NAMED = 20  # unknown names in one answer
LONGEST_NAME = 100  # characters of one that are shown


def refuse_unknown(given: Iterable[Any], known: Collection[str], noun: str) -> None:
    """`noun`: what the names are, such as "field". Raises serializers.ValidationError, which has a
    sentence for each name that is not in `known`.
    """
    unknown = sorted(str(name) for name in set(given) - set(known))
    if unknown:
        raise serializers.ValidationError(
            {name[:LONGEST_NAME]: [_sentence(name, known, noun)] for name in unknown[:MOST_NAMED]}
        )


def _sentence(name: str, known: Collection[str], noun: str) -> str:
    if not known:
        return f"There is no such {noun}, and none is taken here."
    said = f"There is no such {noun}."
    nearest = get_close_matches(name[:LONGEST_NAME], list(known), n=1)
    if nearest:
        said = f"{said} Did you mean `{nearest[0]}`?"
    return f"{said} There are: {', '.join(known)}."


class StrictFields:
    """Of a serializer that reads a body. Fields that are only shown may come back with it, so that
    what was read can be written again; they change nothing.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            fields: Collection[str] = self.fields  # type: ignore[attr-defined]
            refuse_unknown(data, fields, "field")
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(StrictFields, serializers.Serializer[Any]):
    """A body, or a part of one, that belongs to no model."""


class StrictView(APIView):
    """Every view of the API: looks at the names before anything is done.

    query_form     what may stand after the question mark of a GET, beside the paging of a list
    takes_no_body  a POST that has nothing to say
    """

    query_form: ClassVar[type[serializers.Serializer[Any]] | None] = None
    takes_no_body = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "OPTIONS":
            return
        # The renderer is chosen by it, whatever the view.
        known = [*self._parameters(request), api_settings.URL_FORMAT_OVERRIDE or ""]
        if set(request.query_params) - set(known):
            refuse_unknown(request.query_params, known[:-1], "parameter")
        # Scripts POST an empty form to addresses that take no body; nothing of it is read.
        is_json = request.content_type.partition(";")[0].strip() == "application/json"
        if self.takes_no_body and is_json and isinstance(request.data, dict):
            refuse_unknown(request.data, (), "field")

    def _parameters(self, request: Request) -> list[str]:
        if request.method not in SAFE_METHODS:
            return []
        found: list[str] = []
        if self.query_form is not None and self.is_list():
            found += self.query_form().fields
        if getattr(self, "paginator", None) is not None and self.pages():
            found += PAGING
        return found

    def is_list(self) -> bool:
        """Of a set of views, only the list takes the parameters of `query_form`."""
        return getattr(self, "action", "list") == "list"

    def pages(self) -> bool:
        return isinstance(self, mixins.ListModelMixin) and self.is_list()
