"""Histories of lists that are appended to: each read shows the order of the versions."""
