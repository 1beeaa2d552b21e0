"""Governing the mesh: policies and what violates them, scans, approvals, compliance, classification, terms."""
