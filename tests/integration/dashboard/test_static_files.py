"""Styles and scripts through the ASGI entry that uvicorn serves. Warnings are errors here, those
about streams too.
"""

from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles import finders

from project.asgi import application
from tests.narrowing import present

CSS = "sitewire/app.css"


async def fetch(method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request for the style sheet."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": f"/static/{CSS}",
        "query_string": b"",
        "headers": sent,
    }
    web = ApplicationCommunicator(application, scope)
    await web.send_input({"type": "http.request", "body": b""})
    start, body = await web.receive_output(5), await web.receive_output(5)
    await web.wait(5)
    assert not body.get("more_body")
    return (
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        body["body"],
    )


@pytest.fixture
def stored() -> bytes:
    return Path(present(finders.find(CSS))).read_bytes()


@pytest.mark.asyncio
async def test_a_style_sheet_comes_whole_and_as_what_it_is(stored: bytes) -> None:
    status, headers, body = await fetch()
    assert (status, body) == (200, stored)
    assert headers["content-type"].startswith("text/css")
    assert headers["content-length"] == str(len(stored))


@pytest.mark.asyncio
async def test_a_part_may_be_asked_for(stored: bytes) -> None:
    status, _, body = await fetch(range="bytes=10-19")
    assert (status, body) == (206, stored[10:20])


@pytest.mark.asyncio
async def test_a_head_has_the_length_and_no_body(stored: bytes) -> None:
    status, headers, body = await fetch("HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(stored)), b"")


@pytest.mark.asyncio
async def test_what_the_browser_has_is_not_sent_again() -> None:
    _, headers, _ = await fetch()
    status, again, body = await fetch(if_none_match=headers["etag"])
    assert (status, body) == (304, b"")
    assert "content-type" not in again
