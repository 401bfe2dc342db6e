"""Is the process alive, can it serve, and how is everything doing. It must answer when little
works.

A web process without MQTT workers is ready (it serves), but warns: nothing will connect. Whether
one MQTT worker is ready, `/readyz?instance=mqtt-1` says, for the probe of that worker.
"""

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
from mqtt_app.selectors.status.system import (
    SystemSnapshot,
    database_answers,
    orphans,
    pending_migrations,
    pulse,
)
from mqtt_app.selectors.visibility import viewer_for, viewer_of
from mqtt_app.services.accounts.token_authentication import TokenAuthentication

Check = dict[str, Any]

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)
MISSED_RECONCILES = 3


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
    answer = (
        _worker_ready(seen, request.GET["instance"]) if "instance" in request.GET else _ready(seen)
    )
    if _may_see(request):
        return answer
    return JsonResponse({"ready": answer.status_code == HTTPStatus.OK}, status=answer.status_code)


def _ready(seen: SystemSnapshot) -> HttpResponse:
    needed = {
        "database": _check(database_answers(), "does not answer"),
        "migrations": _migrations(),
        "redis": _redis(seen),
    }
    helpful = {
        "mqtt_workers": _workers(seen),
        "storing": _storing(seen),
        "orphans": _orphans(seen, database=needed["database"]["ok"]),
        "reconcile": _reconcile(seen),
        "queues": _queues(seen),
    }
    ready = all(check["ok"] for check in needed.values())
    warnings = [f"{name}: {check['error']}" for name, check in helpful.items() if not check["ok"]]
    status = "ready" if ready else "not ready"
    body = {"ready": ready, "status": status, "checks": needed | helpful, "warnings": warnings}
    return JsonResponse(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


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


def _check(ok: bool, error: str, **more: Any) -> Check:
    return {"ok": ok, **({} if ok else {"error": error}), **more}


def _migrations() -> Check:
    pending = pending_migrations()
    if pending is None:
        return _check(False, "unknown, the database does not answer")
    return _check(not pending, f"{len(pending)} not applied, run `manage.py migrate`")


def _worker_ready(seen: SystemSnapshot, instance: str) -> HttpResponse:
    lease, why = seen.leases.get(instance), seen.stuck().get(instance, "")
    if lease is None:
        why = "no such MQTT worker has a lease" if seen.reachable else "Redis does not answer"
    status = "not ready" if why else "ready"
    body = {"ready": not why, "status": status, "instance": instance, "error": why} | _vitals(lease)
    return JsonResponse(body, status=HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK)


def _redis(seen: SystemSnapshot) -> Check:
    memory = {"memory": seen.memory, "memory_limit": seen.memory_limit} if seen.reachable else {}
    if seen.refusal:
        return _check(
            False,
            f"takes no writes ({seen.refusal}); give it memory, or find out what fills it",
            **memory,
        )
    return _check(seen.reachable, "does not answer", **memory)


def _workers(seen: SystemSnapshot) -> Check:
    ages, stuck = seen.lease_ages(), seen.stuck()
    error = "; ".join(f"{name} is not ready: {why}" for name, why in stuck.items())
    workers = {
        name: {"ready": name not in stuck, "lease_age": ages[name], "connections": lease.load}
        | _vitals(lease)
        for name, lease in sorted(seen.leases.items())
    }
    return _check(
        bool(ages) and not stuck,
        error or "no MQTT worker is running, nothing will connect",
        count=len(ages),
        lease_ages=ages,
        workers=workers,
    )


def _storing(seen: SystemSnapshot) -> Check:
    """Whether every message that was received is stored soon."""
    stalled = seen.not_storing()
    error = "; ".join(f"{name}: {why}" for name, why in stalled.items())
    count = sum(lease.vitals.links_not_stored for lease in seen.leases.values() if lease.vitals)
    return _check(
        seen.reachable and not stalled, error or "unknown, Redis does not answer", links=count
    )


def _vitals(lease: Lease | None) -> dict[str, Any]:
    return {} if lease is None or lease.vitals is None else msgspec.structs.asdict(lease.vitals)


def _orphans(seen: SystemSnapshot, *, database: bool) -> Check:
    if not (seen.reachable and database):
        return _check(False, "unknown, Redis or the database does not answer")
    count = orphans(seen)
    return _check(
        not count, f"{count} connections that are wanted have no living owner", count=count
    )


def _reconcile(seen: SystemSnapshot) -> Check:
    """Beat sends it; without it workers still take orphans over, but nothing is balanced or tidied."""
    age = seen.reconcile_age
    limit = config().reconcile_interval * MISSED_RECONCILES
    last = "none within a day" if age is None else f"the last one finished {age:.0f} s ago"
    error = f"no reconcile lately ({last}), is beat running?"
    return _check(
        age is not None and age < limit, error, age=None if age is None else round(age, 1)
    )


def _queues(seen: SystemSnapshot) -> Check:
    full = [name for name, depth in seen.queues.items() if depth >= config().ingest_queue_max]
    error = f"full: {', '.join(full)}" if full else "unknown, Redis does not answer"
    return _check(seen.reachable and not full, error, depths=dict(seen.queues))


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
