"""From one source per lesson to notebooks in two languages: ``python -m tutorials.build``."""

import sys
from pathlib import Path

# The kit of this checkout, whose words and exercises are being written, before one that is installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "extensions" / "lessons"))
