"""Readings asked for in buckets: what may be asked, and what a bucket shows."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mqtt_app.api.serializers.devices import VALUE
from mqtt_app.domain.readings.buckets import (
    Aggregate,
    BucketError,
    BucketPlan,
    aggregates_of,
    plan,
)
from mqtt_app.selectors.buckets import Bucket

DEFAULT_AGGREGATES = "avg,min,max,count"


class BucketSerializer(serializers.Serializer[Bucket]):
    """Those of `agg` only. Numbers are null where the metric has none in the bucket."""

    metric = serializers.CharField()
    time = serializers.DateTimeField(help_text="Where the bucket begins.")
    avg = serializers.FloatField(required=False, allow_null=True)
    min = serializers.FloatField(required=False, allow_null=True)
    max = serializers.FloatField(required=False, allow_null=True)
    sum = serializers.FloatField(required=False, allow_null=True)
    count = serializers.IntegerField(required=False)
    first = serializers.SerializerMethodField(required=False)
    last = serializers.SerializerMethodField(required=False)

    @extend_schema_field(VALUE)
    def get_first(self, row: Bucket) -> float | bool | str | None:
        return row.first

    @extend_schema_field(VALUE)
    def get_last(self, row: Bucket) -> float | bool | str | None:
        return row.last


def as_rows(buckets: Collection[Bucket], aggregates: Collection[Aggregate]) -> list[dict[str, Any]]:
    """Without asking each field for each of thousands of rows how it is to be read."""
    names = [str(aggregate) for aggregate in aggregates]
    return [
        {"metric": bucket.metric, "time": _iso(bucket.time)}
        | {name: getattr(bucket, name) for name in names}
        for bucket in buckets
    ]


def read_plan(query: dict[str, Any], now: datetime) -> BucketPlan:
    """Raises serializers.ValidationError that names the parameter."""
    try:
        return plan(query["bucket"], query.get("from"), query.get("to"), now)
    except BucketError as error:
        raise serializers.ValidationError({error.parameter: [str(error)]}) from None


def read_aggregates(query: dict[str, Any]) -> tuple[Aggregate, ...]:
    """Raises serializers.ValidationError that names the parameter."""
    try:
        return aggregates_of(query.get("agg", DEFAULT_AGGREGATES))
    except BucketError as error:
        raise serializers.ValidationError({error.parameter: [str(error)]}) from None


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"
