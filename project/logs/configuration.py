"""Log format of every process: one line per event, key=value context, on standard error, repeats
counted.
"""

import logging.config
import os
from pathlib import Path
from typing import Any

import structlog

from mqtt_app.masking import masked

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(file: Path | None = None) -> None:
    """Idempotent; call it once Django's settings are loaded. `file` is written as well, where that
    is possible: the standard error of services is kept by whoever runs them, that of a command by
    nobody.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        _config(file if file is not None and os.access(file.parent, os.W_OK) else None)
    )


def _without_secrets(_logger: Any, _method: str, line: str) -> str:
    return masked(line)


def _config(file: Path | None) -> dict[str, object]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "logger", "event"]
            ),
            _without_secrets,
        ],
        "foreign_pre_chain": SHARED,
    }
    handlers: dict[str, object] = {
        "stderr": {"class": "project.logs.lines.CountingHandler", "formatter": "line"}
    }
    if file is not None:
        handlers["file"] = {
            "class": "logging.FileHandler",
            "filename": str(file),
            "delay": True,
            "formatter": "line",
        }
    quiet = ("django_structlog", "celery.worker.strategy", "kombu", "asyncio", "celery.app.trace")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": "INFO"},
        "loggers": {name: {"level": "WARNING"} for name in quiet},
    }
