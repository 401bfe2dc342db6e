"""E-mails with a link to set a password, sent by a thread of this process.

The answer to "send me a link" takes equally long whether there is such a user or not, and does not
wait for the mail server.
"""

import logging
import smtplib

from django.core.mail import EmailMessage

from mqtt_app.coordination.outbox import Outbox

log = logging.getLogger(__name__)
LIMIT = 200  # mails that wait; the oldest are given up


def send(mail: EmailMessage) -> None:
    """Returns at once. A mail that the server refuses is logged, not tried again: its user asks
    again.
    """
    _outbox.put(mail)


def flush(timeout: float) -> bool:
    """Wait until everything is sent; False when that takes longer than `timeout` seconds."""
    return _outbox.flush(timeout)


def _deliver(mails: list[EmailMessage]) -> None:
    for mail in mails:
        try:
            mail.send()
        except (OSError, smtplib.SMTPException) as error:
            log.error("An e-mail could not be sent: %s: %s", type(error).__name__, error)


_outbox: Outbox[EmailMessage] = Outbox("e-mails", _deliver, limit=LIMIT)
