"""The line between a seat in a container and its workbench: by it the workbench knows that the seat is there."""

import json
import socket

ARRIVALS = "arrivals"
PATIENCE_S = 30.0


def arrive(folder, word, **more):
    """Open it and say which seat this is. Raises OSError while the workbench is away."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(PATIENCE_S)
    try:
        line.connect(f"{folder}/{ARRIVALS}")
        line.sendall(json.dumps({"word": word, **more}).encode() + b"\n")
    except OSError:
        line.close()
        raise
    return line
