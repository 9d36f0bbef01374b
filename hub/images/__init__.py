"""The container images: what they are made of, how they are built, and whether they are what they promise."""
