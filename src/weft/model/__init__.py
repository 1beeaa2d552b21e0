"""The vocabulary: frozen values that every room shares, and the codecs of the standards. No I/O."""
