"""Comparing two versions of a contract: every difference, with its verdict for those who read and those who promise."""
