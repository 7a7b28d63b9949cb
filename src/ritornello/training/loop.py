"""The training loop: ours, on Lightning Fabric for device, precision and processes.

``fit`` trains one level from a recipe; what it leaves is told in ``run.py``. A run that was killed
goes on with ``resume`` and ends with the very same bits (CPU, same number of threads and of
processes): the batch and all random draws of a step follow from (seed, step, part) alone. On another
number of processes it goes on with the same batches, and the sums differ by rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from torch import nn

from ritornello.atomic import sweep
from ritornello.errors import UserError
from ritornello.training.allocation import keep_memory
from ritornello.training.checkpoint import checkpoints
from ritornello.training.figures import Likelihood, is_performance
from ritornello.training.likelihood import likelihood, num_scored, summed_nats, to_device, windowed
from ritornello.training.log import Pace, RunLog, open_log, progress_bar
from ritornello.training.optim import scale_learning_rates, update_average
from ritornello.training.recipe import Recipe
from ritornello.training.run import Run
from ritornello.training.schedule import make_schedule
from ritornello.training.seeding import exact_arithmetic, seed_step
from ritornello.training.weights import best_weights, copy_weights, load_weights, save_weights


def fit(recipe: Recipe, out: Path, *, resume: bool = False) -> str:
    """Trains as the recipe says, and says in one line where the result is (empty in all processes but the first).

    Args:
        recipe: see ``recipe.py``.
        out: folder of the run.
        resume: go on from the newest checkpoint there; from the beginning if there is none yet.

    Raises:
        UserError: ``out`` holds another run, the recipe does not fit the data, or the training diverged.
    """
    if checkpoints(out) and not resume:
        raise UserError("holds a run already", where=str(out), mend="go on with --resume, or name another --out")
    out.mkdir(parents=True, exist_ok=True)
    keep_memory()
    with exact_arithmetic(recipe.threads):
        run = Run(recipe, out)
        if run.processes.is_first:
            sweep(out)
        step = _stepper(run)
        run.resume()
        try:
            finished = _train(run, step)
        except KeyboardInterrupt:
            finished = False
        if finished and run.processes.is_first:
            _finish(run)
    run.processes.part_company()
    if not run.processes.is_first:
        return ""
    if not finished:
        return f"{out}: stopped after step {run.progress.step} of {recipe.steps}; go on with --resume"
    figure = f"{run.progress.best_nats:.4f} nats per token on the validation pieces"
    return f"{out / 'weights'}: {figure}, from step {run.progress.best_step}"


def _stepper(run: Run) -> Callable[[], int]:
    """The function that takes one step and says how many tokens all processes learned from."""
    recipe, processes = run.recipe, run.processes
    optimizers = processes.set_up_optimizers(run.optimizers)
    schedule = make_schedule(recipe.schedule, recipe.steps)

    def step_once() -> int:
        step = run.progress.step + 1
        scale_learning_rates(run.optimizers, schedule(step))
        run.network.train()
        nats, tokens = _backward(run, step)
        nn.utils.clip_grad_norm_(run.model.parameters(), recipe.optimiser.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        update_average(run.average, run.model, step, recipe.average_decay)
        run.progress.nats_sum += nats
        run.progress.nats_steps += 1
        run.progress.step = step
        return tokens

    return step_once


def _backward(run: Run, step: int) -> tuple[float, int]:
    """The gradient of the mean over all scored tokens of the step; that mean in nats, and the number of tokens."""
    processes, batches = run.processes, run.batches(step)
    tokens = round(processes.total(sum(num_scored(batch) for _, batch in batches)))
    nats = 0.0
    for part, batch in batches:
        seed_step(run.recipe.seed, step, part)
        with processes.autocast():
            before = run.carried.before(part, batch)
            summed, state = summed_nats(run.network, to_device(batch, processes.device), before)
        if run.is_streamed:
            run.carried.keep(part, state)
        loss = summed / tokens
        with processes.gathering(run.network, last=part == batches[-1][0]):
            processes.fabric.backward(loss * processes.world)  # gradients are averaged over processes
        nats += loss.item()
    nats = processes.total(nats)
    if not nats < float("inf"):
        raise UserError(f"training diverged at step {step}", where=str(run.out), mend="lower the learning rate")
    return nats, tokens


def _train(run: Run, step: Callable[[], int]) -> bool:
    """Steps until the recipe's end; False if the time ran out before."""
    recipe, progress, started, pace = run.recipe, run.progress, time.monotonic(), Pace()
    is_first = run.processes.is_first
    with (
        open_log(run.out, progress.step, recipe, wanted=is_first) as log,
        progress_bar(progress.step, recipe.steps, wanted=is_first) as bar,
    ):
        while progress.step < recipe.steps and not run.is_stuck:
            pace.add(step)
            last = progress.step == recipe.steps
            seconds = time.monotonic() - started
            if last or progress.step % recipe.evaluate_every == 0:
                bar.say(f"validation {_evaluate(run, log, pace, seconds):.4f}")
            late = recipe.max_minutes is not None and run.processes.said_by_first(seconds) >= recipe.max_minutes * 60
            if last or late or run.is_stuck or progress.step % recipe.save_every == 0:
                run.save()
            bar.advance()
            if late and not last:
                return False
    return True


def _evaluate(run: Run, log: RunLog | None, pace: Pace, seconds: float) -> float:
    """Scores validation pieces with the averaged weights, and keeps these if they are the best so far."""
    progress, model = run.progress, run.whole_average()
    headline = 0.0
    if log is not None:
        result = _scored(run, model, run.recipe.evaluate_pieces)
        train, headline = progress.nats_sum / progress.nats_steps, result.headline
        rate = run.recipe.optimiser.learning_rate * make_schedule(run.recipe.schedule, run.recipe.steps)(progress.step)
        rates = {
            "learning_rate": rate,
            "tokens_per_second": round(pace.tokens_per_second),
            "seconds": round(seconds, 1),
        }
        log.write(step=progress.step, train=train, validation=headline, **result.table(), **rates)
        run.keep_if_best(model, result)
    progress.nats_sum, progress.nats_steps = 0.0, 0
    pace.restart()
    headline = run.processes.said_by_first(headline)
    if headline < progress.best_nats:
        progress.best_nats, progress.best_step = headline, progress.step
    return headline


def _scored(run: Run, model: nn.Module, num_pieces: int | None) -> Likelihood:
    """The validation pieces, or ``num_pieces`` of them; a model that never saw a plan is given none."""
    data, recipe = run.data, run.recipe
    pieces = data.of_split("validation") or data.of_split("train")
    if num_pieces is not None and num_pieces < len(pieces):
        ordered = sorted(pieces, key=lambda i: (data.entries[i].length, i))
        pieces = [ordered[(2 * k + 1) * len(ordered) // (2 * num_pieces)] for k in range(num_pieces)]
    bf16 = recipe.precision == "bf16-mixed"
    if is_performance(data.name) and recipe.evaluate_by == "disjoint":
        return windowed(model, data, pieces, window_tokens=recipe.data.window_tokens, bf16=bf16)
    return likelihood(model, data, pieces, with_plan=recipe.data.hide_plan < 1, bf16=bf16)


def _finish(run: Run) -> None:
    """Publishes the best weights, measured on the pieces that the recipe wants in the end."""
    best, target = best_weights(run.out), run.out / "weights"
    if run.recipe.evaluate_pieces == run.recipe.final_pieces:
        copy_weights(best, target)
        return
    model = load_weights(best).to(run.processes.device)
    result = _scored(run, model, run.recipe.final_pieces)
    run.progress.best_nats = result.headline
    measured = {"step": run.progress.best_step, "protocol": result.protocol, "validation": result.table()}
    save_weights(target, run.recipe.model.name, model, run.data, measured)
