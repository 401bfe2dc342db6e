"""Who gets which answer, one line for each route. `test_matrix.py` says how to add one."""

from typing import Any

from mqtt_app.domain.access import Switching
from mqtt_app.live.routing import NO_SUCH_ADDRESS
from tests.integration.access.rules import (
    ADMIN,
    ADMIN_SUPERUSERS,
    ADMINISTER,
    ADMINISTER_ALL,
    ADMINISTER_PAGE,
    ANYONE,
    ATTEND,
    ATTEND_ANYWHERE,
    CALLERS,
    CONFIGURE,
    CONFIGURE_ANYWHERE,
    DOCUMENTS,
    LIST,
    MAKE_TOKEN,
    MANAGE_PAGE,
    MISSING,
    NO_DOCUMENTS,
    NOT_THERE,
    OVERSEE,
    OWN,
    OWN_TOKEN,
    PAGE,
    READ,
    REVOKE_TOKEN,
    REVOKED,
    SITE_PAGE,
    SUPERUSERS,
    SWITCH,
    SWITCH_BY_OPERATORS,
    SWITCH_MANY,
    SWITCH_MANY_BY_OPERATORS,
    Line,
    api,
    every_method,
    model,
    page,
    site_page,
)
from tests.integration.mappings.definitions import DEFINITION

FILTER = {"filter": "new/#"}
MANY = {"action": "stop", "filter": {}}
MAPPING: dict[str, Any] = {"name": "kiln", "definition": DEFINITION}
BROKER = {"broker_host": "new.example"}

API = {
    "sites/": api(get=LIST, post=ADMINISTER_ALL.gives(201, name="New")),
    "sites/<int:pk>/": api(
        pk="site",
        get=READ,
        put=CONFIGURE.gives(200, name="Renamed"),
        patch=CONFIGURE.gives(200, silence_after=60),
        delete=ADMINISTER.gives(204),
    ),
    "sites/bulk/": api(options=LIST, post=SWITCH_MANY.gives(202, **MANY)),
    "sites/<int:site_id>/start/": api(post=SWITCH.gives(202)),
    "sites/<int:site_id>/stop/": api(post=SWITCH.gives(200)),
    "sites/<int:site_id>/restart/": api(post=SWITCH.gives(202)),
    "sites/<int:site_id>/status/": api(get=READ),
    "sites/<int:site_id>/connection/": api(
        get=READ, put=CONFIGURE.gives(200, **BROKER), patch=CONFIGURE.gives(200, **BROKER)
    ),
    "sites/<int:site_id>/tail/": api(get=READ),
    "sites/<int:site_id>/capture/": api(post=ATTEND.gives(200, minutes=5)),
    "sites/<int:site_id>/explain/": api(post=ATTEND.gives(202)),
    "connections/test/": api(options=LIST, post=CONFIGURE_ANYWHERE.gives(202, **BROKER)),
    "sites/<int:site_id>/topics/": api(get=READ, post=CONFIGURE.gives(201, **FILTER)),
    "sites/<int:site_id>/topics/<int:pk>/": api(
        pk="mqtttopic",
        get=READ,
        put=CONFIGURE.gives(200, **FILTER),
        patch=CONFIGURE.gives(200, is_active=False),
        delete=CONFIGURE.gives(204),
    ),
    "sites/<int:site_id>/discovered-topics/": api(get=READ),
    "sites/<int:site_id>/discovered-topics/<int:pk>/": api(
        pk="discoveredtopic", get=READ, patch=ATTEND.gives(200, is_active=False)
    ),
    "sites/<int:site_id>/discovered-topics/<int:pk>/samples/": api(pk="discoveredtopic", get=READ),
    "sites/<int:site_id>/samples/": api(get=READ),
    "sites/<int:site_id>/mappings/": api(get=READ, post=CONFIGURE.gives(201, **MAPPING)),
    "sites/<int:site_id>/mappings/propose/": api(post=ATTEND.gives(200, **FILTER)),
    "sites/<int:site_id>/mappings/dry-run/": api(
        post=ATTEND.gives(200, definition=MAPPING["definition"])
    ),
    "sites/<int:site_id>/mappings/<int:pk>/": api(
        pk="payloadmapping",
        get=READ,
        put=CONFIGURE.gives(200, definition=MAPPING["definition"]),
        delete=CONFIGURE.gives(204),
    ),
    "sites/<int:site_id>/mappings/<int:pk>/versions/": api(pk="payloadmapping", get=READ),
    "sites/<int:site_id>/mappings/<int:pk>/activate/": api(
        pk="payloadmapping", post=CONFIGURE.gives(200)
    ),
    "sites/<int:site_id>/mappings/<int:pk>/deactivate/": api(
        pk="payloadmapping", post=CONFIGURE.gives(200)
    ),
    "sites/<int:site_id>/topic-rules/": api(get=READ, post=ATTEND.gives(201, **FILTER)),
    "sites/<int:site_id>/topic-rules/<int:pk>/": api(
        pk="topicrule",
        get=READ,
        put=ATTEND.gives(200, **FILTER),
        patch=ATTEND.gives(200, ignore=True),
        delete=ATTEND.gives(204),
    ),
    "sites/<int:site_id>/topic-rules/preview/": api(get=READ),
    "sites/<int:site_id>/topic-rules/apply/": api(post=ATTEND.gives(200)),
    "sites/<int:site_id>/fingerprint/": api(get=READ),
    "sites/<int:site_id>/devices/": api(get=READ),
    "sites/<int:site_id>/dead-letters/": api(get=READ),
    "sites/<int:site_id>/dead-letters/<int:pk>/": api(pk="deadletter", get=READ),
    "sites/<int:site_id>/dead-letters/replay/": api(post=ATTEND.gives(202, all=True, dry_run=True)),
    "devices/<int:pk>/": api(
        pk="device",
        options=LIST,
        get=READ,
        patch=ATTEND.gives(200, name="Boiler"),
        delete=ATTEND.gives(204),
    ),
    "devices/<int:pk>/merge/": api(
        pk="device",
        options=LIST,
        post=ATTEND.gives(400, into=2**40),  # there is none
    ),
    "devices/<int:pk>/retire/": api(pk="device", options=LIST, post=ATTEND.gives(200)),
    "devices/<int:pk>/unretire/": api(pk="device", options=LIST, post=ATTEND.gives(200)),
    "devices/<int:pk>/readings/": api(pk="device", options=LIST, get=READ),
    "connection-logs/": api(get=LIST),
    "parsing-logs/": api(get=LIST),
    "problems/": api(get=LIST),
    "problems/<int:pk>/": api(
        pk="problem", options=LIST, get=READ, patch=ATTEND.gives(200, state="resolved")
    ),
    "audit/": api(get=LIST),
    "operations/": api(get=LIST),
    "operations/<uuid:pk>/": api(pk="operation", options=LIST, get=READ),
    "operations/<uuid:pk>/stop/": api(
        pk="operation",
        options=LIST,
        post=ATTEND.gives(409),  # no replay
    ),
    "operations/<uuid:pk>/resume/": api(pk="operation", options=LIST, post=ATTEND.gives(409)),
    "parsers/try/": api(
        options=LIST, post=ATTEND_ANYWHERE.gives(200, topic="lab/a", payload="21.5")
    ),
}
"""Below api/v1/mqtt/."""

WHERE_OPERATORS_SWITCH = {
    "sites/bulk/": api(options=LIST, post=SWITCH_MANY_BY_OPERATORS.gives(202, **MANY)),
    "sites/<int:site_id>/start/": api(post=SWITCH_BY_OPERATORS.gives(202)),
    "sites/<int:site_id>/stop/": api(post=SWITCH_BY_OPERATORS.gives(200)),
    "sites/<int:site_id>/restart/": api(post=SWITCH_BY_OPERATORS.gives(202)),
}
"""What is different with SITEWIRE_SWITCHING=operators."""

OTHERS = {
    "": page(PAGE),
    "fragments/overview/": page(PAGE),
    "sites/new/": page(ADMINISTER_PAGE),
    "sites/<int:site_id>/": page(SITE_PAGE),
    "fragments/sites/<int:site_id>/": page(SITE_PAGE),
    "sites/<int:site_id>/settings/": page(MANAGE_PAGE),
    "sites/<int:site_id>/topics/": page(SITE_PAGE),
    "sites/<int:site_id>/tail/": page(SITE_PAGE),
    "sites/<int:site_id>/topics/<int:pk>/": site_page("discoveredtopic"),
    "fragments/sites/<int:site_id>/topics/<int:pk>/": site_page("discoveredtopic"),
    "sites/<int:site_id>/mappings/": page(SITE_PAGE),
    "sites/<int:site_id>/mappings/new/": page(SITE_PAGE),
    "sites/<int:site_id>/mappings/<int:pk>/": site_page("payloadmapping"),
    "devices/": page(PAGE),
    "devices.csv": page(PAGE),
    "problems/": page(PAGE),
    "fragments/problems/": page(PAGE),
    "devices/<int:pk>/": site_page("device"),
    "fragments/devices/<int:pk>/": site_page("device"),
    "login/": Line({}, ANYONE.gives(200, 302, 405)),
    "logout/": Line({}, ANYONE.gives(302, 200, 405)),
    "livez": page(ANYONE),
    "readyz": page(ANYONE.gives(200, 503)),
    "metrics": page(OVERSEE),
    "api/": Line({}, MISSING),
    "api/schema/": api(get=DOCUMENTS, options=DOCUMENTS, others=NO_DOCUMENTS),
    "api/docs/": api(get=DOCUMENTS, options=DOCUMENTS.gives(204), others=NO_DOCUMENTS),
    "api/v1/auth/login/": api(post=ANYONE.gives(400), options=ANYONE, others=ANYONE.gives(405)),
    "api/v1/auth/logout/": api(post=OWN.gives(204), options=OWN),
    "api/v1/auth/tokens/": api(get=LIST, post=MAKE_TOKEN.gives(201, name="script")),
    "api/v1/auth/tokens/<int:pk>/": api(
        pk="apitoken", options=OWN, get=OWN_TOKEN, delete=REVOKE_TOKEN.gives(204)
    ),
    "account/": page(PAGE),
    "account/password/": page(PAGE, POST=PAGE),
    "account/sessions/": Line({"POST": PAGE.gives(302)}, NOT_THERE),
    "account/tokens/": Line({"POST": PAGE.gives(400)}, NOT_THERE),  # without a name
    "account/tokens/<int:pk>/revoke/": Line({"POST": REVOKED}, NOT_THERE, "apitoken"),
    "password-reset/": page(ANYONE, POST=ANYONE, PUT=ANYONE, OPTIONS=ANYONE),
    "password-reset/sent/": page(ANYONE, OPTIONS=ANYONE),
    "password-reset/done/": page(ANYONE, OPTIONS=ANYONE),
    "password-reset/<uidb64>/<token>/": every_method(
        ANYONE
    ),  # says that the link is wrong, or was used
    "admin/": every_method(ADMIN),
    "admin/<app_label>/": every_method(ADMIN),
    "admin/<url>": every_method(ADMIN.gives(404)),
    "admin/autocomplete/": every_method(ADMIN.gives(200, 403, 405)),  # without a field to complete
    "admin/jsi18n/": every_method(ADMIN.gives(200, 405)),
    "admin/login/": Line({}, ANYONE.gives(200, 302, 405)),
    "admin/logout/": Line({}, ANYONE.gives(200, 302, 405)),
    "admin/password_change/": every_method(ANYONE.gives(302)),  # to the page of the account
    "admin/password_change/done/": every_method(ADMIN.gives(200, 302, 405)),
    "admin/r/<path:content_type_id>/<path:object_id>/": every_method(
        ADMIN.gives(404)
    ),  # no model has a page there
    "admin/auth/user/<id>/password/": every_method(ADMIN_SUPERUSERS),
}

MODELS = {
    # below admin/                      sees       adds       changes    deletes
    "mqtt/site": model("                viewer     superuser  manager    superuser"),
    "mqtt/mqttconnection": model("      viewer     manager    manager    superuser"),
    "mqtt/mqtttopic": model("           viewer     manager    manager    manager"),
    "mqtt/discoveredtopic": model("     viewer     nobody     operator   superuser"),
    "mqtt/gateway": model("             viewer     nobody     operator   superuser"),
    "mqtt/device": model("              viewer     nobody     operator   operator"),
    "mqtt/topicrule": model("           viewer     operator   operator   operator"),
    "mqtt/mqttconnectionlog": model("   viewer     nobody     nobody     superuser"),
    "mqtt/mqttparsinglog": model("      viewer     nobody     nobody     superuser"),
    "mqtt/deadletter": model("          viewer     nobody     nobody     nobody"),
    "mqtt/parserhealth": model("        viewer     nobody     nobody     nobody"),
    "mqtt/sitebooks": model("           viewer     nobody     nobody     superuser"),
    "mqtt/batchreceipt": model("        superuser  nobody     nobody     superuser"),
    "mqtt/membership": SUPERUSERS,
    "mqtt/auditentry": model("          manager    nobody     nobody     nobody"),
    "mqtt/apitoken": model("            superuser  nobody     nobody     superuser"),
    "mqtt/logincounter": model("        superuser  nobody     nobody     superuser"),
    "auth/user": SUPERUSERS,
    "auth/group": SUPERUSERS,
    "django_celery_beat/periodictask": SUPERUSERS,
    "django_celery_beat/clockedschedule": SUPERUSERS,
    "django_celery_beat/crontabschedule": SUPERUSERS,
    "django_celery_beat/intervalschedule": SUPERUSERS,
    "django_celery_beat/solarschedule": SUPERUSERS,
}
"""Who at least; whoever comes later in viewer, operator, manager, superuser may as well."""

UNAUTHENTICATED = 4401  # close code
WEBSOCKETS = {
    "ws/mqtt/status/": {
        "anonymous": UNAUTHENTICATED,
        "foreign": {"elsewhere"},
        "viewer": {"here"},
        "operator": {"here"},
        "manager": {"here"},
        "superuser": {"here", "elsewhere"},
        "expired": UNAUTHENTICATED,
        "read": {"here", "elsewhere"},
        "elsewhere": {"elsewhere"},
    },
    "": dict.fromkeys(CALLERS, NO_SUCH_ADDRESS),
}
"""Of which sites each caller hears, or the code that the socket is closed with."""


def line_for(route: str, switching: Switching) -> Line | None:
    below = route.removeprefix("api/v1/mqtt/")
    if below == route:
        return OTHERS.get(route)
    different = WHERE_OPERATORS_SWITCH if switching is Switching.OPERATORS else {}
    return different.get(below) or API.get(below)
