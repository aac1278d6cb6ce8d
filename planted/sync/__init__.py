"""Defects of the sync coordinator and workers, one module each: ``python -m planted.sync NAME coordinator|worker``."""
