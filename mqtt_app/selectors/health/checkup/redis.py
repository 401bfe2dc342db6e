"""Redis: is it there, does it take writes, and may it forget."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings

from mqtt_app.coordination.client import quick_client
from mqtt_app.domain.health.findings import Finding, error, ok, warning
from mqtt_app.selectors.status.system import refusal

FULL = 0.8  # share of maxmemory


def memory_and_writes() -> Iterator[Finding]:
    parts = urlsplit(settings.REDIS_URL)
    where = f"{parts.hostname}:{parts.port or 6379}"
    try:
        info: Any = quick_client().info()
    except redis.RedisError as failure:
        text = str(failure).rstrip(".")
        yield error(
            "redis", f"Redis at {where} does not answer: {text}.", "Start it, or correct REDIS_URL."
        )
        return
    version = info.get("valkey_version") or info["redis_version"]
    if "valkey_version" in info:
        name = "Valkey"
    else:
        name = "Redis"
    yield ok("redis", f"{name} {version} answers at {where}.")
    why = refusal(quick_client()).rstrip(".")
    if why:
        yield error(
            "redis writes",
            f"It takes no writes: {why}.",
            "Give it more memory, or find out what fills it.",
        )
    else:
        yield ok("redis writes", "It takes writes.")
    yield from (_memory(info), _policy(info))


def _memory(info: dict[str, Any]) -> Finding:
    used, most = info["used_memory"] / 2**20, info["maxmemory"] / 2**20
    if not most:
        return ok("redis memory", f"{used:.0f} MB in use, no limit set.")
    text = f"{used:.0f} of {most:.0f} MB in use."
    if used >= FULL * most:
        return warning("redis memory", text, "Raise maxmemory; are the task workers keeping up?")
    return ok("redis memory", text)


def _policy(info: dict[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return ok("redis eviction", "Nothing is evicted.")
    return error(
        "redis eviction",
        f"The policy {policy} lets Redis drop leases and queued batches when its memory is used up.",
        "Set maxmemory-policy to noeviction.",
    )
