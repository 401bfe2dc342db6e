from typing import Any, TypeVar

from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.serializers.queries import DiscoveredTopicsQuery
from mqtt_app.api.serializers.topics import DUPLICATE, DiscoveredTopicSerializer, TopicSerializer
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.domain.access import Action
from mqtt_app.models import DiscoveredTopic, MqttTopic
from mqtt_app.selectors.topics import discovered_topics
from mqtt_app.services import topics

Topic = TypeVar("Topic", MqttTopic, DiscoveredTopic)


class TopicScoped(SiteScoped):
    serializer_class = TopicSerializer
    queryset = MqttTopic.objects.none()
    needs = {method: (Action.CONFIGURE,) for method in ("POST", "PUT", "PATCH", "DELETE")}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[MqttTopic]:
        return MqttTopic.objects.filter(connection=self.get_connection())

    def get_serializer_context(self) -> dict[str, Any]:
        known = (
            "site_id" in self.kwargs
            and self.request
            and self.request.method not in {"GET", "HEAD", "OPTIONS"}
        )
        return {
            **super().get_serializer_context(),
            **({"connection": self.get_connection()} if known else {}),
        }


class TopicListView(TopicScoped, generics.ListCreateAPIView[MqttTopic]):
    def perform_create(self, serializer: BaseSerializer[MqttTopic]) -> None:
        try:
            serializer.instance = topics.create_topic(
                serializer.context["connection"], serializer.validated_data
            )
        except IntegrityError:
            raise ValidationError({"filter": [DUPLICATE]}) from None


class TopicView(TopicScoped, generics.RetrieveUpdateDestroyAPIView[MqttTopic]):
    def get_object(self) -> MqttTopic:
        return _found(self.get_queryset().filter(pk=self.kwargs["pk"]).first(), self.kwargs["pk"])

    def perform_update(self, serializer: BaseSerializer[MqttTopic]) -> None:
        topic = serializer.instance
        assert topic is not None
        for name, value in serializer.validated_data.items():
            setattr(topic, name, value)
        try:
            serializer.instance = topics.save_topic(topic, list(serializer.validated_data))
        except IntegrityError:
            raise ValidationError({"filter": [DUPLICATE]}) from None

    def perform_destroy(self, instance: MqttTopic) -> None:
        topics.delete_topic(instance)


class DiscoveredTopicListView(SiteScoped, generics.ListAPIView[DiscoveredTopic]):
    serializer_class = DiscoveredTopicSerializer
    query_form = DiscoveredTopicsQuery
    queryset = DiscoveredTopic.objects.none()
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[DiscoveredTopic]:
        return discovered_topics(
            self.get_connection(), **read_query(DiscoveredTopicsQuery, self.request)
        )

    @extend_schema(parameters=[DiscoveredTopicsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Concrete topics that were seen, newest first."""
        return self.list(request, *args, **kwargs)


class DiscoveredTopicView(SiteScoped, generics.RetrieveUpdateAPIView[DiscoveredTopic]):
    serializer_class = DiscoveredTopicSerializer
    queryset = DiscoveredTopic.objects.none()
    http_method_names = ("get", "head", "options", "patch")
    needs = {"PATCH": (Action.ATTEND,)}

    def get_object(self) -> DiscoveredTopic:
        mine = DiscoveredTopic.objects.filter(connection=self.get_connection())
        return _found(mine.filter(pk=self.kwargs["pk"]).first(), self.kwargs["pk"])

    def perform_update(self, serializer: BaseSerializer[DiscoveredTopic]) -> None:
        topic = serializer.instance
        assert topic is not None
        values = serializer.validated_data
        if {"pinned_parser", "forbidden_parsers"} & values.keys():
            topics.choose_parser(
                topic,
                pinned=values.get("pinned_parser", topic.pinned_parser),
                forbidden=values.get("forbidden_parsers", topic.forbidden_parsers),
            )
        if "is_folding" in values:
            topics.set_folding(topic, is_folding=values["is_folding"])
        if "is_active" in values:
            topics.allow([topic.pk], active=values["is_active"])
        topic.refresh_from_db()


def _found(topic: Topic | None, number: int) -> Topic:
    if topic is None:
        raise NotFound(f"This site has no topic {number}.")
    return topic
