"""Who reads what, and the governed read of a server: grants, queries, tables of one's own, the audit."""
