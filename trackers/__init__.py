"""Where studies are recorded and looked at."""
