"""Backbones, the elastic encoder, and how it shrinks."""

import transformers

# The report on a classification head that is new in every task, and a bar for each file that is written, would
# stand between the lines that matter.
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
