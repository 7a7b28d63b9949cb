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

from ritornello.data.loader import Loader, PreparedLevel
from ritornello.data.prepare import prepare
from ritornello.errors import UserError
from ritornello.training.atomic import remove
from ritornello.training.build import build_model
from ritornello.training.checkpoint import (
    Checkpoint,
    checkpoints,
    load_checkpoint,
    restore,
    save_checkpoint,
    training_tensors,
)
from ritornello.training.likelihood import Likelihood
from ritornello.training.optim import make_optimizers
from ritornello.training.recipe import Recipe
from ritornello.training.seeding import seed_step
from ritornello.training.weights import all_best_weights, save_weights


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
    """Data, model, optimisers, averaged weights and progress, freshly begun."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        """Prepares the corpus if its folder is not there yet; raises UserError when the recipe does not fit."""
        options = recipe.data
        if options.corpus is not None and not options.folder.exists():
            prepare(options.corpus, options.folder)
        self.recipe, self.out, self.progress = recipe, out, Progress()
        self.data = PreparedLevel(options.folder, options.level)
        self.loader = Loader(
            self.data,
            seed=recipe.seed,
            batch_tokens=options.batch_tokens,
            crop_tokens=options.crop_tokens,
            transpose=options.transpose,
            hide_plan=options.hide_plan,
        )
        seed_step(recipe.seed, 0)
        sizes = {"vocabulary_size": self.data.vocabulary_size, "condition_sizes": self.data.condition_sizes}
        self.model = build_model(recipe.model.name, recipe.model.config, **sizes)
        self.optimizers = make_optimizers(self.model, recipe.optimiser)
        self.average = copy.deepcopy(self.model).requires_grad_(requires_grad=False)

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
        self.progress = Progress(**checkpoint.facts["progress"])

    def save(self) -> None:
        """Writes a checkpoint."""
        tensors = training_tensors(self.model, self.average, self.optimizers)
        facts = {**self._facts(), "progress": asdict(self.progress)}
        save_checkpoint(self.out, Checkpoint(self.progress.step, tensors, facts))

    def keep_if_best(self, result: Likelihood) -> None:
        """Keeps the averaged weights when they score better than any before."""
        progress = self.progress
        if not result.headline < progress.best_nats:
            return
        progress.best_nats, progress.best_step = result.headline, progress.step
        folder = self.out / f"best-{progress.step:08d}"
        measured = {"step": progress.step, "protocol": result.protocol, "validation": result.table()}
        save_weights(folder, self.recipe.model.name, self.average, self.data, measured)
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
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "vocabulary_hash": self.data.vocabulary_hash,
            "data_sha256": hashlib.sha256((self.recipe.data.folder / "index.json").read_bytes()).hexdigest(),
        }


def _lasting(recipe: Any) -> Any:
    """A recipe without what may change between two sittings."""
    changing = {"max_minutes": None, "threads": None, "patience": None}
    return {**recipe, **changing, "data": {**recipe["data"], "folder": None, "corpus": None}}
