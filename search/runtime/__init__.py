"""What runs on a board; nothing here imports anything else of ours."""
