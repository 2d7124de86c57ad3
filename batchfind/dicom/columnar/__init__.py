"""The columnar decoder: many Identifiers at once, attribute by attribute."""
