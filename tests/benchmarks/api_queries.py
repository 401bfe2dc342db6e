"""Prints, for each address on the command line, how many queries its page makes: JSON by address.

python -m tests.benchmarks.api_queries ADDRESS ...      inside a process with the settings of the benchmark
"""

import json
import sys

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402


def count(client: Client, address: str) -> int:
    """The second time: the first fills caches."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, follow=True)
    assert answer.status_code == 200, (address, answer.status_code)
    return len(queries)


if __name__ == "__main__":
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(get_user_model().objects.get(username="admin"))
    print(json.dumps({address: count(browser, address) for address in sys.argv[1:]}))
