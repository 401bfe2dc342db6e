"""sites/{id}/topic-rules/ and sites/{id}/fingerprint/."""

from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.serializers.topic_rules import (
    FingerprintSerializer,
    RuleEffectSerializer,
    RulePreviewQuery,
    TopicRuleSerializer,
)
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.domain.access import Action
from mqtt_app.domain.topic_rules import RuleEffect
from mqtt_app.models import TopicRule
from mqtt_app.selectors.fingerprint import fingerprint_of
from mqtt_app.services import topic_rules


class TopicRuleScoped(SiteScoped):
    serializer_class = TopicRuleSerializer
    queryset = TopicRule.objects.none()
    needs = {method: (Action.ATTEND,) for method in ("POST", "PUT", "PATCH", "DELETE")}
    ordering = ("position", "id")

    def get_queryset(self) -> QuerySet[TopicRule]:
        return TopicRule.objects.filter(site=self.get_site())


class TopicRuleListView(TopicRuleScoped, generics.ListCreateAPIView[TopicRule]):
    """Rules for topics, in the order in which they are asked: the first that matches decides.

    They decide about new topics by themselves; about those that exist when they are applied.
    """

    def perform_create(self, serializer: BaseSerializer[TopicRule]) -> None:
        serializer.instance = topic_rules.create_rule(self.get_site(), serializer.validated_data)


class TopicRuleView(TopicRuleScoped, generics.RetrieveUpdateDestroyAPIView[TopicRule]):
    def get_object(self) -> TopicRule:
        rule = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if rule is None:
            raise NotFound(f"This site has no rule {self.kwargs['pk']}.")
        return rule

    def perform_update(self, serializer: BaseSerializer[TopicRule]) -> None:
        rule = serializer.instance
        assert rule is not None
        for name, value in serializer.validated_data.items():
            setattr(rule, name, value)
        if serializer.validated_data:
            topic_rules.save_rule(rule, list(serializer.validated_data))

    def perform_destroy(self, instance: TopicRule) -> None:
        topic_rules.delete_rule(instance)


class TopicRulePreviewView(SiteScoped):
    serializer_class = RuleEffectSerializer
    query_form = RulePreviewQuery

    @extend_schema(
        operation_id="sites_topic_rules_preview",
        parameters=[RulePreviewQuery],
        responses=RuleEffectSerializer,
    )
    def get(self, request: Request, site_id: int) -> Response:
        """What applying the rules would change, also with one more rule, or another one in place of
        a rule that exists. Nothing is written.
        """
        site = self.get_site()
        query = read_query(RulePreviewQuery, request)
        rules = topic_rules.rules_with(site, query)
        return Response(_effect(topic_rules.preview(site, rules), done=False))


class TopicRuleApplyView(SiteScoped):
    serializer_class = RuleEffectSerializer
    takes_no_body = True
    needs = {"POST": (Action.ATTEND,)}

    @extend_schema(
        operation_id="sites_topic_rules_apply", request=None, responses=RuleEffectSerializer
    )
    def post(self, request: Request, site_id: int) -> Response:
        """Let the rules decide about every topic of the site, at once."""
        return Response(_effect(topic_rules.apply(self.get_site(), timezone.now()), done=True))


class FingerprintView(SiteScoped):
    serializer_class = FingerprintSerializer

    @extend_schema(operation_id="sites_fingerprint", responses=FingerprintSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        """Which families of devices speak at the site, and on how many topics."""
        return Response(FingerprintSerializer(fingerprint_of(self.get_site())).data)


def _effect(effect: RuleEffect, *, done: bool) -> Any:
    values = {**msgspec.structs.asdict(effect), "summary": effect.sentences(done=done)}
    return RuleEffectSerializer(values).data
