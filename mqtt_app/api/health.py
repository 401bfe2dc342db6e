"""Is the process alive, can it serve, and how is everything doing. It must answer when little works.

A web process without MQTT workers is ready (it serves), but warns: nothing will connect.
"""

import ipaddress
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from knox.auth import TokenAuthentication
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from mqtt_app import metrics
from mqtt_app.conf import config
from mqtt_app.selectors.system import Pulse, database_answers, pending_migrations, pulse

Check = dict[str, Any]

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")
MISSED_RECONCILES = 3


@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nobody, so that a dead database does not get the web process killed as well."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """503 when requests cannot be served; `warnings` for what works without."""
    seen = pulse()
    needed = {
        "database": _check(database_answers(), "does not answer"),
        "migrations": _migrations(),
        "redis": _check(seen.reachable, "does not answer"),
    }
    helpful = {"mqtt_workers": _workers(seen), "reconcile": _reconcile(seen), "queues": _queues(seen)}
    ready = all(check["ok"] for check in needed.values())
    warnings = [f"{name}: {check['error']}" for name, check in helpful.items() if not check["ok"]]
    body = {"status": "ready" if ready else "not ready", "checks": needed | helpful, "warnings": warnings}
    return JsonResponse(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """For this machine itself, and for superusers (Prometheus: `authorization: {type: Token, credentials: ...}`)."""
    if not (_is_local(request) or _is_superuser(request)):
        return JsonResponse(
            {"detail": "Metrics need a superuser's token from anywhere but this machine."},
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


def _workers(seen: Pulse) -> Check:
    ages = seen.lease_ages()
    return _check(bool(ages), "no MQTT worker is running, nothing will connect", count=len(ages), lease_ages=ages)


def _reconcile(seen: Pulse) -> Check:
    """Beat sends it; without it workers still take orphans over, but nothing is balanced or tidied."""
    age = seen.reconcile_age
    limit = config().reconcile_interval * MISSED_RECONCILES
    error = "none finished lately, is beat running?"
    return _check(age is not None and age < limit, error, age=None if age is None else round(age, 1))


def _queues(seen: Pulse) -> Check:
    full = [name for name, depth in seen.queues.items() if depth >= config().ingest_queue_max]
    error = f"full: {', '.join(full)}" if full else "unknown, Redis does not answer"
    return _check(seen.reachable and not full, error, depths=dict(seen.queues))


def _is_local(request: HttpRequest) -> bool:
    """A peer on the loopback that is no proxy; a proxy there would make everybody local."""
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    if not user.is_authenticated:
        try:
            found = TokenAuthentication().authenticate(Request(request))
        except AuthenticationFailed:
            return False
        user = found[0] if found else user
    return bool(user.is_active and getattr(user, "is_superuser", False))
