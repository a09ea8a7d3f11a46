"""Memory of a training step as the compiler plans it, before anything is run.

XLA knows what a compiled step needs: what goes in (state and batch), what comes out (of which the
state takes the old one's place), and what lies in between, mostly activations kept for the backward
pass. A compiler for another kind of device may keep more or less: that for CPUs drops the barriers
that hold back what `remat` computes again. So `kept` is counted on the traced program, before any
compiler: what the forward pass leaves for the backward pass.
"""

import argparse
from typing import Any

from benchmarks import steps
from fluorojax.core.progress import console

CONFIGS = ("joint", "multi", "knee")
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "remat": {"model.remat": True},
    "bfloat16": {"model.dtype": "bfloat16"},
    "bfloat16, remat": {"model.dtype": "bfloat16", "model.remat": True},
}
GIB = 2**30


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Compile the full configurations' steps, each plain, with `remat` and in bfloat16."""
    names = asked.config or CONFIGS
    found = {}
    for name in names[:1] if asked.tiny else names:
        for variant, fields in VARIANTS.items():
            config = steps.config_of(name)
            config.update_from_flattened_dict(fields | (steps.SMALL if asked.tiny else {}))
            label = f"{name}, {variant}" if variant else name
            found[label] = planned(config)
            console.print(f"{label}: {found[label]}")
    return found


def planned(config: Any) -> dict[str, float]:
    """Return the memory (GiB) of a configuration's step on one device that has its whole batch."""
    run = steps.run_of(config)
    shapes = steps.shapes_of(run)
    compiled = steps.traced(run, shapes).lower().compile()
    kept = round(steps.kept_bytes(run, shapes) / GIB, 4)
    return as_json(compiled.memory_analysis()) | {
        "kept": kept,
        "batch": config.training.batch_size,
    }


def as_json(plan: Any) -> dict[str, float]:
    """Return a compiler's plan in GiB; `peak` counts once what takes the place of what goes in."""
    sizes = {
        "arguments": plan.argument_size_in_bytes,
        "results": plan.output_size_in_bytes,
        "in_place": plan.alias_size_in_bytes,
        "between": plan.temp_size_in_bytes,
    }
    sizes["peak"] = sizes["arguments"] + sizes["results"] - sizes["in_place"] + sizes["between"]
    return {name: round(size / GIB, 4) for name, size in sizes.items()}
