"""The one error of the runner. Its text is a whole sentence for people: what is wrong and what to
do about it.
"""


class Refusal(Exception):
    """Printed as it is, without a traceback; the exit code is `code`."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


class Stopped(BaseException):
    """Somebody asked for the end (Ctrl-C, SIGTERM) while something was still being started."""
