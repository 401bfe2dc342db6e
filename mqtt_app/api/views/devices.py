from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from mqtt_app.api.permissions import ByRole, Needs
from mqtt_app.api.serializers.buckets import (
    BucketSerializer,
    as_rows,
    read_aggregates,
    read_plan,
)
from mqtt_app.api.serializers.devices import (
    DeviceDetailSerializer,
    DeviceSerializer,
    MergeSerializer,
    ReadingSerializer,
)
from mqtt_app.api.serializers.queries import ReadingsQuery
from mqtt_app.api.strict import StrictView
from mqtt_app.api.views.base import SiteScoped, read_query
from mqtt_app.domain.access import Action
from mqtt_app.models import Device, Reading
from mqtt_app.selectors.buckets import buckets_of, metrics_named
from mqtt_app.selectors.devices import devices_of, devices_visible_to, readings_of, with_latest
from mqtt_app.selectors.visibility import viewer_of
from mqtt_app.services import devices


class DeviceListView(SiteScoped, generics.ListAPIView[Device]):
    serializer_class = DeviceSerializer
    queryset = Device.objects.none()
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Device]:
        return devices_of(self.get_site())


class DeviceScoped(StrictView, generics.GenericAPIView[Any]):
    permission_classes = (IsAuthenticated, ByRole)
    needs: Needs = {}
    site_of_object = True

    def get_devices(self) -> QuerySet[Device]:
        return devices_visible_to(viewer_of(self.request))

    def get_device(self) -> Device:
        number = self.kwargs["pk"]
        device = self.get_devices().filter(pk=number).first()
        if device is None:
            raise NotFound(f"There is no device {number}.")
        self.check_object_permissions(self.request, device)
        return device


class DeviceView(DeviceScoped, generics.RetrieveUpdateDestroyAPIView[Device]):
    """A device with its last values. `name` and `silence_after` can be changed. Deleting it deletes
    its readings; it is made anew when it speaks again.
    """

    serializer_class = DeviceDetailSerializer
    queryset = Device.objects.none()
    http_method_names = ("get", "head", "options", "patch", "delete")
    needs = {"PATCH": (Action.ATTEND,), "DELETE": (Action.ATTEND,)}

    def get_devices(self) -> QuerySet[Device]:
        return with_latest(super().get_devices())

    def get_object(self) -> Device:
        return self.get_device()

    def perform_update(self, serializer: BaseSerializer[Device]) -> None:
        device = serializer.instance
        assert device is not None
        for name, value in serializer.validated_data.items():
            setattr(device, name, value)
        if serializer.validated_data:
            devices.save_device(device, list(serializer.validated_data))

    def perform_destroy(self, instance: Device) -> None:
        devices.delete_device(instance)


class DeviceActionView(DeviceScoped):
    serializer_class = DeviceDetailSerializer
    needs = {"POST": (Action.ATTEND,)}

    def answer(self, device: Device) -> Response:
        shown = with_latest(self.get_devices()).get(pk=device.pk)
        return Response(self.get_serializer(shown).data)


class DeviceMergeView(DeviceActionView):
    @extend_schema(
        operation_id="devices_merge", request=MergeSerializer, responses=DeviceDetailSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make this device a part of another one: its readings and its identifiers become the
        other's, and it is gone. Answers with the device that stays.
        """
        source = self.get_device()
        asked = MergeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        number = asked.validated_data["into"]
        target = self.get_devices().filter(pk=number).first()
        if target is None:
            raise ValidationError({"into": [f"There is no device {number}."]})
        self.check_object_permissions(request, target)
        try:
            return self.answer(devices.merge(source, target))
        except devices.MergeError as error:
            raise ValidationError({"into": [str(error)]}) from None


class DeviceRetireView(DeviceActionView):
    takes_no_body = True

    @extend_schema(operation_id="devices_retire", request=None, responses=DeviceDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The device is no longer used: it is not watched until it speaks again."""
        device = self.get_device()
        devices.retire(device, timezone.now())
        return self.answer(device)


class DeviceUnretireView(DeviceActionView):
    takes_no_body = True

    @extend_schema(operation_id="devices_unretire", request=None, responses=DeviceDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The device is in use again; its status is unknown until it speaks."""
        device = self.get_device()
        devices.unretire(device, timezone.now())
        return self.answer(device)


MAX_METRICS = 50  # that one answer sums up; each may have thousands of buckets


class ReadingListView(DeviceScoped, generics.ListAPIView[Reading]):
    serializer_class = ReadingSerializer
    query_form = ReadingsQuery
    queryset = Reading.objects.none()
    ordering = ("-time", "-id")

    def get_queryset(self) -> QuerySet[Reading]:
        query = read_query(ReadingsQuery, self.request)
        window = {"start": query.get("from"), "end": query.get("to")}
        return readings_of(self.get_device(), metric=query.get("metric", ""), **window)

    @extend_schema(
        operation_id="devices_readings_list",
        parameters=[ReadingsQuery],
        responses=PolymorphicProxySerializer(
            component_name="ReadingOrBucket",
            serializers=[ReadingSerializer, BucketSerializer],
            resource_type_field_name=None,
            many=True,
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Readings of a device, newest first by the device's time. With `bucket` the sums of each
        bucket instead, all in one answer; buckets without a reading are not there.
        """
        query = read_query(ReadingsQuery, request)
        if "bucket" in query:
            return self._buckets(query)
        return self.list(request, *args, **kwargs)

    def _buckets(self, query: dict[str, Any]) -> Response:
        made = read_plan(query, timezone.now())
        aggregates = read_aggregates(query)
        device = self.get_device()
        names = [query["metric"]] if "metric" in query else []
        metrics = metrics_named(device, names, MAX_METRICS + 1)
        if len(metrics) > MAX_METRICS:
            said = f"The device has more than {MAX_METRICS} metrics: name one."
            raise ValidationError({"metric": [said]})
        rows = as_rows(buckets_of(device, metrics, made), aggregates)
        return Response({"results": rows, "next": None, "previous": None})
