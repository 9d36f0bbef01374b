"""All images, built here."""

from tests.support.images import built, engine

__all__ = ["built", "engine"]
