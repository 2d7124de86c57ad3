"""PS3.8 upper layer of a requestor: bytes in, events out, no sockets or clocks."""
