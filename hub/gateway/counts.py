"""How many clusters there are, and how many workers run: of everybody, without a name. The service asks."""

COUNTS = "/api/counts"
"""Where, at the gateway's own address."""
