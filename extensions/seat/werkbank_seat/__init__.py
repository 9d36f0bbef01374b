"""Corrections to libraries that people use in a seat."""
