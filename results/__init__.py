"""What was found: plain typed records, and the rules on them."""
