"""The workbench of a study: everything that its trials share, looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.config import StudyConfig
from search.devices.device import Device
from search.devices.screen import Screen
from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from search.study.examining import Examiner
from search.study.making import Maker
from search.study.metering import Meter
from search.study.training import Trainer
from search.tasks import Task
from search.training.batches import EncodedSplit
from spaces import Space
from spaces.baselines import Entrants


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """All that the trials of a study share. None of it changes while the study runs.

    Attributes:
        config: The study, with the budgets of its device.
        store: The folder of all studies, and of what they share.
        task: Its data.
        backbone: What candidates are cut from, as it was loaded.
        pretrained: The backbone at full size with a new head, or the largest encoder of the space, untrained.
        space: What may be chosen.
        entrants: What is tried before the search.
        device: Where artefacts are measured.
        train: The training texts as word pieces.
        validation: The validation texts likewise.
        unlabelled: Texts of the task without labels, beside those of ``train``.
        maker: Cuts, builds and saves.
        meter: Measures.
        examiner: Scores.
        trainer: Trains.
        screen: Tells candidates that are not worth a slow board's time, where the device asks for it.
    """

    config: StudyConfig
    store: Path
    task: Task
    backbone: Backbone
    pretrained: ElasticForSequenceClassification
    space: Space
    entrants: Entrants
    device: Device
    train: EncodedSplit
    validation: EncodedSplit
    unlabelled: tuple[str, ...] = ()
    maker: Maker
    meter: Meter
    examiner: Examiner
    trainer: Trainer
    screen: Screen | None = None
