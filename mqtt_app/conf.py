"""The product's knobs in one frozen place. Each may be overridden by an environment variable
SITEWIRE_<FIELD>.

Durations are seconds, sizes bytes. Relations between them are system checks (`mqtt_app/checks.py`).
"""

from dataclasses import dataclass
from functools import cache

from django.conf import settings

from mqtt_app.domain.access import Switching


@dataclass(frozen=True, slots=True)
class Config:
    # Ownership
    lease_ttl: float = 15.0  # how long an instance counts as alive after its last renewal
    lease_renew: float = 3.0
    lease_act: float = (
        10.0  # an instance stops acting this long after its last good renewal; < lease_ttl
    )
    scan_interval: float = (
        3.0  # how often a worker compares rows with what it holds, without a nudge
    )
    reconcile_interval: float = 30.0
    drain_timeout: float = 5.0
    force_after: float = 15.0  # a new owner takes over from one that is stuck in its drain
    rebalance_after: float = (
        60.0  # a membership must be stable this long before connections move for balance
    )
    capacity: int = 5_000  # connections one MQTT worker accepts

    # Links
    connect_rate: float = 200.0  # new connects a second, per worker
    connect_timeout: float = 10.0  # TCP and TLS
    connack_timeout: float = 10.0
    suback_timeout: float = 10.0
    dial_threads: int = (
        64  # name look-up and TLS handshakes block; a hanging broker holds one of these
    )
    backoff_base: float = 1.0
    backoff_cap: float = 60.0
    backoff_stable: float = 60.0  # a link this old resets the back-off
    refused_base: float = 60.0  # wrong credentials do not get better by asking every second
    refused_cap: float = 900.0
    # first pause after a violation of MQTT; doubled up to refused_cap until a link is stable
    violation_base: float = 5.0
    receive_maximum: int = 1_000  # MQTT 5 Receive Maximum that we announce
    maximum_packet_size: int = (
        16_777_216  # above what parsers accept, so that an oversized message is seen and named
    )
    packet_timeout: float = (
        30.0  # for a packet that has begun, plus its time at 64 KB/s; brokers send it in one go
    )
    unfinished_bytes: int = (
        67_108_864  # of such packets, over all links: 4 of the largest, or 1,000 of 64 KB
    )
    session_expiry: int = (
        86_400  # how long the broker keeps our session and its queue when we are away
    )
    client_id_prefix: str = "sitewire"
    bind_address: str = (
        ""  # local address that connections to brokers come from; "" leaves it to the system
    )
    broker_allow: tuple[
        str, ...
    ] = ()  # networks (CIDR) and names of brokers in ranges that are refused otherwise
    broker_private: str = (
        "allow"  # brokers in private networks: allow, listed (by broker_allow only) or refuse
    )
    broker_deny_ports: tuple[int, ...] = ()  # no broker is dialled at these ports, wherever it is
    own_services: tuple[str, ...] = (
        "localhost:8000",
        "localhost:5555",
    )  # web and Flower; never dialled as a broker

    # Delivery
    batch_messages: int = 2_000
    batch_bytes: int = 1_048_576
    batch_linger: float = 0.04  # how long a message waits for company
    batch_patience: float = 0.2  # the same while other batches are being stored
    batches_in_flight: int = (
        4  # per MQTT worker; about two for each task worker process that serves it
    )
    pending_bytes: int = (
        134_217_728  # un-acknowledged messages in memory; beyond it sockets are not read
    )
    receipt_timeout: float = 30.0  # no acknowledgement of a batch in this time: ask for its receipt
    ingest_queue_max: int = 2_000  # batches waiting in Redis; beyond it batches wait in the worker
    # tasks of up to 100 log rows waiting in Redis; beyond it rows wait with their writers
    logs_queue_max: int = 2_000
    payload_sample: int = 5_000  # characters of a payload kept in a log row
    quarantine_after: int = 3  # tries of a single message that kills its parser

    # Parsers that fail
    parser_window: float = 60.0  # messages are judged together that come within this time
    parser_enough: int = (
        200  # messages of one parser at one site; when more than half of them fail it is paused
    )
    parser_trial_interval: float = 10.0  # how often a paused parser is tried on its dead letters
    # Dead letters
    # per site, while a parser is paused; beyond it a site whose parser fails on all waits
    waiting_letters: int = 100_000
    waiting_letter_bytes: int = 268_435_456  # the same in bytes of payload
    # that nothing waits for, per parser and site, so that they can be replayed; the oldest go first
    resting_letters: int = 10_000
    resting_letter_bytes: int = 67_108_864  # the same in bytes of payload
    dead_letter_days: int = 7  # for new sites
    sample_bytes: int = 67_108_864  # of the samples of its topics that a site keeps

    # Topics and devices
    max_topics: int = 100_000  # per site
    max_devices: int = 50_000  # per site
    max_topic_levels: int = 64  # of a message's topic; beyond it the message is counted and dropped
    max_topic_bytes: int = 1_000  # the same for its length in UTF-8; MQTT allows 65,535
    max_new_topics: int = 10_000  # per site and minute, not counting those of retained messages
    silence_after: float = (
        900.0  # default of a site: a device that says nothing for this long is offline
    )
    offline_check_interval: float = 30.0
    restart_grace: float = (
        10.0  # nobody is called silent this soon after a link came back, nor before their own time
    )

    # Access
    switching: Switching = (
        Switching.SUPERUSERS
    )  # who starts and stops links; "operators" adds operators and managers
    login_name_tries: int = 5  # wrong passwords of one user name before the first pause
    login_address_tries: int = (
        50  # the same of one address: an office, or all clients of a proxy that is not named
    )
    login_pause: float = 30.0  # the first pause; each further wrong try doubles it
    login_pause_cap: float = 3_600.0
    login_name_forget: float = 7_200.0  # one wrong try of a name is forgotten in this time
    login_address_forget: float = 600.0  # one of an address
    login_counters_max: int = (
        100_000  # names and addresses remembered; beyond it the least guilty are forgotten
    )
    tokens_per_user: int = 200
    health_allow: tuple[
        str, ...
    ] = ()  # networks that read /metrics and the details of /readyz, as CIDR

    # Upkeep
    audit_retention_days: int = 730
    log_retention_days: int = 30
    reading_retention_days: int = 365
    rollup_interval: float = 60.0  # how often new readings are summed up by hour and day
    rollup_days: int = 1_825  # that sums by day are kept, for new sites
    hour_rollup_days: int = 731  # sums by hour, at most
    receipt_retention: float = 604_800.0
    evidence_interval: float = 2.0  # how often a worker publishes what it sees
    evidence_ttl: float = 60.0
    live_interval: float = 1.0  # at most one flow message a second for browsers


@cache
def config() -> Config:
    return Config(**settings.SITEWIRE)
