"""What a kernel that is not there yet can be asked all the same."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from .messages import Letter


def kernel_info() -> dict[str, Any]:
    """As the Python kernel of this environment says it: it is the same there."""
    from ipykernel import kernel_protocol_version
    from ipykernel.ipkernel import IPythonKernel
    from IPython.core.release import version

    return {
        "protocol_version": kernel_protocol_version,
        "implementation": "ipython",
        "implementation_version": version,
        "language_info": IPythonKernel.language_info,
        "banner": f"Python {sys.version}",
        "help_links": [],
        "supported_features": [],
    }


def answer_without_kernel(letter: Letter, info: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The content of the reply; None for a request that only a kernel can answer, or that has no answer."""
    cursor = letter.content.get("cursor_pos") or 0
    nothing = {"cursor_start": cursor, "cursor_end": cursor, "matches": [], "metadata": {}}
    known: dict[str, Mapping[str, Any] | None] = {
        "kernel_info_request": info,
        "is_complete_request": {"status": "unknown"},
        "history_request": {"history": []},
        "comm_info_request": {"comms": {}},
        "complete_request": nothing,
        "inspect_request": {"found": False, "data": {}, "metadata": {}},
        "shutdown_request": {"restart": bool(letter.content.get("restart"))},
        "interrupt_request": {},
    }
    content = known.get(letter.kind)
    return None if content is None else {"status": "ok", **content}
