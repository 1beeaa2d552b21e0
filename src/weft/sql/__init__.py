"""The only room that knows sqlglot, and the one walker for every SQL text: allow-list, references, column lineage."""
