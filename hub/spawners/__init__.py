"""How seats start: one spawner per kind of site, all offering the same profiles."""
