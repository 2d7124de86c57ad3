"""File formats, staging and atomic publishing."""
