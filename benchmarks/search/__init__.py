"""A company's catalog with a judged set of searches: what people type, and what they want to find."""
