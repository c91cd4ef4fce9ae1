"""What runs on a board, with Python 3.9 or later; nothing here imports anything else of ours."""
