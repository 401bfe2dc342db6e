"""The shape of `selectors.facets.SiteStatus` as JSON."""

from typing import Any

from rest_framework import serializers

from mqtt_app.domain.accounting import MEANINGS, TERMS
from mqtt_app.domain.link import ack_mode
from mqtt_app.domain.status.headline import HeadlineKind

Field = serializers.Field[Any, Any, Any, Any]


class FacetSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(allow_null=True)
    evidence = serializers.CharField(help_text="What this rests on, in words.")


class DesiredSerializer(FacetSerializer):
    wanted = serializers.BooleanField(help_text="The site and its connection are both switched on.")
    is_active = serializers.BooleanField()
    site_is_active = serializers.BooleanField()


class OwnerSerializer(FacetSerializer):
    instance = serializers.CharField()
    generation = serializers.IntegerField()
    alive = serializers.BooleanField(allow_null=True)
    lease_age = serializers.FloatField(allow_null=True, help_text="Seconds.")
    assigned_instance = serializers.CharField()


class LastErrorSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    remedy = serializers.CharField(help_text="What to do about it.")

    def get_fields(self) -> dict[str, Field]:
        return {"class": serializers.CharField(source="error_class"), **super().get_fields()}


class LinkSerializer(FacetSerializer):
    status = serializers.CharField()
    stored_status = serializers.CharField(help_text="As last written by an owner, who may be gone.")
    connected_since = serializers.DateTimeField(allow_null=True)
    mqtt_version = serializers.CharField()
    tls_verified = serializers.BooleanField(
        allow_null=True, help_text="Whether the broker has to prove who it is."
    )
    allowed_by = serializers.CharField(
        help_text="Entry of SITEWIRE_BROKER_ALLOW without which it would be refused."
    )
    last_packet_age = serializers.FloatField(allow_null=True, help_text="Seconds.")
    retry_count = serializers.IntegerField()
    last_error = LastErrorSerializer(allow_null=True)
    allows = serializers.CharField(help_text="What the broker allows, in words.")
    capabilities = serializers.DictField(
        help_text="The same for programs, without what is as MQTT 5 has it by default."
    )
    flapping = serializers.CharField(help_text="How it comes and goes; empty: it does not.")


class FilterStateSerializer(serializers.Serializer[Any]):
    filter = serializers.CharField()
    requested = serializers.IntegerField()
    granted = serializers.IntegerField(
        allow_null=True, help_text="0 or 1; 128 and above: refused; null: no answer."
    )
    refusal = serializers.CharField()
    state = serializers.CharField(
        help_text="granted, refused, unanswered, or left out: the broker closes the link for it."
    )
    tried_again_at = serializers.DateTimeField(allow_null=True)
    ever_matched = serializers.BooleanField(help_text="Whoever had the link.")
    last_match = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)


class SubscriptionsSerializer(FacetSerializer):
    filters = FilterStateSerializer(many=True)


class MessageAccountingSerializer(serializers.Serializer[Any]):
    """Messages; `received` is the sum of the others, but `readings`."""

    received = serializers.IntegerField()
    dropped = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    readings = serializers.IntegerField()
    balanced = serializers.BooleanField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        terms = {
            str(term): serializers.IntegerField(source=f"terms.{term}", help_text=MEANINGS[term])
            for term in TERMS
        }
        fields = super().get_fields()
        return {"received": fields.pop("received"), **terms, **fields}


class PausedParserSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    since = serializers.DateTimeField()
    reason = serializers.CharField(help_text="What it last said when it failed.")


class BrokerQueueSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField(allow_null=True, help_text="Messages; null: not known.")
    lasts = serializers.FloatField(
        allow_null=True, help_text="Seconds until it is full without us, at this rate."
    )
    evidence = serializers.CharField()


class AcknowledgedSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(
        choices=ack_mode.CHOICES, help_text="When QoS 1 messages are acknowledged."
    )
    can_lose = serializers.CharField()


class FlowSerializer(FacetSerializer):
    last_message_at = serializers.DateTimeField(allow_null=True)
    last_message_age = serializers.FloatField(allow_null=True, help_text="Seconds.")
    rate = serializers.FloatField(allow_null=True, help_text="Messages a second.")
    usual_gap = serializers.FloatField(
        allow_null=True, help_text="Seconds of silence that are usual at this hour of the week."
    )
    silence = serializers.CharField(help_text="That nothing comes for longer; empty: it does.")
    messages = serializers.IntegerField(allow_null=True, help_text="Since the link is up.")
    unacked = serializers.IntegerField(allow_null=True, help_text="Received, not committed yet.")
    not_stored_since = serializers.DateTimeField(
        allow_null=True, help_text="Messages wait, none was stored since."
    )
    not_stored_age = serializers.FloatField(allow_null=True, help_text="Seconds.")
    waits_for = serializers.CharField(help_text="What messages that are not stored wait for.")
    remedy = serializers.CharField(help_text="What to do about it.")
    paused = serializers.BooleanField(
        allow_null=True, help_text="Reading waits until what arrived is stored."
    )
    paused_parsers = PausedParserSerializer(
        many=True, help_text="They fail on most messages, which are kept."
    )
    acknowledged = AcknowledgedSerializer()
    broker_queue = BrokerQueueSerializer()
    books = MessageAccountingSerializer()


class SiteStatusSerializer(serializers.Serializer[Any]):
    site_id = serializers.IntegerField()
    site_name = serializers.CharField()
    headline = serializers.CharField(
        help_text="running, starting, stopped, degraded: ..., refused: ..."
    )
    kind = serializers.ChoiceField(
        choices=[kind.value for kind in HeadlineKind], help_text="First word of the headline."
    )
    reason = serializers.CharField()
    status = serializers.CharField(allow_null=True)
    live_evidence = serializers.BooleanField(
        help_text="False: Redis does not answer, only stored facts are shown."
    )
    at = serializers.DateTimeField()
    desired = DesiredSerializer()
    owner = OwnerSerializer()
    link = LinkSerializer()
    subscriptions = SubscriptionsSerializer()
    flow = FlowSerializer()
