"""The last messages of topics, as they came."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from mqtt_app.api.serializers.samples import SampleSerializer, SamplesQuery
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.models import TopicSample
from mqtt_app.selectors.samples import samples_matching, samples_of


class SampleScoped(SiteScoped, generics.ListAPIView[TopicSample]):
    serializer_class = SampleSerializer
    queryset = TopicSample.objects.none()
    ordering = ("-id",)


class SiteSampleListView(SampleScoped):
    query_form = SamplesQuery

    def get_queryset(self) -> QuerySet[TopicSample]:
        query = read_query(SamplesQuery, self.request)
        return samples_matching(self.get_site().pk, query.get("filter", ""))

    @extend_schema(operation_id="sites_samples_list", parameters=[SamplesQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The last messages of each topic, newest first: up to five of a topic, one a minute and
        those of another shape, each up to 16 KB.
        """
        return self.list(request, *args, **kwargs)


class TopicSampleListView(SampleScoped):
    def get_queryset(self) -> QuerySet[TopicSample]:
        topics = self.get_connection().discovered_topics
        topic = topics.filter(pk=self.kwargs["pk"]).first()
        if topic is None:
            raise NotFound(f"This site has no topic {self.kwargs['pk']}.")
        return samples_of(topic)

    @extend_schema(operation_id="sites_discovered_topics_samples_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The last messages of one topic, newest first."""
        return self.list(request, *args, **kwargs)
