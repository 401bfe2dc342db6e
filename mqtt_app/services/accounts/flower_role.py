"""Flower's role in PostgreSQL: it counts log-ins and puts lock-outs on record, and can do nothing
else.
"""

from django.contrib.auth.models import User
from django.db import connection, transaction
from psycopg import sql

from mqtt_app.models import AuditEntry, LoginCounter

ROLE = "sitewire_flower"
RIGHTS = (
    (LoginCounter, "SELECT, INSERT, UPDATE, DELETE", True),
    (
        AuditEntry,
        "SELECT (id), INSERT",
        True,
    ),  # Django asks for the id of the row that it has added
    (User, "SELECT (id, username, email)", False),  # whether a name that was typed is a user's
)


@transaction.atomic
def create_flower_role(password: str) -> None:
    """Make the role, or set it to just these rights and this password. Needs the right to make
    roles.
    """
    role = sql.Identifier(ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [ROLE])
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [ROLE])
        verb = sql.SQL("ALTER" if cursor.fetchone()[0] else "CREATE")
        login = sql.SQL(
            "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}"
        )
        cursor.execute(login.format(verb, role, sql.Literal(password)))
        cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(role))
        cursor.execute(sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(role))
        for model, rights, adds_rows in RIGHTS:
            table = sql.Identifier(model._meta.db_table)
            cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), table, role))
            if adds_rows:
                sequence = sql.Identifier(f"{model._meta.db_table}_id_seq")
                cursor.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, role))
