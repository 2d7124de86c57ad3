"""PS3.7 messages and the operations of one association, without I/O."""
