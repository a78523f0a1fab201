"""Plays → intent."""
