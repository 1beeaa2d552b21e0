"""A domain's repository becomes a Mesh, with line numbers; files are scaffolded and edited."""
