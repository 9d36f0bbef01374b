"""Dask Gateway inside the workbench: clusters bounded by the seat's profile and gone with the seat."""
