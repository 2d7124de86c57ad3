"""Whole processes timed side by side: batchfind, DCMTK's findscu, pynetdicom."""
