"""The entrance over HTTP: translates requests into verbs of `api`, and what they answer into JSON."""
