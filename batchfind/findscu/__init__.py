"""DCMTK's findscu command line, answered by batchfind's own engine."""
