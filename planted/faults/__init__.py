"""One module per planted fault: its docstring says what it does, ``plant()`` does it."""
