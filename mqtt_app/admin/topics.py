from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY
from mqtt_app.admin.base import ConnectionSiteFilter, SiteFilter, SiteRowAdmin, coloured, shortened
from mqtt_app.domain.access import Action
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.models import DiscoveredTopic, MqttTopic, Site, TopicRule
from mqtt_app.services import topic_rules, topics


@admin.register(MqttTopic)
class MqttTopicAdmin(SiteRowAdmin[MqttTopic]):
    site_path = "connection__site_id"
    to_add = to_change = to_delete = (Action.CONFIGURE,)
    list_display = ("filter", "connection", "qos", "is_active", "answer")
    list_filter = ("is_active", "qos", ConnectionSiteFilter)
    list_select_related = ("connection",)
    search_fields = ("filter", "connection__site__name", "connection__broker_host")
    autocomplete_fields = ("connection",)
    readonly_fields = ("answer", "granted_at", "refusal")

    def get_readonly_fields(self, request: HttpRequest, obj: MqttTopic | None = None) -> Any:
        if obj:
            return (*self.readonly_fields, "connection")
        return self.readonly_fields

    @admin.display(description="broker's answer", ordering="granted_qos")
    def answer(self, topic: MqttTopic) -> SafeString:
        if topic.granted_qos is None:
            return coloured("off", "none yet")
        if topic.granted_qos >= REFUSED:
            return coloured("bad", f"refused ({topic.granted_qos})")
        return coloured("good", f"granted, QoS {topic.granted_qos}")

    def save_model(self, request: HttpRequest, obj: MqttTopic, form: Any, change: bool) -> None:
        if change:
            topics.save_topic(obj, form.changed_data)
        else:
            topics.add_topic(obj)

    def delete_model(self, request: HttpRequest, obj: MqttTopic) -> None:
        topics.delete_topic(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MqttTopic]) -> None:
        for topic in queryset:
            topics.delete_topic(topic)


@admin.register(DiscoveredTopic)
class DiscoveredTopicAdmin(SiteRowAdmin[DiscoveredTopic]):
    site_path = "connection__site_id"
    to_add = NOBODY
    to_change = (Action.ATTEND,)
    list_display = (
        "short_topic",
        "connection",
        "is_processable",
        "is_active",
        "parser_name",
        "message_count",
        "member_count",
        "last_seen",
    )
    list_filter = (
        *("is_active", "is_processable", "is_ignored", "is_folding", "parser_name"),
        ConnectionSiteFilter,
    )
    list_select_related = ("connection",)
    search_fields = ("topic",)
    readonly_fields = (
        *("connection", "topic", "is_processable", "parser_name", "confidence", "rule"),
        *("is_ignored", "retired_at", "was_retained", "heard_live"),
        *("message_count", "first_seen", "last_seen"),
        *("template", "is_folding", "member_count"),
    )
    fields = ("is_active", "pinned_parser", "forbidden_parsers", *readonly_fields)
    actions = ("allow", "disallow", "recognise_anew", "unfold", "fold")

    @admin.display(description="topic", ordering="topic")
    def short_topic(self, topic: DiscoveredTopic) -> str:
        return shortened(topic.topic)

    @admin.action(description="Allow selected topics", permissions=["change"])
    def allow(self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        changed = topics.allow(queryset.values_list("pk", flat=True), active=True)
        self.message_user(request, f"{changed} topics allowed.", messages.SUCCESS)

    @admin.action(description="Disallow selected topics", permissions=["change"])
    def disallow(self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        changed = topics.allow(queryset.values_list("pk", flat=True), active=False)
        self.message_user(request, f"{changed} topics disallowed.", messages.SUCCESS)

    @admin.action(description="Unfold: a row for each new member", permissions=["change"])
    def unfold(self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic]) -> None:
        self._set_folding(request, queryset, is_folding=False)

    @admin.action(description="Fold: one row for all members", permissions=["change"])
    def fold(self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic]) -> None:
        self._set_folding(request, queryset, is_folding=True)

    def _set_folding(
        self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic], *, is_folding: bool
    ) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        chosen = list(queryset.exclude(member_count=None).exclude(is_folding=is_folding))
        for topic in chosen:
            topics.set_folding(topic, is_folding=is_folding)
        said = f"{len(chosen)} templates {'folded' if is_folding else 'unfolded'}."
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(
        description="Let the parsers recognise selected topics anew", permissions=["change"]
    )
    def recognise_anew(self, request: HttpRequest, queryset: QuerySet[DiscoveredTopic]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        changed = topics.recognise_anew(queryset.values_list("pk", flat=True))
        self.message_user(
            request,
            f"The next message of {changed} topics decides on their parser.",
            messages.SUCCESS,
        )

    def save_model(
        self, request: HttpRequest, obj: DiscoveredTopic, form: Any, change: bool
    ) -> None:
        if {"pinned_parser", "forbidden_parsers"} & set(form.changed_data):
            topics.choose_parser(
                obj, pinned=obj.pinned_parser, forbidden=obj.forbidden_parsers or []
            )
        if "is_active" in form.changed_data:
            topics.allow([obj.pk], active=obj.is_active)


@admin.register(TopicRule)
class TopicRuleAdmin(SiteRowAdmin[TopicRule]):
    to_add = to_change = to_delete = (Action.ATTEND,)
    list_display = ("position", "filter", "site", "is_active", "parser_name", "ignore", "retired")
    list_display_links = ("filter",)
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    search_fields = ("filter", "note", "site__name")
    autocomplete_fields = ("site",)
    fields = (
        *("site", "position", "filter", "is_active", "parser_name", "forbidden_parsers"),
        *("ignore", "retired", "note"),
    )
    actions = ("apply",)

    def get_readonly_fields(self, request: HttpRequest, obj: TopicRule | None = None) -> Any:
        if obj:
            return ("site",)
        return ()

    @admin.action(
        description="Apply all rules of these sites to their topics", permissions=["change"]
    )
    def apply(self, request: HttpRequest, queryset: QuerySet[TopicRule]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        for site in Site.objects.filter(pk__in=queryset.order_by().values("site_id")):
            effect = topic_rules.apply(site, timezone.now())
            said = ", ".join(effect.sentences(done=True))
            self.message_user(request, f"{site}: {said}.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: TopicRule, form: Any, change: bool) -> None:
        if change:
            topic_rules.save_rule(obj, form.changed_data)
        else:
            topic_rules.add_rule(obj)

    def delete_model(self, request: HttpRequest, obj: TopicRule) -> None:
        topic_rules.delete_rule(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TopicRule]) -> None:
        for rule in queryset:
            topic_rules.delete_rule(rule)
