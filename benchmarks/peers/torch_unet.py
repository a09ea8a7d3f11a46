"""The same U-Net in plain PyTorch, and MONAI's as it comes, as `Peer` of `unet_peers`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import nn
from torch.nn import functional

from benchmarks.peers.unet_peers import LEARNING_RATE, WEIGHT_DECAY, Peer, Size, data
from fluorojax.losses.overlap import SMOOTH


class TorchBlock(nn.Module):
    """The block of `fluorojax.models.unet`."""

    def __init__(self, inputs: int, outputs: int, residual: bool):
        super().__init__()
        groups = outputs // 8 if outputs % 8 == 0 else 1
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_0 = nn.GroupNorm(groups, outputs)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm_1 = nn.GroupNorm(groups, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if residual else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, C, H, W] to [B, outputs, H, W]."""
        y = functional.relu(self.norm_0(self.conv_0(x)), inplace=True)
        y = self.norm_1(self.conv_1(y))
        return functional.relu(y if self.skip is None else y + self.skip(x), inplace=True)


class TorchUNet(nn.Module):
    """The network of `fluorojax.models.unet`, layer by layer, under the same names."""

    def __init__(self, size: Size):
        super().__init__()
        self.depth = size.depth
        features = [size.width * 2**level for level in range(size.depth + 1)]
        inputs = [1, *features[:-1]]
        for k in range(size.depth):
            self.add_module(f"down_{k}", TorchBlock(inputs[k], features[k], size.residual))
            self.add_module(f"narrow_{k}", nn.Conv2d(features[k + 1], features[k], 1))
            self.add_module(f"up_{k}", TorchBlock(2 * features[k], features[k], size.residual))
        self.bottom = TorchBlock(inputs[-1], features[-1], size.residual)
        self.head = nn.Conv2d(size.width, size.classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, H, W] to logits [B, C, H, W]."""
        skips = []
        for k in range(self.depth):
            skips.append(self.get_submodule(f"down_{k}")(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for k in reversed(range(self.depth)):
            x = functional.interpolate(self.get_submodule(f"narrow_{k}")(x), scale_factor=2)
            x = self.get_submodule(f"up_{k}")(torch.cat([x, skips[k]], 1))
        return self.head(x)


def to_torch(parameters: Any) -> dict[str, torch.Tensor]:
    """Return the parameters under PyTorch's names and in its layout."""
    names = {"kernel": "weight", "scale": "weight", "bias": "bias"}

    def convert(value: np.ndarray) -> torch.Tensor:
        if value.ndim == 2:  # a product of matrices is a 1 x 1 convolution
            value = value[None, None]
        return torch.tensor(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)

    return {
        ".".join((*path[:-1], names[path[-1]])): convert(value)
        for path, value in flatten_dict(parameters).items()
    }


def torch_peer(size: Size, parameters: Any, device: str = "cpu", compiled: bool = False) -> Peer:
    """Return the same network in PyTorch, plain or through `torch.compile`."""

    def network() -> nn.Module:
        made = TorchUNet(size)
        made.load_state_dict(to_torch(parameters))
        return made

    return peer_of(network, size, device, compiled)


def monai_peer(size: Size, device: str = "cpu") -> Peer:
    """Return MONAI's BasicUNet of the same width: another network, with other parameters."""
    from monai.networks.nets import BasicUNet

    features = [size.width * 2 ** min(level, size.depth) for level in range(5)]
    shape = {"spatial_dims": 2, "in_channels": 1, "out_channels": size.classes}
    return peer_of(lambda: BasicUNet(**shape, features=(*features, size.width)), size, device)


def peer_of(made: Callable[[], nn.Module], size: Size, device: str, compiled: bool = False) -> Peer:
    """Return a network's side, in its quickest layout, channels last, and fused AdamW."""
    network, still = (made().to(device=device, memory_format=torch.channels_last) for _ in range(2))
    still.load_state_dict(network.state_dict())
    parameters = sum(p.numel() for p in network.parameters())
    optimizer = torch.optim.AdamW(
        network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    still.eval()
    forward, infer_by = (torch.compile(n) if compiled else n for n in (network, still))
    # A permuted view of a channels-last array *is* the channels-last layout.
    image, host_mask = (torch.tensor(array).permute(0, 3, 1, 2) for array in data(size))

    def logits_of(by: Callable[..., torch.Tensor]) -> torch.Tensor:
        mixed = size.dtype == "bfloat16"
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=mixed):
            return by(image.to(device))  # from the host, as a batch comes in training

    def train_step() -> float:
        optimizer.zero_grad()
        logits, mask = logits_of(forward).float(), host_mask.to(device)
        found = torch.sigmoid(logits)
        both, sizes = (found * mask).sum((2, 3)), (found + mask).sum((2, 3))
        dice_loss = 1.0 - (2.0 * both + SMOOTH) / (sizes + SMOOTH)
        loss = functional.binary_cross_entropy_with_logits(logits, mask) + dice_loss.mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def infer() -> np.ndarray:
        return logits_of(infer_by).float().permute(0, 2, 3, 1).cpu().numpy()

    return Peer(train_step, infer, parameters)
