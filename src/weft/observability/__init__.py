"""Folds of the registry: freshness and quality of ports."""
