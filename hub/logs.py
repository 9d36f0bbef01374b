"""Structured logs: one line an event, an action word first (`seat.started user=… profile=…`)."""

import logging
import sys

import structlog


def configure(level: int = logging.INFO) -> None:
    """Send structlog events to standard error as `time level action key=value …`."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(part: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one part of Werkbank, such as `spawner` or `gateway`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=part)
    return logger
