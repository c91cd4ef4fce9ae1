"""What measures artefacts, and the catalogue of devices."""
