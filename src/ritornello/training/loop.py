"""The training loop: ours, on Lightning Fabric for device and precision.

``fit`` trains one level from a recipe and leaves in the folder of the run: ``log.jsonl``, the newest
checkpoints ``step-*`` (``checkpoint.py``), the best weights so far ``best-*``, and, at the end, the
best weights as ``weights``. A run that was killed goes on with ``resume`` and ends with the very
same bits (CPU, same number of threads): the batch and all random draws of a step follow from
(seed, step) alone.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from ritornello.data.loader import Loader, PreparedLevel
from ritornello.data.prepare import prepare
from ritornello.errors import UserError
from ritornello.training.atomic import remove, sweep
from ritornello.training.build import build_model
from ritornello.training.checkpoint import (
    Checkpoint,
    checkpoints,
    load_checkpoint,
    restore,
    save_checkpoint,
    training_tensors,
)
from ritornello.training.likelihood import likelihood, mean_nats, to_device
from ritornello.training.log import ProgressBar, RunLog, progress_bar
from ritornello.training.optim import make_optimizers, scale_learning_rates, update_average
from ritornello.training.recipe import Recipe
from ritornello.training.schedule import make_schedule
from ritornello.training.seeding import seed_step
from ritornello.training.weights import all_best_weights, best_weights, copy_weights, save_weights


@dataclass
class Progress:
    """What the loop remembers between steps beside tensors."""

    step: int = 0
    best_nats: float = float("inf")
    best_step: int = 0
    nats_sum: float = 0.0
    """Training loss summed since the last evaluation, over ``nats_steps`` steps."""
    nats_steps: int = 0


def fit(recipe: Recipe, out: Path, *, resume: bool = False) -> str:
    """Trains as the recipe says, and says in one line where the result is.

    Args:
        recipe: see ``recipe.py``.
        out: folder of the run.
        resume: go on from the newest checkpoint there; from the beginning if there is none yet.

    Raises:
        UserError: ``out`` holds another run, or the training diverged.
    """
    if checkpoints(out) and not resume:
        raise UserError("holds a run already", where=str(out), mend="go on with --resume, or name another --out")
    out.mkdir(parents=True, exist_ok=True)
    sweep(out)
    with _exact_arithmetic(recipe.threads):
        run = _Run(recipe, out)
        try:
            with progress_bar(run.progress.step, recipe.steps) as bar:
                finished = run.go(bar)
        except KeyboardInterrupt:
            finished = False
    if not finished:
        return f"{out}: stopped after step {run.progress.step} of {recipe.steps}; go on with --resume"
    copy_weights(best_weights(out), out / "weights")
    best = run.progress
    figure = f"{best.best_nats:.4f} nats per token on the validation pieces"
    return f"{out / 'weights'}: {figure}, from step {best.best_step}"


class _Run:
    """One run: everything that ``fit`` builds once, and one method per thing it does."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        if recipe.data.corpus is not None and not recipe.data.folder.exists():
            prepare(recipe.data.corpus, recipe.data.folder)
        self.recipe, self.out, options = recipe, out, recipe.data
        self.data = PreparedLevel(options.folder, options.level)
        self.loader = Loader(
            self.data,
            seed=recipe.seed,
            batch_tokens=options.batch_tokens,
            crop_tokens=options.crop_tokens,
            transpose=options.transpose,
            hide_plan=options.hide_plan,
        )
        self.facts = {
            "recipe": recipe.model_dump(mode="json"),
            "vocabulary_hash": self.data.vocabulary_hash,
            "data_sha256": hashlib.sha256((options.folder / "index.json").read_bytes()).hexdigest(),
        }
        seed_step(recipe.seed, 0)
        sizes = {"vocabulary_size": self.data.vocabulary_size, "condition_sizes": self.data.condition_sizes}
        self.model = build_model(recipe.model.name, recipe.model.config, **sizes)
        self.optimizers = make_optimizers(self.model, recipe.optimiser)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=recipe.precision)
        self.wrapped, *self.steppers = self.fabric.setup(self.model, *self.optimizers)
        self.average = copy.deepcopy(self.model).requires_grad_(requires_grad=False)
        self.progress = self._restored()
        self.schedule = make_schedule(recipe.schedule, recipe.steps)
        self.log = RunLog(out / "log.jsonl", self.progress.step)

    def go(self, bar: ProgressBar) -> bool:
        """Steps until the recipe's end; False if the time ran out before."""
        recipe, progress, started = self.recipe, self.progress, time.monotonic()
        while progress.step < recipe.steps and not self._is_stuck():
            self._step()
            last = progress.step == recipe.steps
            if last or progress.step % recipe.evaluate_every == 0:
                bar.say(f"validation {self._evaluate(time.monotonic() - started):.4f}")
            minutes = (time.monotonic() - started) / 60
            late = recipe.max_minutes is not None and minutes >= recipe.max_minutes
            if last or late or self._is_stuck() or progress.step % recipe.save_every == 0:
                self._save()
            bar.advance()
            if late and not last:
                return False
        return True

    def _step(self) -> None:
        recipe, step = self.recipe, self.progress.step + 1
        seed_step(recipe.seed, step)
        batch = to_device(self.loader.batch(step - 1), self.fabric.device)
        scale_learning_rates(self.optimizers, self.schedule(step))
        self.wrapped.train()
        loss = mean_nats(self.wrapped, batch)
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), recipe.optimiser.clip_norm)
        for stepper in self.steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        update_average(self.average, self.model, step, recipe.average_decay)
        nats = loss.item()
        if not nats < float("inf"):
            raise UserError(f"training diverged at step {step}", where=str(self.out), mend="lower the learning rate")
        self.progress.nats_sum += nats
        self.progress.nats_steps += 1
        self.progress.step = step

    def _evaluate(self, seconds: float) -> float:
        """Scores the validation pieces with the averaged weights, and keeps these if they are the best yet."""
        recipe, progress = self.recipe, self.progress
        with_plan = recipe.data.hide_plan < 1
        pieces = self.data.of_split("validation") or self.data.of_split("train")
        result = likelihood(self.average, self.data, pieces, with_plan=with_plan)
        figures: dict[str, Any] = {"step": progress.step, "train": progress.nats_sum / progress.nats_steps}
        self.log.write(**figures, validation=result.headline, **result.table(), seconds=round(seconds, 1))
        progress.nats_sum, progress.nats_steps = 0.0, 0
        if result.headline < progress.best_nats:
            progress.best_nats, progress.best_step = result.headline, progress.step
            folder = self.out / f"best-{progress.step:08d}"
            measured = {"step": progress.step, "protocol": result.protocol, "validation": result.table()}
            save_weights(folder, recipe.model.name, self.average, self.data, measured)
            for other in all_best_weights(self.out):
                if other != folder:
                    remove(other)
        return result.headline

    def _is_stuck(self) -> bool:
        patience = self.recipe.patience
        waited = self.progress.step - self.progress.best_step
        return patience is not None and self.progress.best_step > 0 and waited >= patience * self.recipe.evaluate_every

    def _save(self) -> None:
        tensors = training_tensors(self.model, self.average, self.optimizers)
        facts = {**self.facts, "progress": asdict(self.progress)}
        save_checkpoint(self.out, Checkpoint(self.progress.step, tensors, facts))

    def _restored(self) -> Progress:
        found = checkpoints(self.out)
        if not found:
            return Progress()
        checkpoint = load_checkpoint(found[-1])
        for name, value in self.facts.items():
            before = checkpoint.facts.get(name)
            same = _essential(before) == _essential(value) if name == "recipe" else before == value
            if not same:
                raise UserError(f"its {name} is another", where=str(found[-1]), mend="name another --out")
        restore(checkpoint.tensors, self.model, self.average, self.optimizers)
        return Progress(**checkpoint.facts["progress"])


def _essential(recipe: Any) -> Any:
    """A recipe without what may change between two sittings."""
    changing = {"max_minutes": None, "threads": None, "patience": None}
    return {**recipe, **changing, "data": {**recipe["data"], "folder": None, "corpus": None}}


@contextmanager
def _exact_arithmetic(threads: int | None) -> Generator[None]:
    """Operations whose result does not depend on timing, and a fixed number of threads; put back afterwards."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(mode=True, warn_only=torch.cuda.is_available())
    torch.set_num_threads(threads or before[1])
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.set_num_threads(before[1])
