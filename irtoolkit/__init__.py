"""Finds and heals dust and scratches on scanned film from the infrared channel."""
