"""The portal: pages on which people find, understand, ask for and use what the mesh has."""
