"""Versions of the tables of the broker of GPU leases, oldest first."""
