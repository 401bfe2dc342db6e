"""What OPTIONS answers."""

from typing import TYPE_CHECKING, Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request

if TYPE_CHECKING:  # views import this module by its setting
    from rest_framework.views import APIView


class PlainMetadata(SimpleMetadata):
    """Name, description, formats. Fields and their limits are in the schema, which needs no row to
    describe them.
    """

    def determine_actions(self, request: Request, view: "APIView") -> dict[str, Any]:
        return {}
