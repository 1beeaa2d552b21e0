"""The sections of `weft.toml`: what can be set, and what values mean anything. `config` reads them."""
