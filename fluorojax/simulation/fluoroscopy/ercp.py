"""A simulated frame: an instrument, a wire that leaves its tip, the patient behind.

The instrument is a duodenoscope and the wire a guidewire, unless the spec's `tool_rate` and
`pin_rate` ask for a metal tool and a steel pin.

The picture. Line integrals are summed over anatomy and instruments; the detector sees their
exponential, scatter, noise and blur; the monitor shows a window of the logarithm.

The label rule. A pixel is endoscope when at least half of it is covered by the tube or its tip.
It is guidewire when its centre is within half of max(wire diameter, `wire_label_px` pixels) of
the wire's axis, and so at least half covered by a wire of that width; the wire counts from the
endoscope's tip on, not inside it, and a wire left behind wherever it runs. Both count only
where the collimator lets them be seen; they may overlap, as shadows do.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.simulation import materials, physics
from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.fluoroscopy import instruments
from fluorojax.simulation.fluoroscopy.anatomy import anatomy
from fluorojax.simulation.geometry import (
    coverage,
    curve,
    direction,
    pixel_centres,
    smear,
    smoothstep,
)
from fluorojax.simulation.many import simulate_each
from fluorojax.simulation.spec import Spec

CLASSES = ("endoscope", "guidewire")
STRATA = ("wire over soft tissue", "wire over bone", "wire in a filled duct")

# What a frame shows; all but ATTACHED are the counter examples.
ATTACHED, LEFT_BEHIND, FREE_WIRE, NO_WIRE = range(4)

SHAFT_SEGMENTS, WIRE_SEGMENTS, DUCT_SEGMENTS = 72, 96, 32


class Keys(NamedTuple):
    """What is drawn from what: frames of a patient share the first, of a sequence the first two."""

    patient: jax.Array  # anatomy, size of the instrument, magnification
    sequence: jax.Array  # view, instruments, beam, display, breath
    noise: jax.Array  # of the one frame


class Attenuation(NamedTuple):
    """What the materials take of the beam, per mm, [] each."""

    soft: jax.Array
    nitinol: jax.Array
    steel: jax.Array
    contrast: jax.Array


class Content(NamedTuple):
    """What a scene contains, [] each: flags, `what` (ATTACHED, ...), half the wire in mm."""

    what: jax.Array
    is_tool: jax.Array
    is_pin: jax.Array
    is_filled: jax.Array
    has_retractor: jax.Array
    has_lead: jax.Array
    has_clips: jax.Array
    has_table: jax.Array
    wire_radius: jax.Array


class Beam(NamedTuple):
    """The beam and the detector, [] each; see the fields of `Spec` of the same names."""

    energy_kev: jax.Array
    scatter_ratio: jax.Array
    quanta: jax.Array
    focus_mm: jax.Array
    blur_px: jax.Array
    glare: jax.Array
    glare_mm: jax.Array
    lag: jax.Array
    frame_rate: jax.Array
    exposure_ms: jax.Array


class Shaft(NamedTuple):
    """The instrument's course from its tip backwards and out of the frame."""

    path: jax.Array  # [SHAFT_SEGMENTS + 1, 2] mm
    tip_heading: jax.Array  # [] where the tip points
    loop_side: jax.Array  # [] +1: its loop opens to the right


class Wire(NamedTuple):
    """The wire's axis `[K + 1, 2]` mm from the exit on, the duct's, the wire's length in mm."""

    path: jax.Array
    duct: jax.Array
    length: jax.Array


class Scene(NamedTuple):
    """The instruments of a frame, before anatomy and collimator."""

    integral: jax.Array  # [H, W], all of them and the contrast medium
    contrast: jax.Array  # [H, W], the contrast medium alone
    mask: jax.Array  # [H, W, 2] bool
    axis: jax.Array  # [H, W] bool, the wire's axis, one pixel wide
    what: jax.Array  # [] ATTACHED, LEFT_BEHIND, FREE_WIRE or NO_WIRE
    exit_point: jax.Array  # [2] mm, where the wire leaves the instrument
    centreline: jax.Array  # [SHAFT_SEGMENTS + WIRE_SEGMENTS + 2, 2] mm, shaft's part first


def simulate(
    key: jax.Array | Keys, spec: Spec, time_s: float | jax.Array = 0.0
) -> dict[str, jax.Array]:
    """Simulate one frame; pure, and made for `jit` and `vmap`.

    On a CPU `jax.lax.map` over frames compiles in half of `vmap`'s time and runs faster: what a
    frame does not show is not computed. The module's docstring gives the label rule.

    Args:
        key: one key, from which all is drawn; or `Keys`, some of which frames may share.
        spec: what is simulated.
        time_s: [] seconds since the sequence began: breath and wire move on with it.

    Returns:
        image: [H, W] float32 in [0, 1].
        mask: [H, W, 2] uint8 in {0, 1}: endoscope, guidewire.
        skeleton: [H, W, 2] uint8: the guidewire's axis, one pixel wide, where it is in the mask.
        centreline: [171, 2] float32, points of the guidewire's axis in pixels (row, column; the
            centre of the first pixel is 0, 0), evenly spaced and in order: up to the exit along
            the endoscope, then on to the tip.
        labelled: [171] bool, which of them are labelled: in view, and not inside the endoscope.
        exit: [2] float32, pixel coordinates of the point where the wire leaves the endoscope.
        tip: [2] float32, pixel coordinates of the wire's tip; it may lie out of view.
        attached: [] int32. 1: the wire leaves the endoscope's tip, in view with both. 0: a wire is
            in view, but left behind or free. -1: unknown (no wire or no exit in view).
        pixel_mm: [] float32.
        stratum: [] int32, index into `STRATA`: the ground under at least half of the visible wire,
            a duct before bone; 0 where no wire is in view.
    """
    keys = key if isinstance(key, Keys) else Keys(*jax.random.split(key, 3))
    size_key, anatomy_key, pixel_key = jax.random.split(keys.patient, 3)
    view_key, scene_key, tissue_key, beam_key, show_key = jax.random.split(keys.sequence, 5)
    field, limb = uniforms(pixel_key, spec.field_mm, RATE)
    pixel = field / spec.width
    grid = pixel_centres(spec.height, spec.width, pixel)

    beam = _beam(beam_key, spec)
    is_limb = limb < spec.limb_rate
    breath, velocity = _breath(keys.sequence, spec, time_s, is_limb)
    # What moves is drawn on a grid that moves with it.
    moving = grid - jnp.stack([breath, 0.0])
    mu = _attenuation(beam.energy_kev)
    scene = _scene(scene_key, size_key, moving, pixel, mu, spec, time_s)
    patient = anatomy(
        *(anatomy_key, tissue_key, grid, pixel),
        is_limb=is_limb,
        breath=breath,
        energy_kev=beam.energy_kev,
    )
    moved = _smeared(patient.tissue + scene.integral, velocity / pixel, beam)
    view = physics.collimation(view_key, grid, pixel, spec)
    signal = _detected(keys.noise, patient.bone + moved, view, beam, pixel)
    return {
        "image": physics.display(show_key, signal, view, spec),
        **_labels(scene, patient.bone, view, moving, pixel),
        "pixel_mm": pixel,
    }


@functools.partial(jax.jit, static_argnames="at_once")
def simulate_many(
    keys: Keys, spec: Spec, time_s: jax.Array, at_once: int = 1
) -> dict[str, jax.Array]:
    """Simulate N frames of `keys: [N]`, `time_s: [N]` seconds after each sequence began.

    Returns:
        What `simulate` gives, each [N, ...]; `at_once` as for `simulate_each`.
    """
    return simulate_each(lambda key, seconds: simulate(key, spec, seconds), (keys, time_s), at_once)


def stratum_name(stratum: np.ndarray, mask: np.ndarray) -> str:
    """Return the words for a frame's stratum; none where its `mask: [H, W, 2]` holds no wire."""
    return STRATA[int(stratum)] if mask[..., CLASSES.index("guidewire")].any() else ""


def _beam(key: jax.Array, spec: Spec) -> Beam:
    """Draw the beam and the detector."""
    return Beam(*uniforms(key, *(getattr(spec, name) for name in Beam._fields)))


def _smeared(integral: jax.Array, rows_per_second: jax.Array, beam: Beam) -> jax.Array:
    """Return what moves, [H, W], as the detector sees it over an exposure and with its lag."""
    exposed = jnp.abs(rows_per_second) * beam.exposure_ms / 1000.0
    return smear(integral, rows_per_second / beam.frame_rate, exposed, beam.lag)


def _detected(
    key: jax.Array, integral: jax.Array, view: jax.Array, beam: Beam, pixel: jax.Array
) -> jax.Array:
    """Return what the detector counts, [H, W]."""
    return physics.detect(
        key,
        integral,
        view,
        scatter_ratio=beam.scatter_ratio,
        quanta=beam.quanta,
        focus_px=beam.focus_mm / pixel,
        blur_px=beam.blur_px,
        glare=beam.glare,
        glare_px=beam.glare_mm / pixel,
        pixel=pixel,
    )


def _labels(
    scene: Scene, bone: jax.Array, view: jax.Array, grid: jax.Array, pixel: jax.Array
) -> dict[str, jax.Array]:
    """Return all that is true of a frame where the collimator's opening `view: [H, W]` shows it."""
    is_open = view >= 0.5
    mask = (scene.mask & is_open[..., None]).astype(jnp.uint8)
    axis = mask[..., 1] * scene.axis
    return {
        "mask": mask,
        "skeleton": jnp.stack([jnp.zeros_like(axis), axis], -1),
        **_points(scene, mask[..., 1], grid, pixel),
        "attached": _attached(scene, mask, view, grid, pixel),
        "stratum": _stratum(mask[..., 1], bone, scene.contrast),
    }


def _attenuation(energy: jax.Array) -> Attenuation:
    """Return the attenuation of what instruments are made of."""
    return Attenuation(
        materials.soft_tissue(energy),
        materials.nitinol(energy),
        materials.steel(energy),
        materials.contrast_medium(energy),
    )


def _breath(
    key: jax.Array, spec: Spec, time_s: float | jax.Array, is_limb: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return how far down (mm) and how fast (mm/s) the breath has moved the soft organs."""
    way, period, phase = uniforms(
        jax.random.fold_in(key, 0), spec.breathing_mm, spec.breathing_s, (0.0, 2 * jnp.pi)
    )
    way = jnp.where(is_limb, 0.0, way)
    pace = 2 * jnp.pi / period
    angle = pace * time_s + phase
    return way / 2 * jnp.sin(angle), way / 2 * pace * jnp.cos(angle)


def _content(key: jax.Array, spec: Spec) -> Content:
    """Draw what a scene contains."""
    counter, kind, fill, cable, clipped, edged, tooled, pinned, wire_diameter = uniforms(
        key, *[RATE] * 8, spec.wire_diameter_mm
    )
    example = LEFT_BEHIND + jnp.floor(kind * NO_WIRE).astype(int)
    is_tool, is_pin = tooled < spec.tool_rate, pinned < spec.pin_rate
    return Content(
        what=jnp.where(counter < spec.counter_example_rate, example, ATTACHED),
        is_tool=is_tool,
        is_pin=is_pin,
        is_filled=(fill < spec.duct_fill_rate) & ~is_pin,
        # Beside every tool that holds a wire, and beside half of the others.
        has_retractor=is_tool & (counter > 0.5 * spec.counter_example_rate),
        has_lead=cable < spec.lead_rate,
        has_clips=clipped < spec.clip_rate,
        has_table=edged < spec.table_rate,
        wire_radius=wire_diameter / 2,
    )


def _scene(
    key: jax.Array,
    size_key: jax.Array,
    grid: jax.Array,
    pixel: jax.Array,
    mu: Attenuation,
    spec: Spec,
    time_s: float | jax.Array,
) -> Scene:
    """Draw instrument, wire, duct and what else lies about."""
    k = jax.random.split(key, 12)
    content = _content(k[0], spec)
    diameters = uniforms(size_key, spec.scope_diameter_mm, spec.tool_diameter_mm)
    course = _shaft(k[1], grid, content.is_tool, spec)
    exit_point = _exit_point(course, content, diameters[0])
    wire_course = _wire(k[2], exit_point, course, content, grid, spec, time_s)

    shaft, wire = instruments.track(grid, course.path), instruments.track(grid, wire_course.path)
    edge, shadow = _instrument(k[3:5], shaft, course, content, diameters, grid, mu.steel, pixel)
    # A wire left behind lies where the instrument was, and is labelled all along.
    has_shaft, has_wire = content.what != LEFT_BEHIND, content.what != NO_WIRE
    behind = jnp.where(has_shaft, jnp.inf, jnp.abs(shaft.distance))
    distance = jnp.minimum(jnp.abs(wire.distance), behind)
    contrast = _contrast_medium(k[6], content, wire_course, grid, mu, spec)
    plate, plate_edge = _retractor(k[7], content, grid, mu, pixel)
    foreign_objects = _foreign_objects(k[8:], content, grid, pixel, mu)
    wire_attenuation = _wire_attenuation(
        k[5], content, wire, distance, wire_course.length, mu, pixel
    )
    shaft_mask = (has_shaft & (coverage(edge, pixel) >= 0.5)) | (coverage(plate_edge, pixel) >= 0.5)
    wire_mask = has_wire & _is_wire(distance, content, pixel, spec)
    return Scene(
        integral=(
            contrast + plate + foreign_objects + has_shaft * shadow + has_wire * wire_attenuation
        ),
        contrast=contrast,
        mask=jnp.stack([shaft_mask, wire_mask], -1),
        axis=distance <= pixel / 2,
        what=content.what,
        exit_point=exit_point,
        centreline=jnp.concatenate([course.path[::-1], wire_course.path]),
    )


def _exit_point(shaft: Shaft, content: Content, scope_diameter: jax.Array) -> jax.Array:
    """Return where the wire leaves the instrument, [2] mm.

    A scope's channel ends beside the axis; a wire left behind has nothing to end beside.
    """
    is_beside = (content.what != LEFT_BEHIND) & ~content.is_tool
    beside = jnp.where(is_beside, 0.2 * scope_diameter * shaft.loop_side, 0.0)
    return shaft.path[0] + beside * direction(shaft.tip_heading + jnp.pi / 2)


def _instrument(
    keys: jax.Array,
    shaft: instruments.Track,
    course: Shaft,
    content: Content,
    diameters: jax.Array,
    grid: jax.Array,
    steel: jax.Array,
    pixel: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return the distance to the outline of endoscope or tool in mm, and its line integral.

    Args:
        keys: [2] of a tool's width, and of what either is made of.
        shaft: the shadow of the course.
        course: of the instrument.
        content: endoscope or tool.
        diameters: [2] mm, of an endoscope and of a tool.
        grid: [H, W, 2] mm.
        steel: [] attenuation per mm.
        pixel: [] mm.
    """
    scope_radius = diameters[0] / 2
    tool_radius = instruments.tool_radius(keys[0], shaft.along, diameters[1] / 2)
    radius = jnp.where(content.is_tool, tool_radius, scope_radius)
    edge = instruments.outline(shaft, grid, course.path[0], course.tip_heading, radius)
    shadow = jax.lax.cond(
        content.is_tool,
        lambda: instruments.tool(keys[1], shaft, edge, radius, steel, pixel),
        lambda: instruments.endoscope(keys[1], shaft, edge, scope_radius, pixel),
    )
    return edge, shadow


def _is_wire(distance: jax.Array, content: Content, pixel: jax.Array, spec: Spec) -> jax.Array:
    """Return which pixels are labelled as wire, [H, W] bool, by their distance to its axis."""
    label_radius = jnp.maximum(content.wire_radius, spec.wire_label_px * pixel / 2)
    return coverage(distance - label_radius, pixel) >= 0.5


def _wire_attenuation(
    key: jax.Array,
    content: Content,
    wire: instruments.Track,
    distance: jax.Array,
    length: jax.Array,
    mu: Attenuation,
    pixel: jax.Array,
) -> jax.Array:
    """Return the line integral [H, W] of the wire itself: a steel pin, or a guidewire."""
    return jax.lax.cond(
        content.is_pin,
        lambda: instruments.pin(wire, distance, length, content.wire_radius, mu.steel, pixel),
        lambda: instruments.guidewire(
            key, wire, distance, length, content.wire_radius, mu.nitinol, pixel
        ),
    )


# What a scene does not contain is not computed.


def _contrast_medium(
    key: jax.Array, content: Content, wire: Wire, grid: jax.Array, mu: Attenuation, spec: Spec
) -> jax.Array:
    """Return the line integral [H, W] of the contrast medium in the ducts."""
    main = wire.duct[:: WIRE_SEGMENTS // DUCT_SEGMENTS]
    return jax.lax.cond(
        content.is_filled,
        lambda: instruments.filled_duct(key, main, grid, mu.contrast, spec),
        lambda: jnp.zeros(grid.shape[:2]),
    )


def _retractor(
    key: jax.Array, content: Content, grid: jax.Array, mu: Attenuation, pixel: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the line integral [H, W] of a retractor, and the distance to its outline in mm."""
    nothing = jnp.zeros(grid.shape[:2])
    return jax.lax.cond(
        content.has_retractor,
        lambda: instruments.retractor(key, grid, mu.steel, pixel),
        lambda: (nothing, nothing + jnp.inf),
    )


def _foreign_objects(
    keys: jax.Array, content: Content, grid: jax.Array, pixel: jax.Array, mu: Attenuation
) -> jax.Array:
    """Return the line integral [H, W] of cable, clips and the edge of a table together."""
    nothing = jnp.zeros(grid.shape[:2])
    total = nothing
    for is_there, draw in (
        (content.has_lead, lambda: instruments.lead(keys[0], grid, pixel)),
        (content.has_clips, lambda: instruments.clips(keys[1], grid, mu.steel, pixel)),
        (content.has_table, lambda: instruments.table(keys[2], grid, pixel, mu.soft)),
    ):
        total += jax.lax.cond(is_there, draw, lambda: nothing)
    return total


def _shaft(key: jax.Array, grid: jax.Array, is_tool: jax.Array, spec: Spec) -> Shaft:
    """Lay the instrument, endoscope or tool, from its tip backwards and out of the frame."""
    scope_key, tool_key = jax.random.split(key)
    field = _field(grid)
    scope, tool = _scope_course(scope_key, field, spec), _tool_course(tool_key, field)
    tip, headings, step, loop_side = jax.tree.map(
        lambda a, b: jnp.where(is_tool, a, b), tool, scope
    )
    return Shaft(curve(tip, headings, step), headings[0] + jnp.pi, loop_side)


def _field(grid: jax.Array) -> jax.Array:
    """Return height and width of the frame in mm."""
    return grid[-1, -1] - grid[0, 0]


# Where an instrument begins, its headings, their step in mm, the loop's side.
Course = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def _scope_course(key: jax.Array, field: jax.Array, spec: Spec) -> Course:
    """Through the C-loop of the duodenum, then up: tip, headings, step and the loop's side."""
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
    loop_side = jnp.where(sign < 0.85, 1.0, -1.0)
    turn = jnp.deg2rad(degrees)
    step = (turn * bow + 1.2 * field[0]) / SHAFT_SEGMENTS
    s = (jnp.arange(SHAFT_SEGMENTS) + 0.5) * step
    loop = loop_side * turn * (1.0 - smoothstep(0.15 + 0.85 * s / (turn * bow)))
    headings = leave - loop + sway * jnp.sin(s / wave)
    return jnp.stack([down, right * loop_side]) * field, headings, step, loop_side


def _tool_course(key: jax.Array, field: jax.Array) -> Course:
    """Straight out of the frame by the nearer side: as `_scope_course`."""
    down, right, turn, bow, side = uniforms(
        key, (-0.36, 0.36), (-0.36, 0.36), (-0.8, 0.8), (-0.15, 0.15), SIGN
    )
    step = 1.2 * field.max() / SHAFT_SEGMENTS
    headings = jnp.arctan2(right, -down) + turn + bow * jnp.linspace(0.0, 1.0, SHAFT_SEGMENTS)
    return jnp.stack([down, right]) * field, headings, step, jnp.sign(side)


def _wire(
    key: jax.Array,
    exit_point: jax.Array,
    shaft: Shaft,
    content: Content,
    grid: jax.Array,
    spec: Spec,
    time_s: float | jax.Array,
) -> Wire:
    """Return the wire, and the course of a duct around it: without loop and hook.

    A free wire came through skin and liver instead: it ends in the frame, away from the endoscope,
    and enters at the border. In a filled duct there is no room for a loop. A pin goes straight on.
    """
    free = content.what == FREE_WIRE
    length_key, bend_key, loop_key, way_key = jax.random.split(key, 4)
    field = _field(grid)
    whole, length = _wire_length(length_key, content, field, spec, time_s)
    goal, heading = _wire_heading(bend_key, way_key, shaft, content, whole)
    s = (jnp.arange(WIRE_SEGMENTS) + 0.5) / WIRE_SEGMENTS
    here = s * length
    loop, hook = _loop_and_hook(loop_key, here, length, whole, content, spec)

    away = exit_point + 0.28 * field * direction(goal + shaft.loop_side * jnp.pi / 4)
    start = jnp.where(free, jnp.clip(away, -0.33 * field, 0.33 * field), exit_point)
    path = curve(start, heading(here) + loop + hook, length / WIRE_SEGMENTS)
    duct = curve(start, heading(s * whole), whole / WIRE_SEGMENTS)
    return Wire(path, duct, length)


def _wire_length(
    key: jax.Array, content: Content, field: jax.Array, spec: Spec, time_s: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the length outside at the sequence's beginning, and at `time_s`, in mm."""
    share, speed = uniforms(key, RATE, spec.wire_advance_mm_s)
    least, most = spec.wire_length_mm
    # A pin is looked at most while it goes in, so its length is uniform in the logarithm.
    reach = jnp.where(
        content.is_pin, least * (most / least) ** share, least + (most - least) * share
    )
    free = content.what == FREE_WIRE
    whole = jnp.where(free, 1.5 * field[0], reach)
    return whole, jnp.where(free, whole, jnp.maximum(reach + speed * time_s, 5.0))


def _wire_heading(
    bend_key: jax.Array, way_key: jax.Array, shaft: Shaft, content: Content, whole: jax.Array
) -> tuple[jax.Array, Callable[[jax.Array], jax.Array]]:
    """Return the heading that the elevator bends a wire to, and its headings without loop and hook.

    The second is a function of the millimetres from the exit on, [K] to [K].
    """
    aim, elevator, sway, wave, phase = uniforms(
        bend_key, (-0.8, 0.8), (12.0, 35.0), (0.17, 0.7), (8.0, 22.0), (0.0, 2 * jnp.pi)
    )
    way, bow = uniforms(way_key, (-jnp.pi, jnp.pi), (-0.05, 0.05))
    free, tip_heading = content.what == FREE_WIRE, shaft.tip_heading
    goal = 0.26 * shaft.loop_side + aim
    # The elevator bends the wire over its first centimetres, the short way round.
    bend = jnp.arctan2(jnp.sin(goal - tip_heading), jnp.cos(goal - tip_heading))

    def heading(s: jax.Array) -> jax.Array:
        bent = jnp.where(free, goal, tip_heading + bend * smoothstep(s / elevator))
        wire = bent + sway * jnp.sin(s / wave + phase) * smoothstep(s / 15.0)
        straight = jnp.where(free, way, tip_heading) + bow * s / whole
        return jnp.where(content.is_pin, straight, wire)

    return goal, heading


def _loop_and_hook(
    key: jax.Array,
    here: jax.Array,
    length: jax.Array,
    whole: jax.Array,
    content: Content,
    spec: Spec,
) -> tuple[jax.Array, jax.Array]:
    """Return by how much a loop, and the hook at the tip, turn the wire `here: [K]` mm along it."""
    looped, begin, loop_radius, sign, hook = uniforms(
        key, RATE, (0.15, 0.6), (5.0, 11.0), SIGN, (-1.2, 1.2)
    )
    free, is_pin = content.what == FREE_WIRE, content.is_pin
    has_loop = (looped < spec.wire_loop_rate) & ~free & ~content.is_filled & ~is_pin
    turn = 2 * jnp.pi * has_loop * jnp.sign(sign)
    loop = turn * smoothstep((here - begin * whole) / (2 * jnp.pi * loop_radius))
    return loop, jnp.where(is_pin, 0.0, hook) * smoothstep((here - length + 9.0) / 8.0)


def _points(
    scene: Scene, wire_mask: jax.Array, grid: jax.Array, pixel: jax.Array
) -> dict[str, jax.Array]:
    """Return the wire's points in pixels, and which of them are labelled."""

    def pixels(points: jax.Array) -> jax.Array:
        return ((points - grid[0, 0]) / pixel).astype(jnp.float32)

    centreline = pixels(scene.centreline)
    count = scene.centreline.shape[0]
    size = jnp.array(wire_mask.shape)
    nearest = jnp.round(centreline).astype(int)
    inside = ((nearest >= 0) & (nearest < size)).all(-1)
    row, column = jnp.clip(nearest, 0, size - 1).T
    counts = (jnp.arange(count) > SHAFT_SEGMENTS) | (scene.what == LEFT_BEHIND)
    return {
        "centreline": centreline,
        "labelled": counts & inside & (wire_mask[row, column] > 0),
        "exit": pixels(scene.exit_point),
        "tip": centreline[-1],
    }


def _attached(
    scene: Scene, mask: jax.Array, view: jax.Array, grid: jax.Array, pixel: jax.Array
) -> jax.Array:
    """Return whether the wire leaves the endoscope's tip in this frame: 1, 0 or -1."""
    scope_seen, wire_seen = mask[..., 0].any(), mask[..., 1].any()
    near_exit = jnp.linalg.norm(grid - scene.exit_point, axis=-1) <= 2 * pixel
    exit_seen = (near_exit & (view >= 0.5)).any()
    leaves_tip = jnp.where(scope_seen & exit_seen, 1, -1)
    known = jnp.where(scene.what == ATTACHED, leaves_tip, 0)
    return jnp.where(wire_seen, known, -1).astype(jnp.int32)


def _stratum(wire: jax.Array, bone: jax.Array, contrast: jax.Array) -> jax.Array:
    """Return 2 where half of the wire lies in contrast medium, else 1 over bone, else 0."""
    half = jnp.maximum(wire.sum(), 1) / 2
    in_duct = (wire * (contrast > 0.15)).sum() >= half
    over_bone = (wire * (bone > 0.08)).sum() >= half
    return jnp.where(in_duct, 2, jnp.where(over_bone, 1, 0)).astype(jnp.int32)
