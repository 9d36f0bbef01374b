"""From one source per lesson to notebooks in two languages: ``python -m tutorials.build``."""
