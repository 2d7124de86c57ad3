"""DICOM vocabulary and Identifier bytes; knows neither network nor jobs."""
