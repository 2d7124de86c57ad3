"""The job file: YAML text to a validated, frozen Job."""
