"""The processes of a run: one, or several that torchrun started, each with a share of every step.

    torchrun --standalone --nproc-per-node 2 -m ritornello.cli train RECIPE

Each process reads its part of the batch; gradients are averaged, so that all take the same step. The
first process alone writes, logs and evaluates. Device, precision and strategy are Lightning
Fabric's; *fsdp* is torch's fully_shard, which leaves every parameter its name and shape, so that
optimisers and checkpoints need not know of it: a checkpoint always holds whole tensors.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import distributed, nn

from ritornello.errors import UserError
from ritornello.training.recipe import Recipe
from ritornello.training.sharding import share_out


class Processes:
    """This process among its fellows."""

    def __init__(self, recipe: Recipe) -> None:
        """Meets the other processes; raises UserError when torchrun started others than the recipe states."""
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells every run its precision
        devices, nodes = _started()
        _check(recipe, devices, nodes)
        self.is_sharded = recipe.strategy == "fsdp"
        strategy: Any = "auto"
        if self.is_sharded:
            _quieten_fsdp()
            strategy = ModelParallelStrategy(share_out, data_parallel_size=devices * nodes, tensor_parallel_size=1)
        elif devices * nodes > 1:
            strategy = DDPStrategy()
        self.fabric = Fabric(
            accelerator="auto", devices=devices, num_nodes=nodes, strategy=strategy, precision=recipe.precision
        )
        self.fabric.launch()
        self.world, self.rank, self.device = self.fabric.world_size, self.fabric.global_rank, self.fabric.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes and evaluates for all."""
        return self.rank == 0

    @contextmanager
    def first_goes_ahead(self) -> Generator[None]:
        """The first process does what follows while the others wait, then they do it."""
        with self.fabric.rank_zero_first():
            yield

    def set_up(self, model: nn.Module) -> Any:
        """The model on its device, its parameters shared out; it is to be called through what is returned.

        One process calls the model itself: what Fabric hands back would be in float32, the state too.
        """
        module = self.fabric.setup_module(model)
        if self.world == 1 and not self.is_sharded:
            return model
        if hasattr(model, "absorb"):
            module.mark_forward_method("absorb")
        return module

    def share_out(self, model: nn.Module) -> None:
        """Puts a model that has no gradients where ``set_up`` puts the one that is trained."""
        model.to(self.device)
        if self.is_sharded:
            share_out(model, self.fabric.strategy.device_mesh)  # type: ignore[attr-defined]

    def autocast(self) -> AbstractContextManager[None]:
        """A context for all that a model computes: in the recipe's precision, also what is only heard."""
        fabric: Any = self.fabric
        return fabric.autocast()

    def set_up_optimizers(self, optimizers: Sequence[torch.optim.Optimizer]) -> list[Any]:
        """The optimisers as Fabric wants them stepped."""
        wrapped: Any = self.fabric.setup_optimizers(*optimizers)
        return [*wrapped] if len(optimizers) > 1 else [wrapped]

    def gathering(self, model: Any, *, last: bool) -> Any:
        """A context for one backward pass; gradients are exchanged in the ``last`` of a step."""
        fabric: Any = self.fabric
        return nullcontext() if self.world == 1 else fabric.no_backward_sync(model, enabled=not last)

    def total(self, value: float) -> float:
        """The sum over all processes."""
        if self.world == 1:
            return value
        summed = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(summed)  # pyright: ignore[reportUnknownMemberType]
        return summed.item()

    def said_by_first(self, value: float) -> float:
        """What the first process says; the others wait for it."""
        return self.total(value if self.is_first else 0.0)

    def part_company(self) -> None:
        """Ends the talk between processes, so that they can exit."""
        if distributed.is_initialized():
            distributed.barrier()  # pyright: ignore[reportUnknownMemberType]
            distributed.destroy_process_group()


def _started() -> tuple[int, int]:
    """Processes on this machine, and machines, as torchrun says."""
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        return 1, 1
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here


def _check(recipe: Recipe, devices: int, nodes: int) -> None:
    wanted, machines = recipe.devices or devices, recipe.num_nodes or nodes
    if (wanted, machines) == (devices, nodes):
        return
    start = f"torchrun --nnodes {machines} --nproc-per-node {wanted} -m ritornello.cli train ..."
    raise UserError(
        f"{wanted} on each of {machines} machines, but {devices} on each of {nodes} were started",
        where="devices",
        mend=f"start with {start}",
    )


def _quieten_fsdp() -> None:
    """Torch warns of in-place changes to what a shared layer returns; nothing here makes any."""
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
