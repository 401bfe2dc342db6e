"""What Django's test client gives: the response with what the client adds to it."""

from typing import TYPE_CHECKING

from django.http import HttpResponse

if TYPE_CHECKING:  # the stubs alone have a name for it
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer
else:
    Answer = HttpResponse

__all__ = ["Answer"]
