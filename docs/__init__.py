"""What the README shows beside its text, and the script that makes it."""
