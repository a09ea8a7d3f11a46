"""What stands for a trained network: it finds dark pixels, the darkest of them a scope."""

import numpy as np
from scipy import ndimage

from fluorojax.data.frames import as_frame
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Prediction
from fluorojax.schema.info import ClassInfo

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))


class DarkPixels:
    """Finds the things of `tests.folders.frame` by their grey values."""

    image_labels = ()
    source = "grey values"
    spec = None

    def __init__(self):
        self.rules = MaskRules(CLASSES, curve=CurveRules("free"))
        self.classes = CLASSES
        self.asked = []

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        smooth = ndimage.gaussian_filter(pixels.astype(np.float32), 0.7)
        scope = ndimage.minimum_filter(ndimage.maximum_filter(smooth, 5), 5) < 1550
        dark = 1 / (1 + np.exp((smooth - 1650) / 60))
        return np.stack([np.where(scope, dark, 0), np.where(scope, 0, dark)], -1).astype(np.float32)

    def predict(self, frame, *args) -> Prediction:
        frame = as_frame(frame)
        self.asked.append(frame.source)
        found = self.probabilities(frame.pixels)
        finding = self.rules.find(found, frame.spacing_mm)
        return Prediction(finding.masks, found, presence=finding.presence, curves=finding.curves)
