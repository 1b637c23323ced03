"""How many events a key may have within a sliding window: counted in this process, or in Redis for all."""
