"""How much of a piece a training corpus holds already."""
