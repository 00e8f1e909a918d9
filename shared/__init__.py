"""What all parts of the program agree on. Imports none of them."""

__version__ = "0.1.0"
