"""Measurements of Werkbank inside JupyterLab: its files, panel, events, memory over a day, and share of a start."""
