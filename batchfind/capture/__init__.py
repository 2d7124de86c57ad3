"""The run database: what was asked and what came back, crash-safe."""
