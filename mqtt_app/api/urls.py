"""Every address below /api/."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from mqtt_app.api import schema  # noqa: F401  tells the generator below how requests are authenticated
from mqtt_app.api.errors import no_such_address
from mqtt_app.api.views.audit import AuditListView
from mqtt_app.api.views.auth import LoginView, LogoutView
from mqtt_app.api.views.bulk import BulkView
from mqtt_app.api.views.connections import ConnectionView
from mqtt_app.api.views.dead_letters import (
    DeadLetterListView,
    DeadLetterView,
    ReplayView,
    ResumeReplayView,
    StopReplayView,
)
from mqtt_app.api.views.devices import (
    DeviceListView,
    DeviceMergeView,
    DeviceRetireView,
    DeviceUnretireView,
    DeviceView,
    ReadingListView,
)
from mqtt_app.api.views.docs import DocsView
from mqtt_app.api.views.logs import ConnectionLogListView, ParsingLogListView
from mqtt_app.api.views.mappings import (
    ActivateMappingView,
    DeactivateMappingView,
    DryRunMappingView,
    MappingListView,
    MappingVersionListView,
    MappingView,
    ProposeMappingView,
)
from mqtt_app.api.views.operations import OperationListView, OperationView
from mqtt_app.api.views.parsers import TryParsersView
from mqtt_app.api.views.probes import ConnectionTestView, ExplainView
from mqtt_app.api.views.problems import ProblemListView, ProblemView
from mqtt_app.api.views.samples import SiteSampleListView, TopicSampleListView
from mqtt_app.api.views.sites import (
    RestartView,
    SiteViewSet,
    StartView,
    StatusView,
    StopView,
)
from mqtt_app.api.views.tokens import TokenListView, TokenView
from mqtt_app.api.views.topic_rules import (
    FingerprintView,
    TopicRuleApplyView,
    TopicRuleListView,
    TopicRulePreviewView,
    TopicRuleView,
)
from mqtt_app.api.views.topics import (
    DiscoveredTopicListView,
    DiscoveredTopicView,
    TopicListView,
    TopicView,
)
from mqtt_app.api.views.watching import CaptureView, TailView

many: dict[str, Any] = {"get": "list", "post": "create"}
one: dict[str, Any] = {
    "get": "retrieve",
    "put": "update",
    "patch": "partial_update",
    "delete": "destroy",
}

site = [
    path("start/", StartView.as_view()),
    path("stop/", StopView.as_view()),
    path("restart/", RestartView.as_view()),
    path("status/", StatusView.as_view()),
    path("connection/", ConnectionView.as_view()),
    path("tail/", TailView.as_view()),
    path("capture/", CaptureView.as_view()),
    path("explain/", ExplainView.as_view()),
    path("topics/", TopicListView.as_view()),
    path("topics/<int:pk>/", TopicView.as_view()),
    path("discovered-topics/", DiscoveredTopicListView.as_view()),
    path("discovered-topics/<int:pk>/", DiscoveredTopicView.as_view()),
    path("discovered-topics/<int:pk>/samples/", TopicSampleListView.as_view()),
    path("samples/", SiteSampleListView.as_view()),
    path("topic-rules/", TopicRuleListView.as_view()),
    path("topic-rules/preview/", TopicRulePreviewView.as_view()),
    path("topic-rules/apply/", TopicRuleApplyView.as_view()),
    path("topic-rules/<int:pk>/", TopicRuleView.as_view()),
    path("mappings/", MappingListView.as_view()),
    path("mappings/propose/", ProposeMappingView.as_view()),
    path("mappings/dry-run/", DryRunMappingView.as_view()),
    path("mappings/<int:pk>/", MappingView.as_view()),
    path("mappings/<int:pk>/versions/", MappingVersionListView.as_view()),
    path("mappings/<int:pk>/activate/", ActivateMappingView.as_view()),
    path("mappings/<int:pk>/deactivate/", DeactivateMappingView.as_view()),
    path("fingerprint/", FingerprintView.as_view()),
    path("devices/", DeviceListView.as_view()),
    path("dead-letters/", DeadLetterListView.as_view()),
    path("dead-letters/<int:pk>/", DeadLetterView.as_view()),
    path("dead-letters/replay/", ReplayView.as_view()),
]

mqtt: list[URLPattern | URLResolver] = [
    path("sites/", SiteViewSet.as_view(many)),
    path("sites/bulk/", BulkView.as_view()),
    path("sites/<int:pk>/", SiteViewSet.as_view(one)),
    path("sites/<int:site_id>/", include(site)),
    path("connections/test/", ConnectionTestView.as_view()),
    path("devices/<int:pk>/", DeviceView.as_view()),
    path("devices/<int:pk>/merge/", DeviceMergeView.as_view()),
    path("devices/<int:pk>/retire/", DeviceRetireView.as_view()),
    path("devices/<int:pk>/unretire/", DeviceUnretireView.as_view()),
    path("devices/<int:pk>/readings/", ReadingListView.as_view()),
    path("connection-logs/", ConnectionLogListView.as_view()),
    path("parsing-logs/", ParsingLogListView.as_view()),
    path("problems/", ProblemListView.as_view()),
    path("problems/<int:pk>/", ProblemView.as_view()),
    path("audit/", AuditListView.as_view()),
    path("operations/", OperationListView.as_view()),
    path("operations/<uuid:pk>/", OperationView.as_view(), name="operation"),
    path("operations/<uuid:pk>/stop/", StopReplayView.as_view()),
    path("operations/<uuid:pk>/resume/", ResumeReplayView.as_view()),
    path("parsers/try/", TryParsersView.as_view()),
]

urlpatterns = [
    path("v1/mqtt/", include(mqtt)),
    path("v1/auth/login/", LoginView.as_view()),
    path("v1/auth/logout/", LogoutView.as_view()),
    path("v1/auth/tokens/", TokenListView.as_view()),
    path("v1/auth/tokens/<int:pk>/", TokenView.as_view()),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(url_name="schema"), name="docs"),
    re_path(r"", no_such_address),
]
