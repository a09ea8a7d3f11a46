"""Writes the network of an export for runtimes without this project: ONNX, StableHLO."""

import json
from collections.abc import Callable
from pathlib import Path

from fluorojax.core.errors import InputError, needs
from fluorojax.core.files import reading
from fluorojax.core.outputs import written_aside
from fluorojax.inference.export import MANIFEST, load, read_manifest
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.ready_made import in_words, is_export
from fluorojax.runtimes.description import description

METADATA = "fluorojax"
"""Under this key an ONNX file's metadata_props hold the description, as JSON."""


def write_network(source: Path, kind: str, out: Path) -> list[Path]:
    """Write the network of an export as one of FORMATS, and return the files.

    Args:
        source: an export or the name of a ready-made model, or the run that it belongs to.
        kind: a key of FORMATS.
        out: a new file, with the format's ending.

    Raises:
        InputError: no export is there, the file is, it has another ending, a library is missing, or
            the network has a part that the format does not hold.
    """
    ending, write = FORMATS[kind]
    if out.suffix != ending:
        raise InputError(f"--out {out}: give a file that ends in {ending}, as in network{ending}")
    if (out.parent / MANIFEST).is_file():
        raise InputError(
            f"--out {out} lies in an export, which is {MANIFEST} and its parameters alone; give a "
            "file elsewhere"
        )
    with reading(out):
        for path in (out, beside(out)):
            if path.exists():
                raise InputError(f"--out {path} exists; give a new file, or remove that one")
    folder = export_of(source)
    model = load(folder)
    text = json.dumps(description(model, read_manifest(folder)), indent=1, allow_nan=False)
    return write(model, text, out)


def export_of(source: Path) -> Path:
    """Return the folder of an export, given itself or its run.

    Raises:
        InputError: there is none.
    """
    for folder in (source, source / "export"):
        if is_export(folder):
            return folder
    raise InputError(
        f"{source} is no export, and no run that has one; give a folder with {MANIFEST} or "
        f"{in_words()}, or write it first: fluorojax export {source}"
    )


def beside(out: Path) -> Path:
    """Return where the description stands of a file that cannot hold it."""
    return out.with_name(f"{out.name}.json")


def _write_onnx(model: Predictor, text: str, out: Path) -> list[Path]:
    needs("onnx", "onnx", "networks for ONNX")
    from fluorojax.runtimes.onnx_graph import model_of

    names = [label.name for label in model.image_labels]
    made = model_of(model.spec, model.parameters, names, {METADATA: text})
    with written_aside(out) as draft:
        draft.write_bytes(made.SerializeToString())
    return [out]


def _write_stablehlo(model: Predictor, text: str, out: Path) -> list[Path]:
    from fluorojax.runtimes.stablehlo import program_of

    names = [label.name for label in model.image_labels]
    program = program_of(model.spec, model.parameters, model.image_size, names)
    with written_aside(out) as draft, written_aside(beside(out)) as note:
        draft.write_bytes(program)
        note.write_text(text + "\n", "utf-8")
    return [out, beside(out)]


FORMATS: dict[str, tuple[str, Callable[[Predictor, str, Path], list[Path]]]] = {
    "onnx": (".onnx", _write_onnx),
    "stablehlo": (".stablehlo", _write_stablehlo),
}
"""Name -> ending of the file, and what writes it."""
