"""One archive with all that a workbench must not lose, and the way back from it."""
