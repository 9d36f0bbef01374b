"""Versions of the tables: how a database of an earlier Werkbank becomes one of this."""
