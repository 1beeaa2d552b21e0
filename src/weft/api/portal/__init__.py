"""What the portal's pages show: each page is one value, made of the verbs of the platform for whoever looks."""
