"""Parts of models: attention, positions, memory, features. Integers and tensors only."""
