"""Who may do what: roles of people, scopes of tokens, and the actions that both allow. Pure: no user, no request.

role      viewer  <  operator  <  manager        what a Membership gives, at one site or at all
scope     read    <  operate   <  manage         the most that a token allows, whoever made it
action    VIEW       SWITCH, ATTEND  CONFIGURE   needs at least the role and the scope of its column
          ADMINISTER                             superusers only, with a token of scope `manage`
"""

from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"


class Scope(StrEnum):
    READ = "read"
    OPERATE = "operate"
    MANAGE = "manage"


class Action(StrEnum):
    VIEW = "view"  # read a site and everything that hangs on it
    ATTEND = "attend"  # decide about discovered topics, name devices, have messages parsed again
    SWITCH = "switch"  # start and stop; superusers only, unless SITEWIRE_SWITCHING is "operators"
    CONFIGURE = "configure"  # the site's settings, its connection and its topic filters
    ADMINISTER = "administer"  # sites, users, memberships and everything that belongs to no single site


ROLE_CHOICES = tuple((role.value, role.value.capitalize()) for role in Role)
SCOPE_CHOICES = tuple((scope.value, scope.value.capitalize()) for scope in Scope)
