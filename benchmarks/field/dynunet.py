"""MONAI's DynUNet in the field, after its own recipe (tutorials, modules/dynunet_pipeline).

Residual blocks, instance norm, two levels of deep supervision; Dice and cross entropy; SGD with
Nesterov momentum and a polynomial rate; crops about foreground, flips, zoom, noise, smoothing and
contrast. Predicted in sliding windows, mirrored and not.
"""

import importlib.metadata
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import monai.transforms as mt
import numpy as np
import torch
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import DynUNet

from benchmarks.field import common
from fluorojax.data.folder import Case, Folder, load_case, read_folder
from fluorojax.data.intensity import shown

LEVELS = 6
CROP = 256  # px, a multiple of 2^(LEVELS - 1)
BATCH = 2
RATE, MOMENTUM, DECAY = 0.01, 0.99, 3e-5
TRIAL_STEPS = 1000  # for the schedule of the steps that are timed


def main() -> None:
    """Time some steps, train, and predict the test split."""
    options = common.parse(__doc__)
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(options.seed)
    torch.set_num_threads(1)
    folder = read_folder(options.folder)
    classes = len(folder.info.classes)
    batches = drawn([example(folder, case) for case in common.cases_of(folder, "train")])
    trial = Training(network(classes), TRIAL_STEPS)
    steps = common.steps_that_fit(lambda: trial(next(batches)), options.minutes, options.tiny)
    model = network(classes)
    training = Training(model, steps)
    for _ in range(steps):
        training(next(batches))
    model.eval()
    for case in common.cases_of(folder, "test"):
        common.write_masks(options.out, case, predicted(model, folder, case))
    common.write_about(
        options.out,
        steps=steps,
        parameters=sum(p.numel() for p in model.parameters()),
        version=importlib.metadata.version("monai"),
    )


def network(classes: int) -> DynUNet:
    """Return the network, its parameters drawn."""
    strides = [1, *[2] * (LEVELS - 1)]
    return DynUNet(
        *(2, 1, classes, [3] * LEVELS, strides, strides[1:]),
        norm_name="instance",
        deep_supervision=True,
        deep_supr_num=2,
        res_block=True,
    )


def example(folder: Folder, case: Case) -> dict[str, np.ndarray]:
    """Return a frame, normalised to mean 0 and deviation 1, its masks and what counts."""
    frame, mask, ignore = load_case(folder, case)
    return {
        "image": normalised(frame.pixels)[None],
        "mask": np.moveaxis(mask, -1, 0).astype(np.float32),
        "counts": (~ignore[None]).astype(np.float32),
        "anything": mask.any(-1)[None].astype(np.float32),
    }


def normalised(pixels: np.ndarray) -> np.ndarray:
    """Return grey values [H, W] with mean 0 and standard deviation 1."""
    image = shown(pixels)
    return ((image - image.mean()) / max(float(image.std()), 1e-6)).astype(np.float32)


def drawn(examples: Sequence[dict[str, np.ndarray]]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of augmented crops for ever, the examples in an order drawn anew each time."""
    names = ["image", "mask", "counts"]
    together = [*names, "anything"]
    modes = ["bilinear", "nearest", "nearest", "nearest"]
    change = mt.Compose([
        mt.SpatialPadd(together, (CROP, CROP)),
        mt.RandCropByPosNegLabeld(
            together, label_key="anything", spatial_size=(CROP, CROP), pos=2, neg=1
        ),
        mt.RandZoomd(together, prob=0.15, min_zoom=0.9, max_zoom=1.2, mode=modes),
        mt.RandGaussianNoised("image", prob=0.15, std=0.1),
        mt.RandGaussianSmoothd("image", prob=0.15),
        mt.RandScaleIntensityd("image", factors=0.3, prob=0.15),
        mt.RandFlipd(together, prob=0.5, spatial_axis=0),
        mt.RandFlipd(together, prob=0.5, spatial_axis=1),
    ])  # fmt: skip
    order: Iterator[int] = itertools.chain.from_iterable(
        random.sample(range(len(examples)), len(examples)) for _ in itertools.count()
    )
    while True:
        crops: list[Any] = [change(examples[next(order)])[0] for _ in range(BATCH)]
        yield {n: torch.stack([torch.as_tensor(np.asarray(c[n])) for c in crops]) for n in names}


class Training:
    """The steps of a training."""

    def __init__(self, model: DynUNet, steps: int):
        """Take the network, and for how many steps the rate falls."""
        self.model = model.train()
        self.loss = DiceCELoss(sigmoid=True, batch=True)
        self.optimiser = torch.optim.SGD(
            model.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
        )
        self.rate = torch.optim.lr_scheduler.PolynomialLR(self.optimiser, steps, 0.9)

    def __call__(self, batch: dict[str, torch.Tensor]) -> None:
        """Make one step; a pixel that does not count is background, and predicted as such."""
        outputs = self.model(batch["image"]).unbind(1)
        losses = []
        for level, logits in enumerate(outputs):
            masked = torch.where(batch["counts"] > 0, logits, torch.full_like(logits, -20.0))
            losses.append(0.5**level * self.loss(masked, batch["mask"] * batch["counts"]))
        self.optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 12.0)
        self.optimiser.step()
        self.rate.step()


@torch.no_grad()
def predicted(model: DynUNet, folder: Folder, case: Case) -> np.ndarray:
    """Return the masks [H, W, C] of a frame: the mean of four mirror images, from one half on."""
    pixels = load_case(folder, case)[0].pixels
    image = torch.as_tensor(normalised(pixels))[None, None]
    total = torch.zeros(1)
    for axes in ((), (2,), (3,), (2, 3)):
        logits = sliding_window_inference(
            torch.flip(image, axes), (CROP, CROP), 1, model, overlap=0.5, mode="gaussian"
        )
        total = total + torch.flip(torch.sigmoid(torch.as_tensor(logits)), axes)
    return np.moveaxis((total[0] / 4 >= 0.5).numpy(), 0, -1)


if __name__ == "__main__":
    main()
