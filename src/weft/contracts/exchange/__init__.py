"""Contracts from and to what other tools read and write: one module for each kind, imported when it is asked for."""
