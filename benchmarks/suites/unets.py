"""The U-Net of this project and of PyTorch side by side: what `train` and `infer` share."""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from benchmarks.peers import unet_peers
from benchmarks.peers.unet_peers import Begun, Peer, Size, begin
from benchmarks.timing import OURS, compared

USUAL = Size(batch=4, side=256, classes=2, width=16, depth=4, residual=False)
OTHER = "MONAI BasicUNet"  # another network, with other parameters
TINY = Size(batch=2, side=32, classes=2, width=8, depth=2, residual=False)


def peers_of(
    size: Size, cores: int, device: str = "cpu", compiled: bool = True
) -> tuple[dict[str, Peer], dict[str, Begun], dict[str, str]]:
    """Return ours and every peer that can be run here, by name, checked to be one network.

    Args:
        size: of batch and network.
        cores: threads of PyTorch.
        device: PyTorch's word for where it computes.
        compiled: with `torch.compile` too.

    Returns:
        The peers; what each did first; and why those that are not among them are not.
    """
    parameters = unet_peers.initial_parameters(size)
    ways: dict[str, Callable[[], Peer]] = {
        OURS: lambda: unet_peers.fluorojax_peer(size, parameters)
    }
    there, missing = {}, {}
    if importlib.util.find_spec("torch") is None:
        missing["torch"] = "not installed"
    else:
        there = torch_ways(size, parameters, cores, device, compiled)
    found, begun = {}, {}
    for name, make in (ways | there).items():
        try:
            peer = make()
            first = begin(peer)
            if name != OTHER and OURS in begun:
                rounded = size.dtype != "float32" or device != "cpu"  # cards have TF32
                unet_peers.check_equal(begun[OURS], first, rounded)
        except Exception as error:
            if name == OURS:
                raise
            # Another network, or whatever a compiler or package that is not there raises.
            missing[name] = _line(error)
            continue
        found[name], begun[name] = peer, first
    return found, begun, missing


def torch_ways(
    size: Size, parameters: Any, cores: int, device: str, compiled: bool
) -> dict[str, Callable[[], Peer]]:
    """Return what makes each of PyTorch's peers, by name."""
    # Threads that wait in a loop would take the cores from whoever runs next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmarks.peers import torch_unet as torch

    torch.torch.set_num_threads(cores)
    ways: dict[str, Callable[[], Peer]] = {
        "torch": lambda: torch.torch_peer(size, parameters, device),
        "torch.compile": lambda: torch.torch_peer(size, parameters, device, compiled=True),
        OTHER: lambda: torch.monai_peer(size, device),
    }
    return ways if compiled else {k: v for k, v in ways.items() if k != "torch.compile"}


def _line(error: Exception) -> str:
    """Return the first line of what an error says."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:200]


def described(size: Size) -> str:
    """Return what is computed, in words."""
    return (
        f"U-Net, {size.batch} x {size.side} x {size.side}, width {size.width}, depth {size.depth}, "
        f"{size.dtype}"
    )


def on_a_batch(
    size: Size, rounds: int, cores: int, device: str = "cpu", compiled: bool = True
) -> dict[str, Any]:
    """Time a training step and an inference of all that `peers_of` returns, by what is timed."""
    peers, begun, missing = peers_of(size, cores, device, compiled)
    steps = compared(
        {name: peer.train_step for name, peer in peers.items()},
        rounds,
        {name: of.step_s for name, of in begun.items()},
    )
    inference = compared(
        {name: peer.infer for name, peer in peers.items()},
        rounds,
        {name: of.infer_s for name, of in begun.items()},
    )
    return {
        f"step: {described(size)}": result_of(peers, missing, steps),
        f"inference: {described(size)}": result_of(peers, missing, inference),
    }


def result_of(peers: dict[str, Peer], missing: dict[str, str], measured: dict[str, Any]) -> Any:
    """Return a comparison with its networks' sizes, and what could not take part."""
    return measured | {
        "parameters": {name: peer.parameters for name, peer in peers.items()},
        "missing": missing,
    }
