"""What can be simulated, in one table: a new procedure is a spec, and an entry here.

Configurations, `fluorojax simulate`, data sets and galleries all read it. Free of jax, so that
configurations can be made before its flags are set.
"""

from typing import NamedTuple

from fluorojax.simulation.knee.spec import KNEE, WIDE, KneeSpec
from fluorojax.simulation.spec import CARM, ERCP, Spec


class Procedure(NamedTuple):
    """One that comes ready.

    Attributes:
        spec: the ranges.
        data_set: the TFDS builder that makes frames of such specs, by its name, which is that of
            its folder in `tfds_builders/` too; procedures of one kind of spec share it.
    """

    spec: Spec | KneeSpec
    data_set: str


PROCEDURES: dict[str, Procedure] = {
    "ercp": Procedure(ERCP, "ercp_synthetic"),
    "carm": Procedure(CARM, "ercp_synthetic"),
    "knee": Procedure(KNEE, "knee_synthetic"),
    "knee_wide": Procedure(WIDE, "knee_synthetic"),
}


class Builder(NamedTuple):
    """What a configuration's `data.builder` stands for.

    Attributes:
        data_set: see `Procedure`.
        kind: of its spec.
        online: training frames are simulated while training; otherwise all are stored.
    """

    data_set: str
    kind: type
    online: bool


def _builders() -> dict[str, Builder]:
    """Return two names a data set: NAME_synthetic, stored, and NAME_simulated, ever-new."""
    kinds = {one.data_set: type(one.spec) for one in PROCEDURES.values()}
    stored = {name: Builder(name, kind, online=False) for name, kind in kinds.items()}
    online = {online_name(name): one._replace(online=True) for name, one in stored.items()}
    return dict(sorted((stored | online).items()))


def online_name(data_set: str) -> str:
    """Return the name of a data set whose training frames are simulated while training."""
    return data_set.replace("_synthetic", "_simulated")


BUILDERS: dict[str, Builder] = _builders()


def kinds() -> list[type]:
    """Return the kinds of spec there are."""
    return list(dict.fromkeys(type(one.spec) for one in PROCEDURES.values()))


def data_set_of(spec: Spec | KneeSpec) -> str:
    """Return the builder that makes frames of a spec."""
    return next(one.data_set for one in PROCEDURES.values() if type(one.spec) is type(spec))
