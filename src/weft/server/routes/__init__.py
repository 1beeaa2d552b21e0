"""Routes, a module for each subject. Each route has a `Permitted` and calls one verb."""
