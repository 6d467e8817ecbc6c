"""Estimates of a policy gradient as points around the exact one, which points up; and labels.

Not here: what an estimate is (`enas_viz/facts/specimen.py`), the moving picture
(`static/microscope.js`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from enas_viz.facts.specimen import Specimen
from enas_viz.spaces import Architecture
from enas_viz.view import kinds
from enas_viz.view.assets import palette
from enas_viz.view.shapes import standalone

ESTIMATES = 300
WIDTH, HEIGHT = 440, 300  # of one cloud
HEAD, FOOT = 66, 40
ORIGIN = 0.72  # of the height


def compass_svg(
    specimen: Specimen,
    samples: int = 20,
    baseline: float | str = "mean",
    images: int = 100,
    entropy_weight: float = 0.0,
    seed: int = 0,
    hint: str = "",
) -> str:
    """Estimates without and with a baseline side by side, to one scale; a picture that stands
    alone. Left or right of the exact gradient means nothing: it stands for all other directions."""
    how = {"images": images, "entropy_weight": entropy_weight}
    reach = math.sqrt(specimen.variance(samples, **how)) / specimen.slope(**how)
    unit = min((WIDTH / 2 - 14) / max(1.5, 1.3 * reach), (ORIGIN * HEIGHT - 30) / 1.15)
    each = "one sample" if samples == 1 else f"{samples} samples"
    title = f"{ESTIMATES} estimates of a policy gradient, each from {each}; the arrow is the truth"
    parts = [f'<text class="start strong" x="16" y="24">{title}</text>']
    named = {"mean": "the mean reward as baseline", "best": "the best baseline"}
    words = named.get(baseline, f"baseline {baseline}")
    for k, (rule, name) in enumerate(((0.0, "no baseline"), (baseline, words))):
        cloud = specimen.estimates(ESTIMATES, samples, rule, seed=seed, **how)
        angle = sorted(math.degrees(math.atan2(across, along)) for along, across in cloud)
        left = 16 + k * (WIDTH + 20)
        told = f"{name}: median {angle[len(angle) // 2]:.0f}° off"
        parts.append(f'<text class="small start" x="{left}" y="50">{told}</text>')
        parts.append(f'<g transform="translate({left} {HEAD})">{_cloud(cloud, unit)}</g>')
    if hint:
        y = HEAD + HEIGHT + 26
        parts.append(f'<text class="small start" x="16" y="{y}">{hint}</text>')
    height = HEAD + HEIGHT + (FOOT if hint else 14)
    return standalone("".join(parts), 2 * WIDTH + 52, height, title)


def _cloud(cloud: Sequence[tuple[float, float]], unit: float) -> str:
    x0, y0 = WIDTH / 2, ORIGIN * HEIGHT
    dots = []
    for k, (along, across) in enumerate(cloud):
        x = x0 + (1 if k % 2 else -1) * across * unit
        y = y0 - along * unit
        if 3 <= x <= WIDTH - 3 and 3 <= y <= HEIGHT - 3:
            dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>')
    tip, head = y0 - unit, min(9.0, unit / 2)
    ink, blue = (palette()[f"--enas-{name}"][0] for name in ("ink", "conv3x3"))
    return (
        f'<rect class="band" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<path class="rule" d="M0 {y0:g}H{WIDTH}"/>'
        f'<g style="fill:{blue};fill-opacity:.5">{"".join(dots)}</g>'
        f'<path class="truth" style="stroke:{ink};stroke-width:3" '
        f'd="M{x0:g} {y0:g}V{tip + head:.1f}"/>'
        f'<path style="fill:{ink}" d="M{x0:g} {tip:.1f}l{-0.6 * head:.1f} {1.15 * head:.1f}'
        f'h{1.2 * head:.1f}z"/>'
    )


def label(architecture: Architecture) -> str:
    """A small network in a line, such as "conv 3×3, max 3×3 with skip 1"; others as numbers."""
    return kinds.of(architecture.space).label(architecture)
