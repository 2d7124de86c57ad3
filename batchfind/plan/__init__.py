"""From a job to the exact requests it means: pure and deterministic."""
