"""Who sees which site. Everything that hangs on a site is reached through these sets."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from mqtt_app.models import Site


def sites_visible_to(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Site]:
    """All sites for a superuser, those with a membership for anyone else, none without a login."""
    if not user.is_authenticated or not user.is_active:
        return Site.objects.none()
    if getattr(user, "is_superuser", False):
        return Site.objects.all()
    return Site.objects.filter(memberships__user=user.pk)
