"""Pre-flight: what would go wrong in a workshop tomorrow, found out today, from a trainer's own seat."""

from .findings import Finding, Findings, verdict
from .looks import of_data, of_disk, of_lessons, of_setups, of_versions, of_words
from .offer import Block, Offer, read_offer

__all__ = [
    "Block",
    "Finding",
    "Findings",
    "Offer",
    "of_data",
    "of_disk",
    "of_lessons",
    "of_setups",
    "of_versions",
    "of_words",
    "read_offer",
    "verdict",
]
