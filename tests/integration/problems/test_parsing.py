"""Parsing errors as problems: thousands of equal ones are one, and never hide a new one."""

import pytest

from mqtt_app.domain.problems import ProblemState
from mqtt_app.models import DeadLetter, MqttConnection, MqttParsingLog, Problem, Site
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.mappings import rows
from mqtt_app.services.problems import decisions
from tests.integration.api.client import Caller, superuser
from tests.integration.ingest.test_store import NOW, batch, message
from tests.integration.mappings.definitions import DEFINITION

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(db: None) -> MqttConnection:
    """Of a site whose mapping reads `kilns/+` and wants `q.t`."""
    PROCESS.forget()
    return with_mapping("Lab")


def with_mapping(name: str) -> MqttConnection:
    site = Site.objects.create(name=name)
    link = MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )
    rows.activate(rows.create(site, "kiln", DEFINITION))
    return link


def say(link: MqttConnection, *payloads: object, at: float = NOW) -> None:
    """Each on a topic of its own. The first makes the topics known to the mapping."""
    sent = [message(link, f"kilns/{n}", body) for n, body in enumerate(payloads)]
    pipeline.store(batch(*sent), at)


def learn(link: MqttConnection, number: int) -> None:
    say(link, *([{"q": {"t": 1}}] * number), at=NOW - 60)


def test_equal_errors_are_one_problem_with_their_number(link: MqttConnection) -> None:
    learn(link, 30)
    for second in range(4):
        say(link, *({"n": number} for number in range(30)), at=NOW + second)
    problem = Problem.objects.get()
    assert (problem.count, problem.detail, problem.kind) == (120, "mapping:kiln", "parsing")
    assert problem.error_type == "VALIDATION_ERROR"
    assert problem.first_at.timestamp() == NOW
    assert problem.last_at.timestamp() == NOW + 3
    assert problem.topics[0].startswith("kilns/")
    assert bytes(problem.sample or b"").startswith(b'{"n":')
    assert sum(problem.hours.values()) == 120
    assert MqttParsingLog.objects.count() == 120, "the rows of the log stay as they are"


def test_a_new_error_is_seen_beside_thousands_of_equal_ones(link: MqttConnection) -> None:
    learn(link, 400)
    say(link, *([{"n": 1}] * 400))
    say(link, b"\x00\xff no tree", at=NOW + 1)
    titles = list(Problem.objects.order_by("last_at").values_list("title", "count"))
    assert [count for _, count in titles] == [400, 1]
    assert titles[0][0] != titles[1][0]


def test_the_same_error_at_another_site_is_a_row_of_its_own(link: MqttConnection) -> None:
    other = with_mapping("Other")
    for connection in (link, other):
        learn(connection, 1)
        say(connection, {"n": 1}, at=NOW + connection.pk)
    first, second = Problem.objects.order_by("site_id")
    assert first.fingerprint == second.fingerprint
    assert (first.count, second.count) == (1, 1)


def test_a_resolved_one_that_comes_back_is_open_again(link: MqttConnection) -> None:
    learn(link, 1)
    say(link, {"n": 1})
    decisions.decide(Problem.objects.get(), {"state": ProblemState.RESOLVED.value})
    say(link, {"n": 2}, at=NOW + 1)
    problem = Problem.objects.get()
    assert (problem.state, problem.count) == ("open", 2)
    assert problem.reopened_at is not None
    assert problem.reopened_at.timestamp() == NOW + 1


def test_an_ignored_one_stays_ignored_until_its_time_is_over(link: MqttConnection) -> None:
    learn(link, 1)
    say(link, {"n": 1})
    problem = Problem.objects.get()
    until = problem.last_at.replace(year=problem.last_at.year + 1)
    decisions.decide(problem, {"state": "ignored", "ignored_until": until})
    say(link, {"n": 2}, at=NOW + 1)
    assert Problem.objects.get().state == "ignored"
    say(link, {"n": 3}, at=until.timestamp() + 1)
    problem = Problem.objects.get()
    assert (problem.state, problem.ignored_until, problem.count) == ("open", None, 3)


def test_one_that_is_ignored_for_ever_stays_so(link: MqttConnection) -> None:
    learn(link, 1)
    say(link, {"n": 1})
    decisions.decide(Problem.objects.get(), {"state": "ignored", "note": "old firmware"})
    say(link, {"n": 2}, at=NOW + 1)
    problem = Problem.objects.get()
    assert (problem.state, problem.note, problem.count) == ("ignored", "old firmware", 2)


def test_what_failed_with_a_problem_is_selected_by_it(link: MqttConnection) -> None:
    learn(link, 3)
    say(link, {"n": 1}, {"n": 2}, {"q": {"t": [1]}})
    root = Caller(superuser())
    problem = Problem.objects.get(count=2)
    site = f"sites/{link.site_id}/dead-letters/"
    found = root.get(f"{site}?problem={problem.pk}")["results"]
    assert len(found) == 2
    assert DeadLetter.objects.count() == 3
    answer = root.call("POST", f"{site}replay/", {"problem": problem.pk, "dry_run": True})
    assert answer.status_code == 202, answer.content
    missing = root.call("POST", f"{site}replay/", {"problem": 10**9})
    assert missing.status_code == 400
    assert "no parsing problem" in str(missing.json()["problem"])
