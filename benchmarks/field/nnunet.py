"""nnU-Net (Isensee et al., Nature Methods 2021) in the field: its 2d plans, or those of ResEnc M.

Its own fingerprint, plans, preprocessing, augmentation, loss, schedule and prediction; only the
number of its steps is another: as many as fit into the time, in EPOCHS epochs.
"""

import importlib.metadata
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.field import common
from fluorojax.data.folder import Folder, read_folder
from fluorojax.data.nnunet import SPLITS_FILE
from fluorojax.data.write_nnunet import write_nnunet

NUMBER = 501
EPOCHS = 50  # the rate falls from one to the next; it has 1000 of 250 steps
PLANNERS = {False: "ExperimentPlanner", True: "nnUNetPlannerResEncM"}


def main() -> None:
    """Plan, time some steps, train, and predict the test split."""
    options = common.parse(__doc__, residual=True)
    folder = read_folder(options.folder)
    name = f"Dataset{NUMBER}_field"
    places = {part: options.out / part for part in ("raw", "preprocessed", "results")}
    # It reads these when it is imported.
    os.environ |= {f"nnUNet_{part}": str(place.absolute()) for part, place in places.items()}
    os.environ |= {"nnUNet_n_proc_DA": "1", "nnUNet_compile": "f"}
    write_nnunet(folder, places["raw"] / name, lambda done: None)
    plans = planned(options.residual)
    shutil.copy(places["raw"] / name / SPLITS_FILE, places["preprocessed"] / name)
    # Planning refuses 0; in training a process for the data would not be timed with the steps.
    os.environ |= {"nnUNet_n_proc_DA": "0"}

    for seeded in (random.seed, np.random.seed, _torch().manual_seed):
        seeded(options.seed)
    _torch().set_num_threads(1)
    trial = trainer(places["preprocessed"] / name, plans)
    trial.on_train_start()
    trial.on_train_epoch_start()
    batches = trial.dataloader_train
    step = lambda: trial.train_step(next(batches))  # noqa: E731
    steps = common.steps_that_fit(step, options.minutes, options.tiny)
    model = trainer(places["preprocessed"] / name, plans)
    model.num_epochs = min(EPOCHS, steps)
    model.num_iterations_per_epoch = max(1, steps // model.num_epochs)
    model.num_val_iterations_per_epoch = 1
    model.run_training()
    predict(model, folder, places["raw"] / name, options.out)
    common.write_about(
        options.out,
        steps=model.num_epochs * model.num_iterations_per_epoch,
        parameters=sum(p.numel() for p in model.network.parameters()),
        version=importlib.metadata.version("nnunetv2"),
        plans=plans,
        patch=list(model.configuration_manager.patch_size),
        batch=int(model.configuration_manager.batch_size),
    )


def _torch() -> Any:
    import torch

    return torch


def planned(residual: bool) -> str:
    """Let nnU-Net look at the data, plan and preprocess; return the name of the plans."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([NUMBER], num_processes=1)
    plans = api.plan_experiments([NUMBER], experiment_planner_class_name=PLANNERS[residual])
    api.preprocess([NUMBER], plans, configurations=["2d"], num_processes=[1])
    return str(plans)


def trainer(preprocessed: Path, plans: str) -> Any:
    """Return nnU-Net's trainer of the first fold: the folder's own split."""
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    told = [json.loads((preprocessed / f"{n}.json").read_text()) for n in (plans, "dataset")]
    plan = told[0] | {"continue_training": False}
    made = nnUNetTrainer(plan, "2d", 0, told[1], device=_torch().device("cpu"))
    made.initialize()
    return made


def predict(model: Any, folder: Folder, raw: Path, out: Path) -> None:
    """Write the masks of the test split; each class by its own probability where they overlap."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=_torch().device("cpu"), perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(
        model.output_folder_base, (0,), "checkpoint_final.pth"
    )
    labels = predictor.label_manager
    names = [n for n in predictor.dataset_json["labels"] if n not in ("background", "ignore")]
    reader = predictor.plans_manager.image_reader_writer_class()
    ending = predictor.dataset_json["file_ending"]
    files = {p.name.removesuffix(f"_0000{ending}"): p for p in (raw / "imagesTs").iterdir()}
    for case in common.cases_of(folder, "test"):
        image, about = reader.read_images([str(files[case.case])])
        _, found = predictor.predict_single_npy_array(image, about, None, None, True)
        found = np.asarray(found)[:, 0]  # [channels, H, W]
        if labels.has_regions:
            masks = found >= 0.5
        else:
            masks = np.stack([found.argmax(0) == k + 1 for k in range(len(names))])
        order = [names.index(name) for name in folder.info.class_names]
        common.write_masks(out, case, np.moveaxis(masks[order], 0, -1))


if __name__ == "__main__":
    main()
