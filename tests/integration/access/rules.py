"""The vocabulary of the table: what one method of one route answers to each caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
CALLERS = (
    "anonymous",
    "foreign",  # manager of another site
    "viewer",
    "operator",
    "manager",  # of the site that is asked for
    "superuser",
    "expired",  # a superuser's token that has expired
    "read",  # a superuser's token of scope `read`
    "elsewhere",  # a superuser's token that is limited to another site
)
PEOPLE = CALLERS[1:6]  # they come with a session; the tokens, and nobody, without one

SubackResults = Mapping[str, frozenset[int]]
OK = "ok"


@dataclass(frozen=True)
class Rule:
    """`columns`: a status for each of CALLERS; `ok` stands for those in `success`. `body` goes out
    as JSON.
    """

    columns: tuple[str, ...]
    success: frozenset[int] = frozenset({200})
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    remote: str = "198.51.100.7"  # the caller's address; not this machine

    def gives(self, *success: int, **body: Any) -> "Rule":
        """The same rule for a method that answers with one of these, given this body."""
        return replace(self, success=frozenset(success), body=body or self.body)

    def to(self, caller: str) -> frozenset[int]:
        column = self.columns[CALLERS.index(caller)]
        return self.success if column == OK else frozenset(map(int, column.split("|")))


def rule(columns: str) -> Rule:
    words = tuple(columns.split())
    assert len(words) == len(CALLERS), columns
    return Rule(words)


# The API              anonymous foreign viewer operator manager superuser expired read elsewhere
LIST = rule("               401     ok      ok      ok      ok      ok        401   ok    ok ")
READ = rule("               401     404     ok      ok      ok      ok        401   ok    404")
ATTEND = rule("             401     404     403     ok      ok      ok        401   403   404")
CONFIGURE = rule("          401     404     403     403     ok      ok        401   403   404")
SWITCH = rule("             401     403     403     403     403     ok        401   403   404")
SWITCH_BY_OPERATORS = rule("401     404     403     ok      ok      ok        401   403   404")
SWITCH_MANY = rule("        401     403     403     403     403     ok        401   403   ok ")
SWITCH_MANY_BY_OPERATORS = rule("401 ok     403     ok      ok      ok        401   403   ok ")
ADMINISTER = rule("         401     404     403     403     403     ok        401   403   404")
ADMINISTER_ALL = rule("     401     403     403     403     403     ok        401   403   403")
OVERSEE = rule("            401     401     401     401     401     ok        401   ok    401")
NO_METHOD = rule("          401     405     405     405     405     405       401   405   405")
OWN = rule("                401     ok      ok      ok      ok      ok        401   ok    ok ")
ATTEND_ANYWHERE = rule("    401     ok      403     ok      ok      ok        401   403   ok ")
CONFIGURE_ANYWHERE = rule(" 401     ok      403     403     ok      ok        401   403   ok ")
MAKE_TOKEN = rule("         401     ok      ok      ok      ok      ok        401   403   ok ")
# Of a superuser's own token, which allows everything
OWN_TOKEN = rule("          401     404     404     404     404     ok        401   ok    ok ")
REVOKE_TOKEN = rule("       401     404     404     404     404     ok        401   403   403")
DOCUMENTS = rule("          ok      ok      ok      ok      ok      ok        401   ok    ok ")
NO_DOCUMENTS = rule("       405     405     405     405     405     405       401   405   405")
MISSING = rule("            404     404     404     404     404     404       404   404   404")

# Pages                anonymous foreign viewer operator manager superuser expired read elsewhere
ANYONE = rule("             ok      ok      ok      ok      ok      ok        ok    ok    ok ")
PAGE = rule("               302     ok      ok      ok      ok      ok        302   302   302")
SITE_PAGE = rule("          302     404     ok      ok      ok      ok        302   302   302")
ADMINISTER_PAGE = rule("    302     404     404     404     404     ok        302   302   302")
MANAGE_PAGE = rule("        302     404     404     404     ok      ok        302   302   302")
REVOKED = rule("            302     404     404     404     404     302       302   302   302")
NOT_THERE = rule("          405     405     405     405     405     405       405   405   405")

# The admin; everybody here is staff
ADMIN = rule("              302     ok      ok      ok      ok      ok        302   302   302")
ADMIN_SUPERUSERS = rule("   302     403     403     403     403     ok        302   302   302")


@dataclass(frozen=True)
class Line:
    """A route: a rule for each method that it has, `others` for the rest. `pk` names the row of the
    world.
    """

    rules: Mapping[str, Rule]
    others: Rule
    pk: str = ""

    def rule_for(self, method: str) -> Rule:
        return self.rules.get(method, self.others)


def api(
    *, pk: str = "", options: Rule | None = None, others: Rule = NO_METHOD, **rules: Rule
) -> Line:
    """HEAD is as GET; OPTIONS describes the route to whoever may read it."""
    named = {method.upper(): ruled for method, ruled in rules.items()}
    reading = named.get("GET", options or READ)
    heads = {"HEAD": reading} if "GET" in named else {}
    return Line({**heads, "OPTIONS": options or reading.gives(200), **named}, others, pk)


def page(reading: Rule, **rules: Rule) -> Line:
    """Pages and health: GET and HEAD, and what is named."""
    named = {method.upper(): ruled for method, ruled in rules.items()}
    return Line({"GET": reading, "HEAD": reading, **named}, NOT_THERE)


def site_page(pk: str) -> Line:
    """The page of a row of this model, which belongs to a site."""
    return Line({"GET": SITE_PAGE, "HEAD": SITE_PAGE}, NOT_THERE, pk)


def every_method(ruled: Rule) -> Line:
    """Views that ask for no method in particular, as most of the admin's."""
    return Line({}, ruled)


@dataclass(frozen=True)
class ModelLine:
    """Who at least sees, adds, changes and deletes rows of a model in the admin: a caller, or
    "nobody".
    """

    view: str
    add: str
    change: str
    delete: str


def model(columns: str) -> ModelLine:
    return ModelLine(*columns.split())


SUPERUSERS = model("superuser superuser superuser superuser")
LADDER = ("viewer", "operator", "manager", "superuser", "nobody")


def reaches(caller: str, least: str) -> bool:
    """The foreign member is a manager, somewhere: what needs no row opens to them as to any
    manager.
    """
    return LADDER.index("manager" if caller == "foreign" else caller) >= LADDER.index(least)
