"""E-mail in, e-mail out."""
