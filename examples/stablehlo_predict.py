"""Run the network of `fluorojax export --format stablehlo` on a PNG frame, with jax alone.

    python examples/stablehlo_predict.py network.stablehlo frame.png probabilities.npy

The probabilities are those of `fluorojax.load(EXPORT)(frame)`.
"""

import json
import sys
from pathlib import Path

import jax.export
import numpy as np
from PIL import Image

network, frame, out = sys.argv[1:]
program = jax.export.deserialize(bytearray(Path(network).read_bytes()))
said = json.loads(Path(f"{network}.json").read_text())["preprocessing"]
assert said["fit"].startswith("shrink"), "this network looks at a frame in windows"

grey = np.asarray(Image.open(frame))  # [rows, columns], 8 or 16 bit
low, high = np.percentile(grey, said["intensity_percentiles"]).astype(np.float32)
high = max(high, low + 1)
rows, columns = said["image_size"]
scale = min(1, rows / grey.shape[0], columns / grey.shape[1])
height, width = round(grey.shape[0] * scale), round(grey.shape[1] * scale)
how = {"lanczos": Image.Resampling.LANCZOS, "triangle": Image.Resampling.BILINEAR}
small = Image.fromarray(grey.astype(np.float32)).resize((width, height), how[said["resampling"]])
small = np.clip(np.rint(small), 0, np.iinfo(grey.dtype).max)
top, left = (rows - height) // 2, (columns - width) // 2
around = (top, rows - height - top), (left, columns - width - left)
image = np.clip((np.pad(small, around, "edge") - low) / (high - low), 0, 1)[None, None]

found = jax.jit(program.call)(image.astype(np.float32))
maps = np.asarray(found["probabilities"])[0]
maps = maps[:, top : top + height, left : left + width]  # [classes, height, width] in [0, 1]
back = [Image.fromarray(m).resize(grey.shape[::-1], Image.Resampling.BILINEAR) for m in maps]
np.save(out, np.stack(back, -1))  # [rows, columns, classes], on the frame's own grid
