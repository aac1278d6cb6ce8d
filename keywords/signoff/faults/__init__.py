"""What is broken on purpose: written down first, made, proved, undone, and proved again."""
