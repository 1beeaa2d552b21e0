"""The one door to rows: principals, decision, governed read."""
