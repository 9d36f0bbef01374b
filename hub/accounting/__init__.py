"""Accounting: what the use of GPUs costs the world."""
