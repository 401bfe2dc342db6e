"""A stored payload in an answer."""

import base64
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class PayloadFields(serializers.Serializer[Any]):
    """Of a row with a `payload`: `text` where it is UTF-8, else null; `base64` always."""

    text = serializers.SerializerMethodField()
    base64 = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_text(self, row: Any) -> str | None:
        try:
            return bytes(row.payload).decode()
        except UnicodeDecodeError:
            return None

    @extend_schema_field(serializers.CharField())
    def get_base64(self, row: Any) -> str:
        return base64.b64encode(bytes(row.payload)).decode()
