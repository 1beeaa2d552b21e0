"""Durable state and the event log: what is published, by whom, since when."""
