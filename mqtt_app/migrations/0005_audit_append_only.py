"""Audit entries are added and never altered: PostgreSQL itself refuses anything else, whoever asks."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION mqtt_auditentry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Pruning names, for its own transaction, the age from which entries may go.
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < nullif(current_setting('sitewire.audit_prune_before', true), '')::timestamptz THEN
            RETURN OLD;
        END IF;
    ELSIF TG_OP = 'TRUNCATE' THEN
        -- Set for a whole session only, by test runs: they empty every table between two tests.
        IF current_setting('sitewire.audit_truncate_allowed', true) = 'on' THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION 'Audit entries cannot be changed or removed (% refused). '
        'Upkeep removes those older than SITEWIRE_AUDIT_RETENTION_DAYS.', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER mqtt_auditentry_rows BEFORE UPDATE OR DELETE ON mqtt_auditentry
    FOR EACH ROW EXECUTE FUNCTION mqtt_auditentry_append_only();
CREATE TRIGGER mqtt_auditentry_truncate BEFORE TRUNCATE ON mqtt_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION mqtt_auditentry_append_only();
ALTER TABLE mqtt_auditentry ENABLE ALWAYS TRIGGER mqtt_auditentry_rows;
ALTER TABLE mqtt_auditentry ENABLE ALWAYS TRIGGER mqtt_auditentry_truncate;
"""
ALTERABLE = """
DROP TRIGGER mqtt_auditentry_rows ON mqtt_auditentry;
DROP TRIGGER mqtt_auditentry_truncate ON mqtt_auditentry;
DROP FUNCTION mqtt_auditentry_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("mqtt", "0004_configuration_triggers")]
    operations = [migrations.RunSQL(APPEND_ONLY, ALTERABLE)]
