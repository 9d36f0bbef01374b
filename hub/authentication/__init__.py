"""Signing in: who somebody is, which groups they are in, whether they are an admin."""
