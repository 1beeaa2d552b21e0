"""Conditions of a contract become checks; rows are judged; two versions are compared. Pure: SQL out, rows in."""
