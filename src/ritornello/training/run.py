"""A run: what one training consists of, and how it is put on disk and taken up again.

The folder of a run holds ``log.jsonl``, the newest checkpoints ``step-*`` (``checkpoint.py``), the
best weights so far ``best-*``, and, once it is finished, the best weights as ``weights``.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ritornello.atomic import remove
from ritornello.data.augmentation import Augmentation
from ritornello.data.batch import Batch
from ritornello.data.corpora import corpus_named
from ritornello.data.loader import Loader
from ritornello.data.prepare import prepare
from ritornello.data.prepared import PreparedLevel
from ritornello.data.schemes import SCHEMES
from ritornello.data.streams import StreamLoader
from ritornello.data.windows import WindowLoader
from ritornello.errors import UserError
from ritornello.training.build import build_model
from ritornello.training.carried import CarriedStates
from ritornello.training.checkpoint import (
    Checkpoint,
    checkpoints,
    load_checkpoint,
    restore,
    save_checkpoint,
    training_tensors,
)
from ritornello.training.figures import Likelihood, is_performance
from ritornello.training.optim import make_optimizers
from ritornello.training.processes import Processes
from ritornello.training.recipe import DataOptions, Recipe
from ritornello.training.seeding import seed_step
from ritornello.training.sharding import whole
from ritornello.training.weights import all_best_weights, begin_with, save_weights


@dataclass
class Progress:
    """What a run remembers between steps beside tensors."""

    step: int = 0
    best_nats: float = float("inf")
    best_step: int = 0
    nats_sum: float = 0.0
    """Training loss summed since the last evaluation, over ``nats_steps`` steps."""
    nats_steps: int = 0


class Run:
    """Data, model, what it remembers, optimisers, averaged weights and progress, freshly begun."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        """Prepares the corpus if its folder is not there yet; raises UserError when the recipe does not fit."""
        self.recipe, self.out, self.progress = recipe, out, Progress()
        self.processes = Processes(recipe)
        with self.processes.first_goes_ahead():
            self.data = _prepared(recipe.data)
        self.loader, self.carried = _loader(self.data, recipe), CarriedStates()
        _check_processes(self.processes, recipe.data)
        seed_step(recipe.seed, 0)
        sizes = {"vocabulary_size": self.data.vocabulary_size, "condition_sizes": self.data.condition_sizes}
        self.model = build_model(recipe.model.name, recipe.model.config, **sizes)
        if recipe.start is not None and not checkpoints(out):
            begin_with(recipe.start, self.model, self.data.vocabulary_hash)
        self.average = copy.deepcopy(self.model).requires_grad_(requires_grad=False)
        self.network = self.processes.set_up(self.model)
        self.processes.share_out(self.average)
        self.optimizers = make_optimizers(self.model, recipe.optimiser)

    @property
    def is_streamed(self) -> bool:
        """Whether the model's state is carried from step to step."""
        return isinstance(self.loader, StreamLoader)

    def batches(self, step: int) -> list[tuple[int, Batch]]:
        """The parts of step ``step`` (1 = the first) that are this process's, each with its number among all."""
        world, parts = self.processes.world, self.processes.world * self.recipe.accumulate
        mine = range(self.processes.rank, parts, world)
        if isinstance(self.loader, Loader):
            return [(part, self.loader.batch((step - 1) * parts + part)) for part in mine]
        return [(part, self.loader.batch(step - 1, part, parts)) for part in mine]

    def resume(self) -> None:
        """Goes back to the newest checkpoint, if there is one; raises UserError when it is of another run."""
        found = checkpoints(self.out)
        if not found:
            return
        checkpoint = load_checkpoint(found[-1])
        for name, value in self._facts().items():
            before = checkpoint.facts.get(name)
            same = _lasting(before) == _lasting(value) if name == "recipe" else before == value
            if not same:
                raise UserError(f"its {name} is another", where=str(found[-1]), mend="name another --out")
        restore(checkpoint.tensors, self.model, self.average, self.optimizers)
        model: Any = self.model
        like = model.new_state(1)
        self.carried.restore(checkpoint.tensors, checkpoint.facts["carried"], like, self.processes.device)
        self.progress = Progress(**checkpoint.facts["progress"])

    def save(self) -> None:
        """Writes a checkpoint."""
        tensors = training_tensors(self.model, self.average, self.optimizers) | self.carried.tensors()
        if self.processes.is_first:
            facts = {**self._facts(), "progress": asdict(self.progress), "carried": self.carried.facts()}
            save_checkpoint(self.out, Checkpoint(self.progress.step, tensors, facts))

    def whole_average(self) -> nn.Module:
        """The averaged weights as a model that the first process can use alone; every process must ask for it."""
        if not self.processes.is_sharded:
            return self.average
        tensors = {name: whole(tensor) for name, tensor in self.average.state_dict().items()}
        config: Any = self.model.config
        model = build_model(self.recipe.model.name, config.model_dump())
        model.load_state_dict(tensors)
        return model.to(self.processes.device)

    def keep_if_best(self, model: nn.Module, result: Likelihood) -> None:
        """Keeps the averaged weights, which ``model`` has, when they score better than any before."""
        if not result.headline < self.progress.best_nats:
            return
        folder = self.out / f"best-{self.progress.step:08d}"
        measured = {"step": self.progress.step, "protocol": result.protocol, "validation": result.table()}
        save_weights(folder, self.recipe.model.name, model, self.data, measured)
        for other in all_best_weights(self.out):
            if other != folder:
                remove(other)

    @property
    def is_stuck(self) -> bool:
        """Whether the recipe's patience is at its end."""
        patience, progress = self.recipe.patience, self.progress
        if patience is None or not progress.best_step:
            return False
        return progress.step - progress.best_step >= patience * self.recipe.evaluate_every

    def _facts(self) -> dict[str, Any]:
        """What a checkpoint must agree with."""
        parts, tokens = self.processes.world * self.recipe.accumulate, self.recipe.data.batch_tokens
        windows = isinstance(self.loader, WindowLoader)  # then parts of any size make up the same batch
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "vocabulary_hash": self.data.vocabulary_hash,
            "data_sha256": hashlib.sha256((self.recipe.data.folder / "index.json").read_bytes()).hexdigest(),
            "batch of a step": f"{parts * tokens} tokens" if windows else f"{parts} x {tokens} tokens",
        }


def _check_processes(processes: Processes, options: DataOptions) -> None:
    if options.segmentation == "streamed" and processes.world > 1:
        raise UserError("streams are read by one process", where="data.segmentation", mend="start without torchrun")
    if options.context_tokens and processes.is_sharded:
        raise UserError("fsdp cannot train with context", where="strategy", mend="strategy: ddp")


def _prepared(options: DataOptions) -> PreparedLevel:
    if options.corpus is not None and not options.folder.exists():
        schemes = corpus_named(options.corpus).schemes
        has_level = (scheme for scheme in schemes if options.level in SCHEMES[scheme].facts())
        prepare(options.corpus, options.folder, scheme=next(has_level, None))
    data = PreparedLevel(options.folder, options.level)
    if options.corpus is not None and data.corpus not in (options.corpus, Path(options.corpus).resolve().name):
        mend = "name another data.folder, or remove this one"
        raise UserError(f"was prepared from {data.corpus}, not {options.corpus}", where=str(options.folder), mend=mend)
    known = SCHEMES[data.scheme].facts()[data.name] if data.scheme in SCHEMES else {}
    told = {"vocabulary_hash": data.vocabulary_hash, "condition_sizes": list(data.condition_sizes)}
    if any(known.get(name) != fact for name, fact in told.items()):
        where = str(options.folder)
        raise UserError(f"was prepared by another version of {data.scheme!r}", where=where, mend="prepare again")
    return data


def _loader(data: PreparedLevel, recipe: Recipe) -> Loader | WindowLoader | StreamLoader:
    options = recipe.data
    if not is_performance(data.name):
        return Loader(
            data,
            seed=recipe.seed,
            batch_tokens=options.batch_tokens,
            crop_tokens=options.crop_tokens,
            transpose=options.transpose,
            hide_plan=options.hide_plan,
        )
    if options.window_tokens > options.batch_tokens:
        limit = f"data.batch_tokens, {options.batch_tokens}"
        raise UserError(f"{options.window_tokens} tokens", where="data.window_tokens", limit=limit)
    if options.segmentation == "streamed":
        return _stream_loader(data, recipe)
    return WindowLoader(
        data,
        seed=recipe.seed,
        batch_tokens=options.batch_tokens,
        window_tokens=options.window_tokens,
        context_tokens=options.context_tokens,
        segmentation=options.segmentation,
        augmentation=Augmentation(options.transpose, options.stretch, options.velocity),
    )


def _stream_loader(data: PreparedLevel, recipe: Recipe) -> StreamLoader:
    options = recipe.data
    if options.context_tokens:
        raise UserError("whole pieces have all context there is", where="data.context_tokens", mend="leave it out")
    if options.stretch or options.velocity:
        mend = "leave out stretch and velocity"
        raise UserError("whole pieces can only be transposed", where="data.segmentation", mend=mend)
    return StreamLoader(
        data,
        seed=recipe.seed,
        batch_tokens=options.batch_tokens,
        window_tokens=options.window_tokens,
        transpose=options.transpose,
    )


def _lasting(recipe: Any) -> Any:
    """A recipe without what may change between two sittings."""
    changing = ("max_minutes", "threads", "patience", "accumulate", "devices", "num_nodes", "strategy", "tensorboard")
    data = {**recipe["data"], "folder": None, "corpus": None, "batch_tokens": None}
    return {**{key: value for key, value in recipe.items() if key not in changing}, "data": data}
