"""The only writer of mappings, and of the topics that change their parser with them."""

from typing import Any

import msgspec
from django.db import connection as database
from django.db import transaction
from django.db.models import F

from mqtt_app.domain.dead_letters.selection import pattern_of
from mqtt_app.models import MappingVersion, PayloadMapping, Site, TopicRule
from mqtt_app.parsers.mapping.definition import read_definition
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.parser import MappingParser
from mqtt_app.selectors.mappings import version_of
from mqtt_app.services import audit

MAX_MAPPINGS = 100  # of a site; each is asked about every new topic

# In the order of ids, as ingest locks them.
_OF_SITE = """
SELECT t.id FROM mqtt_discoveredtopic t JOIN mqtt_mqttconnection c ON c.id = t.connection_id
WHERE c.site_id = %(site)s
"""
_TAKE = f"""
WITH chosen AS ({_OF_SITE} AND t.topic ~ %(pattern)s AND t.pinned_parser = ''
    AND NOT (%(parser)s = ANY(t.forbidden_parsers))
    AND (t.parser_name <> %(parser)s OR NOT t.is_processable)
    ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE mqtt_discoveredtopic t SET parser_name = %(parser)s, is_processable = true, confidence = 1,
    recognitions = 0
FROM chosen WHERE t.id = chosen.id
"""
_FREE = f"""
WITH chosen AS ({_OF_SITE} AND t.parser_name = %(parser)s AND NOT t.topic ~ %(pattern)s
    ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE mqtt_discoveredtopic t SET parser_name = '', is_processable = false, confidence = NULL,
    recognitions = 0, pinned_parser = ''
FROM chosen WHERE t.id = chosen.id
"""
_NO_TOPIC = "(?!)"  # a pattern that matches nothing


class MappingRefusedError(Exception):
    """`str(error)` says why the change cannot be made, and what to do."""


class Activation(msgspec.Struct, frozen=True):
    """Topics that a mapping reads from now on, and those that it reads no more."""

    taken: int
    freed: int


def compiled(content: Any) -> MappingParser:
    """A definition as a parser that has no name yet. Raises MappingError at its first fault."""
    return MappingParser("mapping", "0", read_definition(content))


def create(site: Site, name: str, definition: Any, note: str = "") -> PayloadMapping:
    """With its first version, not active yet. Raises MappingError, MappingRefusedError, and
    IntegrityError when the site has one of this name.
    """
    compiled(definition)
    with transaction.atomic():
        Site.objects.select_for_update(no_key=True).get(pk=site.pk)
        if PayloadMapping.objects.filter(site=site).count() >= MAX_MAPPINGS:
            raise MappingRefusedError(
                f"A site has at most {MAX_MAPPINGS} mappings. Delete one that is not needed."
            )
        mapping = PayloadMapping(site=site, name=name)
        mapping.save(force_insert=True)
        _add_version(mapping, 1, definition, note)
        audit.record_created(mapping)
    return mapping


def revise(mapping: PayloadMapping, definition: Any, note: str = "") -> MappingVersion:
    """One more version, not active yet; the newest one when it says the same. Raises MappingError."""
    compiled(definition)
    with transaction.atomic():
        PayloadMapping.objects.select_for_update(no_key=True).get(pk=mapping.pk)
        newest = version_of(mapping)
        assert newest is not None
        if newest.definition == _plain(definition) and note in {"", newest.note}:
            return newest
        version = _add_version(mapping, newest.number + 1, definition, note)
        audit.record("changed", mapping, details={"version": version.number})
    return version


def activate(mapping: PayloadMapping, number: int | None = None) -> Activation:
    """Let a version, the newest without a number, read the topics of its filter, but for those that
    are pinned to another parser or forbid this one. Raises MappingRefusedError.
    """
    with transaction.atomic():
        stored = PayloadMapping.objects.select_for_update(no_key=True).get(pk=mapping.pk)
        version = version_of(stored, number)
        if version is None:
            raise MappingRefusedError(f"The mapping {stored.name} has no version {number}.")
        try:
            parser = compiled(version.definition)
        except MappingError as error:
            raise MappingRefusedError(f"{error.field}: {error}") from None
        audit.record(
            "activated", stored, details={"version": version.number, "was": stored.active_version}
        )
        stored.active_version = version.number
        stored.save(update_fields=["active_version"])
        return _hand_over(stored, pattern_of(parser.topic_filter))


def deactivate(mapping: PayloadMapping) -> Activation:
    """Its topics are recognised anew by their next message. Raises MappingRefusedError when a rule
    names it.
    """
    with transaction.atomic():
        stored = PayloadMapping.objects.select_for_update(no_key=True).get(pk=mapping.pk)
        if stored.active_version is None:
            return Activation(0, 0)
        _refuse_if_named(stored)
        audit.record("deactivated", stored, details={"version": stored.active_version})
        stored.active_version = None
        stored.save(update_fields=["active_version"])
        return _hand_over(stored, "")


def delete(mapping: PayloadMapping) -> None:
    """With its versions. Raises MappingRefusedError when a rule names it."""
    with transaction.atomic():
        _refuse_if_named(mapping)
        deactivate(mapping)
        audit.record_deleted(mapping)
        mapping.delete()


def _hand_over(mapping: PayloadMapping, pattern: str) -> Activation:
    values: dict[str, int | str] = {
        "site": mapping.site_id,
        "parser": mapping.parser_name,
        "pattern": pattern or _NO_TOPIC,
    }
    with database.cursor() as cursor:
        cursor.execute(_FREE, values)
        freed = cursor.rowcount
        taken = 0
        if pattern:
            cursor.execute(_TAKE, values)
            taken = cursor.rowcount
    Site.objects.filter(pk=mapping.site_id).update(mappings_version=F("mappings_version") + 1)
    return Activation(taken=taken, freed=freed)


def _refuse_if_named(mapping: PayloadMapping) -> None:
    rule = TopicRule.objects.filter(site=mapping.site_id, parser_name=mapping.parser_name).first()
    if rule is not None:
        raise MappingRefusedError(
            f"The rule for {rule.filter} names {mapping.parser_name}. Change or delete it first."
        )


def _add_version(
    mapping: PayloadMapping, number: int, definition: Any, note: str
) -> MappingVersion:
    version = MappingVersion(
        mapping=mapping,
        number=number,
        definition=_plain(definition),
        note=note,
        created_by=audit.current_actor().user_name[:200],
    )
    version.save(force_insert=True)
    return version


def _plain(content: Any) -> dict[str, Any]:
    """With every field, so that versions can be compared."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(read_definition(content)))
    return plain
