"""Programmes: what they may use, what they used, and what admins allow them for a while."""
