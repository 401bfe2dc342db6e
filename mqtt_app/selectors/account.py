"""What the account page shows beside the account itself."""

from collections.abc import Sequence

from mqtt_app.models import ApiToken, Site


def site_names(tokens: Sequence[ApiToken]) -> dict[int, list[str] | None]:
    """Names of the sites of each token, by its id; None: all sites of its user."""
    named = {pk for token in tokens for pk in token.site_ids or ()}
    known = dict(Site.objects.filter(pk__in=named).values_list("pk", "name"))
    return {token.pk: _names(token.site_ids, known) for token in tokens}


def _names(site_ids: Sequence[int] | None, known: dict[int, str]) -> list[str] | None:
    if site_ids is None:
        return None
    return [known.get(pk, f"site {pk} (deleted)") for pk in site_ids]
