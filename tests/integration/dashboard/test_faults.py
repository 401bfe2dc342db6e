"""A view that fails: a page for people, JSON for programs, and no word about what is inside."""

import pytest
from django.test import Client

pytestmark = pytest.mark.urls("tests.integration.dashboard.broken_addresses")


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def test_a_page_that_fails_says_so_in_words(visitor: Client) -> None:
    answer = visitor.get("/broken/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "Something broke here" in answer.content.decode()
    assert "as no view should" not in answer.content.decode()


def test_an_address_of_the_api_that_fails_says_so_in_json(visitor: Client) -> None:
    answer = visitor.get("/api/broken/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/json")
    assert "fault of this service" in answer.json()["detail"]
