"""A simulated ERCP frame: a duodenoscope, a guidewire that leaves its tip, the patient behind."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation import instruments, physics
from fluorojax.simulation.anatomy import anatomy
from fluorojax.simulation.draw import RATE, SIGN, Range, uniforms
from fluorojax.simulation.geometry import coverage, curve, direction, pixel_centres, smoothstep

CLASSES = ("endoscope", "guidewire")
LEVELS = ("wire over soft tissue", "wire over bone", "wire in a filled duct")

# What a frame shows; all but ATTACHED are the counter examples.
ATTACHED, LEFT_BEHIND, FREE_WIRE, NO_WIRE = range(4)

SCOPE_SEGMENTS, WIRE_SEGMENTS, DUCT_SEGMENTS = 72, 96, 32


@dataclasses.dataclass(frozen=True)
class Spec:
    """What is simulated; every range is uniform, every rate a probability of a frame.

    A pytree: give it to a jitted function as an argument, or close over it.
    """

    height: int = 192  # pixels
    width: int = 192  # pixels
    pixel_mm: Range = (0.65, 0.78)  # mm a pixel in the plane of the instruments; by patient
    scope_diameter_mm: Range = (11.0, 13.0)  # by patient
    scope_loop_radius_mm: Range = (22.0, 36.0)  # of the C-loop through the duodenum
    scope_loop_degrees: Range = (70.0, 200.0)
    wire_diameter_mm: Range = (0.85, 0.95)  # 0.035 inch is 0.89 mm
    wire_length_mm: Range = (50.0, 120.0)  # outside the endoscope
    wire_loop_rate: float = 0.2
    wire_label_px: float = 2.5  # least width of the wire's label: it must stay in one piece
    duct_fill_rate: float = 0.35
    duct_diameter_mm: Range = (5.0, 9.0)
    lead_rate: float = 0.25  # a cable on the skin crosses the frame: thin, but no guidewire
    counter_example_rate: float = 0.08  # in equal parts: left behind, free wire, no wire
    scatter_ratio: Range = (0.3, 1.2)  # scattered over primary
    quanta: Range = (300.0, 2000.0)  # a pixel, at the frame's mean
    blur_px: Range = (0.45, 0.8)  # standard deviation, after the noise
    inverted_rate: float = 0.05  # dense is bright


# A pytree of numbers: one compiled function serves every spec of a size.
jax.tree_util.register_dataclass(
    Spec,
    [f.name for f in dataclasses.fields(Spec) if f.name not in ("height", "width")],
    ["height", "width"],
)


class Scene(NamedTuple):
    """The instruments of a frame, before anatomy and collimator."""

    integral: jax.Array  # [H, W], all of them and the contrast medium
    contrast: jax.Array  # [H, W], the contrast medium alone
    mask: jax.Array  # [H, W, 2] bool
    what: jax.Array  # [] ATTACHED, LEFT_BEHIND, FREE_WIRE or NO_WIRE
    exit_point: jax.Array  # [2] mm, where the wire leaves the endoscope


def simulate(patient_key: jax.Array, frame_key: jax.Array, spec: Spec) -> dict[str, jax.Array]:
    """Simulate one frame; pure, and made for `jit` and `vmap`.

    On a CPU `jax.lax.map` over frames compiles in half of `vmap`'s time and runs as fast.

    Line integrals are summed over anatomy and instruments; the detector sees their exponential,
    scatter, noise and blur; the monitor a window of the logarithm.

    The label rule. A pixel is endoscope when at least half of it is covered by the tube or its tip.
    It is guidewire when its centre is within half of max(wire diameter, `wire_label_px` pixels) of
    the wire's axis, and so at least half covered by a wire of that width; the wire counts from the
    endoscope's tip on, not inside it, and a wire left behind wherever it runs. Both count only
    where the collimator lets them be seen; they may overlap, as shadows do.

    Args:
        patient_key: draws anatomy, endoscope's size and magnification: a patient's frames share it.
        frame_key: draws all else.
        spec: what is simulated.

    Returns:
        image: [H, W] float32 in [0, 1].
        mask: [H, W, 2] uint8 in {0, 1}: endoscope, guidewire.
        attached: [] int32. 1: the wire leaves the endoscope's tip, in view with both. 0: a wire is
            in view, but left behind or free. -1: cannot be said (no wire or no exit in view).
        pixel_mm: [] float32.
        level: [] int32, index into `LEVELS`: the ground under at least half of the visible wire, a
            duct before bone; 0 where no wire is in view.
    """
    size_key, anatomy_key, pixel_key = jax.random.split(patient_key, 3)
    view_key, scene_key, tissue_key, beam_key, noise_key, show_key = jax.random.split(frame_key, 6)
    (pixel,) = uniforms(pixel_key, spec.pixel_mm)
    grid = pixel_centres(spec.height, spec.width, pixel)

    scene = _scene(scene_key, size_key, grid, pixel, spec)
    bone, tissue = anatomy(anatomy_key, tissue_key, grid, pixel)
    view = physics.collimation(view_key, grid, pixel)
    scatter, quanta, blur_px = uniforms(beam_key, spec.scatter_ratio, spec.quanta, spec.blur_px)
    signal = physics.detect(
        noise_key,
        bone + tissue + scene.integral,
        view,
        scatter_ratio=scatter,
        quanta=quanta,
        blur_px=blur_px,
        pixel=pixel,
    )
    mask = (scene.mask & (view >= 0.5)[..., None]).astype(jnp.uint8)
    return {
        "image": physics.display(show_key, signal, view, spec.inverted_rate),
        "mask": mask,
        "attached": _attached(scene, mask, view, grid, pixel),
        "pixel_mm": pixel,
        "level": _level(mask[..., 1], bone, scene.contrast),
    }


def _scene(key, size_key, grid, pixel, spec):
    """Draw endoscope, guidewire, duct and lead."""
    k = jax.random.split(key, 7)
    counter, kind, fill, cable, wire_diameter = uniforms(
        k[0], RATE, RATE, RATE, RATE, spec.wire_diameter_mm
    )
    (scope_diameter,) = uniforms(size_key, spec.scope_diameter_mm)
    example = LEFT_BEHIND + jnp.floor(kind * NO_WIRE).astype(int)
    what = jnp.where(counter < spec.counter_example_rate, example, ATTACHED)
    has_scope, has_wire = what != LEFT_BEHIND, what != NO_WIRE
    filled, has_lead = fill < spec.duct_fill_rate, cable < spec.lead_rate
    radius, wire_radius = scope_diameter / 2, wire_diameter / 2

    path, tip_heading, loop_side = _scope_path(k[1], grid, spec)
    # The channel ends beside the axis; a wire left behind has no endoscope to end beside.
    beside = jnp.where(has_scope, 0.4 * radius * loop_side, 0.0)
    exit_point = path[0] + beside * direction(tip_heading + jnp.pi / 2)
    wire_path, duct_path = _wire_path(
        k[2], exit_point, tip_heading, loop_side, what, filled, grid, spec
    )
    scope, wire = instruments.track(grid, path), instruments.track(grid, wire_path)
    edge = instruments.endoscope_edge(scope, grid, path[0], tip_heading, radius)
    # A wire left behind lies where the endoscope was, and is labelled all along.
    behind = jnp.where(has_scope, jnp.inf, jnp.abs(scope.distance))
    wire_distance = jnp.minimum(jnp.abs(wire.distance), behind)
    wire_length = WIRE_SEGMENTS * jnp.linalg.norm(wire_path[1] - wire_path[0])

    main = duct_path[:: WIRE_SEGMENTS // DUCT_SEGMENTS]
    contrast = filled * instruments.filled_duct(k[3], main, grid, spec.duct_diameter_mm)
    integral = (
        contrast
        + has_lead * instruments.lead(k[4], grid, pixel)
        + has_scope * instruments.endoscope(k[5], scope, edge, radius, pixel)
        + has_wire
        * instruments.guidewire(k[6], wire, wire_distance, wire_length, wire_radius, pixel)
    )
    label_radius = jnp.maximum(wire_radius, spec.wire_label_px * pixel / 2)
    scope_mask = has_scope & (coverage(edge, pixel) >= 0.5)
    wire_mask = has_wire & (coverage(wire_distance - label_radius, pixel) >= 0.5)
    return Scene(integral, contrast, jnp.stack([scope_mask, wire_mask], -1), what, exit_point)


def _scope_path(key, grid, spec):
    """Walk from the tip backwards, through the C-loop, then up and out of the frame.

    Returns the path `[K + 1, 2]`, the tip's heading, the loop's side (+1: it opens to the right).
    """
    sign, degrees, bow, leave, sway, wave, down, right = uniforms(
        key,
        RATE,
        spec.scope_loop_degrees,
        spec.scope_loop_radius_mm,
        (-0.52, 0.52),
        (0.05, 0.25),
        (18.0, 35.0),
        (-0.12, 0.22),
        (0.0, 0.22),
    )
    field = grid[-1, -1] - grid[0, 0]
    loop_side = jnp.where(sign < 0.85, 1.0, -1.0)
    turn = jnp.deg2rad(degrees)
    step = (turn * bow + 1.2 * field[0]) / SCOPE_SEGMENTS
    s = (jnp.arange(SCOPE_SEGMENTS) + 0.5) * step
    loop = loop_side * turn * (1.0 - smoothstep(0.15 + 0.85 * s / (turn * bow)))
    headings = leave - loop + sway * jnp.sin(s / wave)
    tip = jnp.stack([down, right * loop_side]) * field
    return curve(tip, headings, step), headings[0] + jnp.pi, loop_side


def _wire_path(key, exit_point, tip_heading, loop_side, what, filled, grid, spec):
    """Return the wire, and its path without loop and hook, which a duct follows: `[K + 1, 2]` each.

    A free wire came through skin and liver instead: it ends in the frame, away from the endoscope,
    and enters at the border. In a filled duct there is no room for a loop.
    """
    reach, aim, elevator, sway, wave, phase, loop_radius, begin, looped, sign, hook = uniforms(
        key,
        spec.wire_length_mm,
        (-0.8, 0.8),
        (12.0, 35.0),
        (0.17, 0.7),
        (8.0, 22.0),
        (0.0, 2 * jnp.pi),
        (5.0, 11.0),
        (0.15, 0.6),
        RATE,
        SIGN,
        (-1.2, 1.2),
    )
    free = what == FREE_WIRE
    field = grid[-1, -1] - grid[0, 0]
    length = jnp.where(free, 1.5 * field[0], reach)
    step = length / WIRE_SEGMENTS
    s = (jnp.arange(WIRE_SEGMENTS) + 0.5) * step

    goal = 0.26 * loop_side + aim
    # The elevator bends the wire over its first centimetres, the short way round.
    bend = jnp.arctan2(jnp.sin(goal - tip_heading), jnp.cos(goal - tip_heading))
    bent = jnp.where(free, goal, tip_heading + bend * smoothstep(s / elevator))
    smooth = bent + sway * jnp.sin(s / wave + phase) * smoothstep(s / 15.0)

    has_loop = (looped < spec.wire_loop_rate) & ~free & ~filled
    turn = 2 * jnp.pi * has_loop * jnp.sign(sign)
    loop = turn * smoothstep((s - begin * length) / (2 * jnp.pi * loop_radius))
    tip = hook * smoothstep((s - length + 9.0) / 8.0)

    away = exit_point + 0.28 * field * direction(goal + loop_side * jnp.pi / 4)
    start = jnp.where(free, jnp.clip(away, -0.33 * field, 0.33 * field), exit_point)
    return curve(start, smooth + loop + tip, step), curve(start, smooth, step)


def _attached(scene, mask, view, grid, pixel):
    """Say whether the wire leaves the endoscope's tip in this frame: 1, 0 or -1."""
    scope_seen, wire_seen = mask[..., 0].any(), mask[..., 1].any()
    near_exit = jnp.linalg.norm(grid - scene.exit_point, axis=-1) <= 2 * pixel
    exit_seen = (near_exit & (view >= 0.5)).any()
    leaves_tip = jnp.where(scope_seen & exit_seen, 1, -1)
    known = jnp.where(scene.what == ATTACHED, leaves_tip, 0)
    return jnp.where(wire_seen, known, -1).astype(jnp.int32)


def _level(wire, bone, contrast):
    """Return 2 where half of the wire lies in contrast medium, else 1 over bone, else 0."""
    half = jnp.maximum(wire.sum(), 1) / 2
    in_duct = (wire * (contrast > 0.15)).sum() >= half
    over_bone = (wire * (bone > 0.08)).sum() >= half
    return jnp.where(in_duct, 2, jnp.where(over_bone, 1, 0)).astype(jnp.int32)
