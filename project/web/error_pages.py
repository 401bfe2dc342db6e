"""Django's own page and report of an exception: names of variables, never their values.

Production never shows it. Whoever turns DEBUG on to find a fault reads the traceback; the values in
its frames may be a customer's password.
"""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from mqtt_app.masking import masked


class NoValues(SafeExceptionReporterFilter):
    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002
        return True

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,  # noqa: ARG002
        tb_frame: FrameType,
    ) -> ItemsView[str, Any]:
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        if request is None:
            sent = QueryDict()
        else:
            sent = request.POST
        return dict.fromkeys(sent, self.cleansed_substitute)

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(getattr(request, "COOKIES", {}), self.cleansed_substitute)


class MaskedReporter(ExceptionReporter):
    """What is left is masked like a log line: settings hold URLs with passwords."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(masked(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(masked(super().get_traceback_text()))
