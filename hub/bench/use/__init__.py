"""How fast use is told of many leases, and how fast the ledger is filled: with the pages that people get."""
