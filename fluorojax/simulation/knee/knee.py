"""A simulated radiograph of a knee, native or replaced, and the truth of what it measures.

Plane shapes with depths stand for bones and implants. Their line integrals are summed; the
detector sees their exponential, scatter, noise and blur; the film shows a window of the
logarithm, set for the leg without metal.

The label rule. A pixel belongs to a class when its centre lies in the shadow of the class and
the collimator, or the film's border, does not hide it. Classes overlap as shadows do. A bone is
the outline of all that is left of it: its native outline less what was resected, and less
the radiolucent lines along a cut; what lies in it or before it (pegs, keel, stem, box, flange)
takes nothing from it. Cement and radiolucent lines are outside the metal. A radiolucent line is
labelled as wide as it is, but at least one pixel. Polyethylene reaches from the tray's top
(native: the plateau) to the femoral component or condyles, and between them up to 3 mm (AP) or
5 mm (lateral) of an average knee over their most distal points; a native joint space is
labelled where a condyle bears, 24 mm wide. An osteophyte is what stands out of the smooth
outline of femur, tibia or patella; it is not in their labels.

Angles are those of the picture, between the lines in `axes` and `lines`; all ranges in the spec
are those of the film, which a photograph distorts. They are measured on the medial side (AP) or
the posterior side (lateral):
    alpha: between the femoral shaft's midline, proximally, and the tangent of the two most
        distal points of the component's condyles (native: of the bone's).
    beta: between the tibial shaft's midline, distally, and the tray's underside (native: the
        plateau).
    gamma: between the femoral shaft's midline, proximally, and the component's distal flat,
        posteriorly: the perpendicular of its peg. A flexed component has less than 90 degrees.
    sigma: between the tibial shaft's midline, distally, and the tray's underside (native: the
        plateau), posteriorly: 90 less the posterior slope.
Names and lines follow the Knee Society's roentgenographic evaluation (Ewald, Clin Orthop 1989;
248:9); the order of its zones is recalled, not checked against the figure.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.schema.knee_classes import CLASSES
from fluorojax.simulation import materials, physics
from fluorojax.simulation.draw import RATE, uniforms
from fluorojax.simulation.geometry import coverage, pixel_centres, smooth_noise
from fluorojax.simulation.knee import film as knee_film
from fluorojax.simulation.knee import oblique
from fluorojax.simulation.knee.ap import ap
from fluorojax.simulation.knee.implants import LONGEST_EDGE_MM
from fluorojax.simulation.knee.lateral import lateral
from fluorojax.simulation.knee.models import Design, read_designs
from fluorojax.simulation.knee.parts import NATIVE, TYPES, Case, Shadow, draw_case, shell
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.many import simulate_each
from fluorojax.simulation.mesh import Camera

__all__ = ["CLASSES", "SIDES", "TYPES", "VIEWS", "simulate", "simulate_many"]

VIEWS = ("ap", "lateral")
SIDES = ("left", "right")
LEG_RADIUS_MM = 52.0  # a ray passes at most twice as much of the leg


class Look(NamedTuple):
    """How a film shows the knee, [] each."""

    is_lateral: jax.Array
    is_right: jax.Array
    mirror: jax.Array  # +1: x of the knee points to the right, -1: to the left
    field: jax.Array  # mm, width of the frame in the plane of the knee
    size: jax.Array  # of the knee; 1 is average
    magnification: jax.Array


class Sheet(NamedTuple):
    """The film a knee is shown on."""

    grid: jax.Array  # [H, W, 2] mm of the frame
    x: jax.Array  # [H, W] mm on the film, to the right
    y: jax.Array  # [H, W] mm on the film, down
    pixel: jax.Array  # [] mm
    is_photo: jax.Array  # [] bool, a monitor photographed


class Implanted(NamedTuple):
    """What was implanted in a knee in space."""

    key: jax.Array  # of the shape, where it is of no maker
    designs: tuple[Design, ...]  # of the clinic
    number: jax.Array  # [] which of them, from 1; 0: none

    def label(self, case: Case) -> jax.Array:
        """Return the index [] into `models.design_names`; -1 of a native knee."""
        none = len(self.designs)
        found = jnp.where(self.number > 0, self.number - 1, none)
        return jnp.where(case.kind == NATIVE, -1, found).astype(jnp.int32)


def simulate(key: jax.Array, spec: KneeSpec, in_space: bool = True) -> dict[str, jax.Array]:
    """Simulate one film; pure, and made for `jit` and `vmap`.

    On a CPU use `jax.lax.map` (see `simulate_many`): of the two views only one is computed then.

    The module's docstring gives the label rule and defines the angles.

    Args:
        key: one key, from which all is drawn.
        spec: what is simulated.
        in_space: whether there may be oblique views; without them less is compiled. Static.

    Returns:
        image: [H, W] float32 in [0, 1].
        mask: [H, W, 10] uint8 in {0, 1}, in the order of `CLASSES`.
        type: [] int32, index into `TYPES`.
        design: [] int32, with `spec.implants` alone: index into `models.design_names`, -1: native.
        view: [] int32, index into `VIEWS`; -1 of an oblique view that is neither.
        side: [] int32, index into `SIDES`; -1 where the film does not show it: a lateral one, of
            whose marker not all is in view.
        body_side: [] int32, index into `SIDES`, of every film.
        pixel_mm: [] float32, in the plane of the knee (a photograph's: at its middle).
        magnification: [] float32, detector over knee plane; a film's own spacing, given for the
            detector, is `pixel_mm` times this.
        angles: [2] float32 degrees: (alpha, beta) or (gamma, sigma); NaN where the component that
            it is measured on does not exist: alpha of half a knee, gamma of a native one. This and
            all that follows is true of the knee, also where metal or the frame's end hides it.
        axes: [2, 2, 2] float32, two points (row, column) on the midline of the femoral and of the
            tibial shaft, the nearer to the joint first; they may lie out of view.
        lines: [2, 2, 2] float32, two points of the femoral and of the tibial line, from lateral to
            medial or from anterior to posterior; NaN as in `angles`.
        thickness_mm: [2] float32 medial, lateral: the least distance of the condyle from the tray's
            top (native: the plateau), along the tray's normal; NaN in lateral views.
        radiolucency_mm: [7] float32, width by zone, 0 for none: AP tibia (1 to 4 under the tray
            from medial to lateral; 5 medial of the stem, 6 at its tip, 7 lateral of it), lateral
            femur (1 front, 2 anterior chamfer, 3 posterior chamfer, 4 back, 5 to 7 distal: before,
            under, behind the peg). NaN where there is no such zone: native knees, half a tray's
            missing side and stem, half a femoral component.
        tibial_radiolucency_mm: [3] float32, of the lateral tibia: under the tray in front (1),
            behind (2), around the keel (3); NaN in AP views and where there is no such zone.
        overhang_mm: [2] float32 medial, lateral: the tray beyond the resected tibia, negative where
            it is short of it; NaN in lateral views and where there is no tray.
    """
    view_key, case_key, place_key, film_key = jax.random.split(key, 4)
    turn, is_oblique, is_fluoroscopy = _turn(view_key, spec)
    spec = knee_film.fluoroscopic(spec, is_fluoroscopy)
    look = _look(view_key, spec)
    wide = jnp.maximum(look.field, oblique.LEAST_FIELD_MM)
    look = look._replace(field=jnp.where(is_oblique, wide, look.field))
    place, is_photo = knee_film.placing(place_key, look.field, look.size, look.mirror, spec)
    pixel = look.field / spec.width
    grid = pixel_centres(spec.height, spec.width, pixel)
    x, y = grid[..., 1], grid[..., 0]

    case = draw_case(case_key, look.size, look.is_lateral, spec)
    implant_key = jax.random.fold_in(case_key, 1)
    designs = read_designs(spec.implants, LONGEST_EDGE_MM) if spec.implants else ()
    number = oblique.draw_design(implant_key, case, len(designs), spec.generic_rate)
    implanted = Implanted(implant_key, designs, jnp.where(is_oblique, number, 0))
    shadow = _shadow(case, look, turn, is_oblique, place, (x, y), spec, in_space, implanted)
    view = jnp.where(is_oblique, oblique.view_of(turn), look.is_lateral.astype(jnp.int32))
    sheet = Sheet(grid, *place.flat(x, y), pixel, is_photo)
    image, seen, is_marked = _film(film_key, shadow, look.size, look.is_right, sheet, spec)
    shapes = jnp.stack(jnp.broadcast_arrays(*shadow.shapes), -1)
    return {
        "image": image,
        "mask": ((shapes <= 0.0) & seen[..., None]).astype(jnp.uint8),
        "type": case.kind.astype(jnp.int32),
        "view": view,
        "side": jnp.where((view != 0) & ~is_marked, -1, look.is_right).astype(jnp.int32),
        "body_side": look.is_right.astype(jnp.int32),
        "pixel_mm": pixel,
        "magnification": look.magnification,
        **({"design": implanted.label(case)} if designs else {}),
        **_truth(shadow, place, look.size, pixel, spec),
    }


def simulate_many(keys: jax.Array, spec: KneeSpec, at_once: int = 1) -> dict[str, jax.Array]:
    """Simulate N films of `keys: [N]`.

    Returns:
        What `simulate` gives, each [N, ...]; `at_once` as for `simulate_each`.
    """
    # While JAX traces, the rate has no value yet, and there may be oblique views.
    is_flat = isinstance(spec.oblique_rate, int | float) and spec.oblique_rate == 0
    return _many(keys, spec, at_once, not is_flat)


@functools.partial(jax.jit, static_argnames=("at_once", "in_space"))
def _many(keys: jax.Array, spec: KneeSpec, at_once: int, in_space: bool) -> dict[str, jax.Array]:
    """Do what `simulate_many` says, as one compiled function."""
    return simulate_each(lambda key: simulate(key, spec, in_space), (keys,), at_once)


def _look(key: jax.Array, spec: KneeSpec) -> Look:
    """Draw how a film shows the knee."""
    lateral_draw, right_draw, mirrored, short, wide, narrow, size, magnification = uniforms(
        key,
        *(RATE, RATE, RATE, RATE, spec.field_mm, spec.short_field_mm),
        *(spec.size, spec.magnification),
    )
    is_lateral, is_right = lateral_draw < spec.lateral_rate, right_draw < spec.right_rate
    # The patient faces the observer: medial of a right knee is to the right.
    is_turned = jnp.where(is_lateral, mirrored < spec.mirrored_rate, ~is_right)
    return Look(
        is_lateral=is_lateral,
        is_right=is_right,
        mirror=jnp.where(is_turned, -1.0, 1.0),
        field=jnp.where(short < spec.short_rate, narrow, wide),
        size=size,
        magnification=magnification,
    )


def _turn(key: jax.Array, spec: KneeSpec) -> tuple[oblique.Turn, jax.Array, jax.Array]:
    """Draw from where a knee in space is seen; whether it is one; whether it is fluoroscopy."""
    turn_key, kind_key = jax.random.split(jax.random.fold_in(key, 1))
    in_space, shown = uniforms(kind_key, RATE, RATE)
    is_oblique = in_space < spec.oblique_rate
    is_fluoroscopy = is_oblique & (shown < spec.fluoroscopy_rate)
    return oblique.draw_turn(turn_key, spec), is_oblique, is_fluoroscopy


def _shadow(
    case: Case,
    look: Look,
    turn: oblique.Turn,
    is_oblique: jax.Array,
    place: knee_film.Placing,
    film: tuple[jax.Array, jax.Array],
    spec: KneeSpec,
    in_space: bool,
    implanted: Implanted,
) -> Shadow:
    """Draw the knee in one of the flat views, or in space."""
    x, y = place.to_knee(*film)
    camera = Camera(spec.height, spec.width, look.field / spec.width, oblique.SOURCE_MM)

    def flat() -> Shadow:
        pixel = camera.pixel / look.size
        return jax.lax.cond(look.is_lateral, lateral, ap, case, x, y, pixel)

    def spatial() -> Shadow:
        return oblique.oblique(
            implanted.key, case, turn, place, x, y, camera, implanted.designs, implanted.number
        )

    return jax.lax.cond(is_oblique, spatial, flat) if in_space else flat()


def _film(
    key: jax.Array,
    shadow: Shadow,
    size: jax.Array,
    is_right: jax.Array,
    sheet: Sheet,
    spec: KneeSpec,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the picture, where it shows the film, [H, W] each, and if a whole marker is seen."""
    k = jax.random.split(key, 8)
    pixel = sheet.pixel
    energy, scatter, quanta, focus, blur_px, glare, glare_mm, girth = uniforms(
        k[0],
        *(spec.energy_kev, spec.scatter_ratio, spec.quanta, spec.focus_mm),
        *(spec.blur_px, spec.glare, spec.glare_mm, spec.girth_mm),
    )
    skin = shadow.skin * size - girth
    more = jax.random.split(jax.random.fold_in(key, 1), 5)
    limit, gradient, toward, shading = uniforms(
        more[0], spec.metal_limit, spec.gradient, (0.0, 2 * jnp.pi), spec.shading
    )
    integral, metal = _integrals(k[1], shadow, skin, size, energy, limit)
    marker, ball = knee_film.objects(k[2], sheet.x, sheet.y, is_right, energy, spec, pixel)
    lying = materials.steel(energy) * knee_film.clutter(more[1], sheet.x, sheet.y, spec)
    lead = marker + ball + lying
    slope = (jnp.cos(toward) * sheet.x + jnp.sin(toward) * sheet.y) / sheet.x[0, -1]
    height, width = skin.shape
    uneven = shading * smooth_noise(more[2], height, width, 5)
    integral += gradient / 2 * slope + uneven
    view = physics.collimation(k[3], sheet.grid, pixel, spec)
    # Exposure and window are set for the leg, less its thin edge.
    leg = view * coverage(skin + 8.0, pixel) * jnp.exp(-metal - lead)
    signal = physics.detect(
        k[4],
        integral + metal + lead,
        leg,
        scatter_ratio=scatter,
        quanta=quanta,
        focus_px=focus / pixel,
        blur_px=blur_px,
        glare=glare,
        glare_px=glare_mm / pixel,
        pixel=pixel,
    )
    is_border = knee_film.border(k[5], sheet.x, sheet.y, spec)
    image = jnp.where(is_border, 1.0, knee_film.shown(k[6], signal, leg, view, spec))
    image = jnp.where(knee_film.text(more[3], sheet.x, sheet.y, spec), 1.0, image)
    photo = knee_film.photographed(k[7], image, sheet.x, sheet.y)
    image = jnp.where(sheet.is_photo, photo, image).astype(jnp.float32)
    rows, columns, is_film = knee_film.narrowed(more[4], spec)
    image = image[rows][:, columns]
    seen = (view >= 0.5) & ~is_border & is_film
    is_marked = (marker > 0).any() & jnp.where(marker > 0, seen, True).all()
    return image, seen, is_marked


def _integrals(
    key: jax.Array,
    shadow: Shadow,
    skin: jax.Array,
    size: jax.Array,
    energy: jax.Array,
    limit: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return line integrals [H, W]: of leg and bones, and of metal.

    Hardened and scattered rays leave of a metal's integral m only limit (1 - exp(-m / limit)).
    """
    soft = materials.soft_tissue(energy)
    bone = (materials.cortical_bone(energy) - soft) * shadow.cortical
    texture_key, flesh_key = jax.random.split(key)
    texture = _texture(texture_key, *bone.shape)
    spongy = (materials.trabecular_bone(energy) - soft) * shadow.trabecular
    cement = materials.bone_cement(energy) * shadow.cement
    plastic = (materials.polyethylene(energy) - soft) * shadow.polyethylene
    leg = _flesh(flesh_key, skin)
    metal = (
        materials.cobalt_chrome(energy) * shadow.cobalt
        + materials.titanium_alloy(energy) * shadow.titanium
    )
    hardened = limit * (1.0 - jnp.exp(-size * metal / limit))
    return soft * leg + size * (bone + spongy * texture + cement + plastic), hardened


def _texture(key: jax.Array, height: int, width: int) -> jax.Array:
    """Return relative density [H, W] of spongy bone: trabeculae, most of them upright; drifts."""
    upright, fine, coarse, drift = jax.random.split(key, 4)
    noise = 0.1 * smooth_noise(upright, height, width, (60, 170))
    noise += 0.08 * smooth_noise(fine, height, width, 130)
    noise += 0.05 * smooth_noise(coarse, height, width, 45)
    noise += 0.08 * smooth_noise(drift, height, width, 12)
    return jnp.maximum(1.0 + noise, 0.2)


def _flesh(key: jax.Array, skin: jax.Array) -> jax.Array:
    """Return the depth [H, W] of muscle in mm; fat under the skin counts for less."""
    height, width = skin.shape
    number_key, fold_key, bulk_key = jax.random.split(key, 3)
    fat, stripes = uniforms(number_key, (3.0, 12.0), (0.0, 2.5))
    hard, soft = shell(skin, LEG_RADIUS_MM, fat)
    uneven = stripes * smooth_noise(fold_key, height, width, 24)
    uneven += 4.0 * smooth_noise(bulk_key, height, width, 4)
    return 0.9 * hard + soft + uneven * jnp.clip(-skin / 10.0, 0.0, 1.0)


def _truth(
    shadow: Shadow, place: knee_film.Placing, size: jax.Array, pixel: jax.Array, spec: KneeSpec
) -> dict[str, jax.Array]:
    """Return what is measured, in pixels, degrees and mm."""
    middle = jnp.array([spec.height - 1, spec.width - 1]) / 2

    def pixels(points: jax.Array) -> jax.Array:
        return (place.to_frame(points)[..., ::-1] / pixel + middle).astype(jnp.float32)

    axes, lines = pixels(shadow.axes), pixels(shadow.lines)
    shaft, base = axes[:, 1] - axes[:, 0], lines[:, 1] - lines[:, 0]
    cross = jnp.abs(shaft[:, 0] * base[:, 1] - shaft[:, 1] * base[:, 0])
    return {
        "angles": jnp.rad2deg(jnp.arctan2(cross, (shaft * base).sum(-1))),
        "axes": axes,
        "lines": lines,
        "thickness_mm": size * shadow.thickness,
        "radiolucency_mm": size * shadow.lucency,
        "tibial_radiolucency_mm": size * shadow.tibial_lucency,
        "overhang_mm": size * shadow.overhang,
    }
