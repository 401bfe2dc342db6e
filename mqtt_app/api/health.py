"""Is the process alive, can it serve, and how is everything doing. It must answer when little
works.

A web process without MQTT workers is ready (it serves), but warns: nothing will connect. Whether
one MQTT worker is ready, `/readyz?instance=mqtt-1` says, for the probe of that worker.
"""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from mqtt_app import metrics
from mqtt_app.conf import config
from mqtt_app.coordination.leases import Lease
from mqtt_app.domain.access import Action
from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.domain.health.findings import NEEDED, Check, Finding, Severity
from mqtt_app.domain.health.judgement import Installation, judge, unready
from mqtt_app.domain.health.periodic import Periodic
from mqtt_app.selectors.health.observe import observe
from mqtt_app.selectors.status.system import SystemSnapshot, pulse
from mqtt_app.selectors.visibility import viewer_for, viewer_of
from mqtt_app.services.accounts.token_authentication import TokenAuthentication

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)


@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nobody, so that a dead database does not get the web process killed
    as well.
    """
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 when requests cannot be served; `warnings` for what works without. With `instance`, of
    that worker alone.

    Strangers hear the verdict alone; see `_may_see`.
    """
    seen = pulse()
    if "instance" in request.GET:
        answer = _worker_ready(seen, request.GET["instance"])
    else:
        answer = _ready(seen)
    if _may_see(request):
        return answer
    return JsonResponse({"ready": answer.status_code == HTTPStatus.OK}, status=answer.status_code)


def _ready(seen: SystemSnapshot) -> HttpResponse:
    installation = observe(seen)
    findings = judge(installation)
    checks = {
        check.value: _verdict(check, findings) | _figures(check, installation, seen)
        for check in Check
    }
    ready = all(checks[check]["ok"] for check in NEEDED)
    warnings = [
        f"{name}: {entry['error']}"
        for name, entry in checks.items()
        if name not in NEEDED and not entry["ok"]
    ]
    body = {
        "ready": ready,
        "status": "ready" if ready else "not ready",
        "checks": checks,
        "warnings": warnings,
    }
    return JsonResponse(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


def _verdict(check: Check, findings: Sequence[Finding]) -> dict[str, Any]:
    """`error` joins what was found wrong."""
    wrong = [
        finding.text
        for finding in findings
        if finding.check == check and finding.severity is not Severity.OK
    ]
    if wrong:
        return {"ok": False, "error": " ".join(wrong)}
    return {"ok": True}


def _figures(check: Check, installation: Installation, seen: SystemSnapshot) -> dict[str, Any]:
    """What was judged, for programs."""
    figures = {
        Check.REDIS: _redis(seen),
        Check.MQTT_WORKERS: _workers(installation, seen),
        Check.STORING: {"links": _links_not_stored(installation)},
        Check.ORPHANS: {"count": installation.orphans},
        Check.PERIODIC_TASKS: {
            "tasks": [_periodic(task) for task in installation.periodic_tasks or ()]
        },
        Check.QUEUES: {"depths": {queue.name: queue.depth for queue in installation.queues or ()}},
    }
    return figures.get(check, {})


def _redis(seen: SystemSnapshot) -> dict[str, Any]:
    if not seen.reachable:
        return {}
    return {"memory": seen.memory, "memory_limit": seen.memory_limit}


def _links_not_stored(installation: Installation) -> int:
    vitals = [worker.vitals for worker in installation.workers or () if worker.vitals]
    return sum(entry.links_not_stored for entry in vitals)


def _workers(installation: Installation, seen: SystemSnapshot) -> dict[str, Any]:
    faults = unready(installation)
    return {
        "count": len(seen.leases),
        "lease_ages": seen.lease_ages(),
        "workers": {
            worker.name: {
                "ready": worker.name not in faults,
                "lease_age": worker.lease_age,
                "connections": worker.load,
            }
            | _vitals(seen.leases[worker.name])
            for worker in installation.workers or ()
        },
    }


def _periodic(task: Periodic) -> dict[str, Any]:
    age = task.last_run_age
    return {
        "task": task.task,
        "enabled": task.is_sent,
        "period": task.period,
        "last_run_age": None if age is None else round(age, 1),
    }


def _worker_ready(seen: SystemSnapshot, instance: str) -> HttpResponse:
    lease = seen.leases.get(instance)
    why = unready(observe(seen)).get(instance, "")
    if lease is None:
        if seen.reachable:
            why = "no such MQTT worker has a lease"
        else:
            why = "Redis does not answer"
    body = {
        "ready": not why,
        "status": "not ready" if why else "ready",
        "instance": instance,
        "error": why,
    }
    if why:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    else:
        status = HTTPStatus.OK
    return JsonResponse(body | _vitals(lease), status=status)


def _vitals(lease: Lease | None) -> dict[str, Any]:
    if lease is None or lease.vitals is None:
        return {}
    return msgspec.structs.asdict(lease.vitals)


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """For this machine itself, and for superusers (Prometheus: `authorization: {type: Token,
    credentials: ...}`).
    """
    if not _may_see(request):
        said = "Metrics need a superuser's token, or an address of SITEWIRE_HEALTH_ALLOW or this machine."
        return JsonResponse(
            {"detail": said},
            status=HTTPStatus.UNAUTHORIZED,
            headers={"WWW-Authenticate": "Token"},
        )
    return HttpResponse(metrics.text(), content_type=CONTENT_TYPE_LATEST)


def _may_see(request: HttpRequest) -> bool:
    """This machine itself, the networks of SITEWIRE_HEALTH_ALLOW, and superusers from anywhere."""
    return _is_near(request) or _may_oversee(request)


def _is_near(request: HttpRequest) -> bool:
    """The peer itself, not somebody behind it: a proxy on this machine would make everybody local."""
    peer = client_address(request.META)
    if peer is None or any(name in request.META for name in FORWARDED):
        return False
    address = ip_address(peer)
    return address.is_loopback or any(
        address in ip_network(network) for network in config().health_allow
    )


def _may_oversee(request: HttpRequest) -> bool:
    if request.user.is_authenticated:
        return viewer_of(request).may(Action.OVERSEE)
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return False
    return found is not None and viewer_for(*found).may(Action.OVERSEE)
