"""Arrow Flight SQL: a process of its own beside the web process, which alone imports PyArrow."""
