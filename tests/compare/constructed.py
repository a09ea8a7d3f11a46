"""Folders of runs with scores made up for the purpose: what is to be found in them is known."""

import json

import numpy as np

from fluorojax.evaluation.probabilities import ProbabilityScores
from fluorojax.metrics.case import METRICS, MetricSettings
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.schema.info import ClassInfo

PATIENTS = 8


def rows_of(shift, seed, of="wire"):
    """Two cases a patient; the class's clDice is the patient's own, plus `shift` and luck."""
    rng, patients = np.random.default_rng(seed), np.random.default_rng(99)
    rows = []
    for patient in range(PATIENTS):
        own = patients.uniform(0.4, 0.7)
        for case in range(2):
            score = own + shift + 0.01 * rng.standard_normal()
            empty = {m: None for m, metric in METRICS.items() if "curve" in metric.kinds}
            rows.append(
                {
                    "case": f"c{patient}{case}",
                    "patient": f"p{patient}",
                    "sequence": "",
                    "stratum": "over bone" if case else "over soft tissue",
                    "class": of,
                    "kind": "curve",
                    "status": "scored",
                    "unit": "mm",
                    **empty,
                    "cldice": score,
                    "hd95": 3.0 - score,
                }
            )
    return rows


def without_a_wire(rows, patients, found):
    """The rows, in which the cases of so many patients show no wire; `found`: one is invented."""
    chosen = {f"p{k}" for k in range(patients)}
    scores = {"cldice": 0.0, "length_error": 12.0} if found else {"cldice": None}
    empty = {"status": "false_alarm" if found else "both_empty", "hd95": None, **scores}
    return [row | empty if row["patient"] in chosen else row for row in rows]


def write_run(
    root,
    method,
    seed,
    rows,
    settings=None,
    fingerprint="f" * 64,
    as_one=(),
    train_share=1.0,
    **recorded,
):
    """Write a run; `recorded`: further parts of config.json, `config` and `data` merged."""
    folder = root / f"{method}-seed{seed}"
    scored = folder / "evaluation" / "test"
    write_cases_csv(rows, scored / "cases.csv")
    if as_one:
        write_cases_csv(as_one, scored / "one_label.csv")
    write_summary(summarise(rows, settings or MetricSettings()), scored / "summary.json")
    config = {"method": method, "seed": seed, "data": {"train_share": train_share}}
    config |= recorded.pop("config", {})
    record = {"config": config, "dataset": {"fingerprint": fingerprint}} | recorded
    (folder / "config.json").write_text(json.dumps(record))
    return folder


def two_methods(root):
    """`multi` and `joint`, which is better by 0.1, three seeds each."""
    return [
        write_run(root, method, seed, rows_of(shift, 10 * seed + bool(shift)))
        for method, shift in (("multi", 0.0), ("joint", 0.1))
        for seed in range(3)
    ]


def one_label_and_two(root):
    """`single`, which has one label, and `multi` and `joint`, which are scored by it too."""
    one = "instruments"
    folders = [write_run(root, "single", s, rows_of(0.0, s, one)) for s in range(2)]
    for method, shift in (("multi", 0.1), ("joint", 0.2)):
        for s in range(2):
            as_one = rows_of(shift, s + 5, one)
            folders.append(write_run(root, method, s, rows_of(shift, s), as_one=as_one))
    return folders


def write_sweep(folder, certainty, of="wire"):
    """One case whose curve has one probability everywhere: clDice 1 up to it, then 0."""
    reference = np.zeros((30, 30, 1), bool)
    reference[14:17, 5:25] = True
    collected = ProbabilityScores([ClassInfo(of, "curve")], MetricSettings())
    nothing = np.zeros((30, 30), bool)
    found = certainty * reference.astype(np.float32)
    collected.add(found, reference, patient="p", ignore=nothing, spacing=(0.5, 0.5))
    collected.write(folder / "evaluation" / "test")
