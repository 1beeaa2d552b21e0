"""The portal, looked at with Chromium."""
