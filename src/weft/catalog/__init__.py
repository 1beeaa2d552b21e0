"""Finding and understanding: search, port pages, lineage views."""
