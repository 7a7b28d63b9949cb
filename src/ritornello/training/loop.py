"""The training loop: ours, on Lightning Fabric for device and precision.

``fit`` trains one level from a recipe; what it leaves is told in ``run.py``. A run that was killed
goes on with ``resume`` and ends with the very same bits (CPU, same number of threads): the batch and
all random draws of a step follow from (seed, step) alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from ritornello.errors import UserError
from ritornello.training.atomic import sweep
from ritornello.training.checkpoint import checkpoints
from ritornello.training.likelihood import likelihood, mean_nats, to_device
from ritornello.training.log import ProgressBar, RunLog, progress_bar
from ritornello.training.optim import scale_learning_rates, update_average
from ritornello.training.recipe import Recipe
from ritornello.training.run import Run
from ritornello.training.schedule import make_schedule
from ritornello.training.seeding import exact_arithmetic, seed_step
from ritornello.training.weights import best_weights, copy_weights


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
    with exact_arithmetic(recipe.threads):
        run = Run(recipe, out)
        step = _stepper(run)
        run.resume()
        try:
            with progress_bar(run.progress.step, recipe.steps) as bar:
                finished = _train(run, step, bar)
        except KeyboardInterrupt:
            finished = False
    if not finished:
        return f"{out}: stopped after step {run.progress.step} of {recipe.steps}; go on with --resume"
    copy_weights(best_weights(out), out / "weights")
    figure = f"{run.progress.best_nats:.4f} nats per token on the validation pieces"
    return f"{out / 'weights'}: {figure}, from step {run.progress.best_step}"


def _stepper(run: Run) -> Callable[[], None]:
    """Puts the model on its device; the function that takes one step."""
    recipe = run.recipe
    fabric = Fabric(accelerator="auto", devices=1, precision=recipe.precision)
    model, *optimizers = fabric.setup(run.model, *run.optimizers)
    run.average.to(fabric.device)
    schedule = make_schedule(recipe.schedule, recipe.steps)

    def step_once() -> None:
        progress, step = run.progress, run.progress.step + 1
        seed_step(recipe.seed, step)
        batch = to_device(run.loader.batch(step - 1), fabric.device)
        scale_learning_rates(run.optimizers, schedule(step))
        model.train()
        loss = mean_nats(model, batch)
        fabric.backward(loss)
        nn.utils.clip_grad_norm_(run.model.parameters(), recipe.optimiser.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        update_average(run.average, run.model, step, recipe.average_decay)
        nats = loss.item()
        if not nats < float("inf"):
            raise UserError(f"training diverged at step {step}", where=str(run.out), mend="lower the learning rate")
        progress.nats_sum += nats
        progress.nats_steps += 1
        progress.step = step

    return step_once


def _train(run: Run, step: Callable[[], None], bar: ProgressBar) -> bool:
    """Steps until the recipe's end; False if the time ran out before."""
    recipe, progress, started = run.recipe, run.progress, time.monotonic()
    log = RunLog(run.out / "log.jsonl", progress.step)
    while progress.step < recipe.steps and not run.is_stuck:
        step()
        last = progress.step == recipe.steps
        seconds = time.monotonic() - started
        if last or progress.step % recipe.evaluate_every == 0:
            bar.say(f"validation {_evaluate(run, log, seconds):.4f}")
        late = recipe.max_minutes is not None and seconds >= recipe.max_minutes * 60
        if last or late or run.is_stuck or progress.step % recipe.save_every == 0:
            run.save()
        bar.advance()
        if late and not last:
            return False
    return True


def _evaluate(run: Run, log: RunLog, seconds: float) -> float:
    """Scores the validation pieces with the averaged weights; a model that never saw a plan is given none."""
    progress, data = run.progress, run.data
    pieces = data.of_split("validation") or data.of_split("train")
    result = likelihood(run.average, data, pieces, with_plan=run.recipe.data.hide_plan < 1)
    train = progress.nats_sum / progress.nats_steps
    log.write(step=progress.step, train=train, validation=result.headline, **result.table(), seconds=round(seconds, 1))
    progress.nats_sum, progress.nats_steps = 0.0, 0
    run.keep_if_best(result)
    return result.headline
