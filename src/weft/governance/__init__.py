"""Policies as code: what they ask, what they read, and what violates them."""
