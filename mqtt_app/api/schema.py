"""What the schema generator has to be told. Registered by being imported."""

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """`Authorization: Token ...`, described as knox's own."""

    target_class = "mqtt_app.services.accounts.token_authentication.TokenAuthentication"
