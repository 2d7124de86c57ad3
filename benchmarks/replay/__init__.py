"""An SCP that replays pre-encoded responses faster than any SCU can take them."""
