"""Measurements of Werkbank inside JupyterLab: its files, its panel, its memory over a day, and what it adds to a start."""
