"""The configuration's versions: who changed what, and the number by which every process knows of it."""
