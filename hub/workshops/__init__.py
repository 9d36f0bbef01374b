"""A class as one object: what it needs, whether it fits, and its way from draft to closed."""
