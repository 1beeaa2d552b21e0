"""Desired against registered: a Plan is a value with requirements."""
