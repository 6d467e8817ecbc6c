"""The microscope: REINFORCE's estimates of a policy gradient beside the exact one.

Not here: the numbers (`enas_viz/facts/specimen.py`), drawing (`static/microscope.js`), the still
(`view/compass.py`).
"""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.facts.specimen import RULES, Specimen, load_specimen
from enas_viz.view.assets import look, module
from enas_viz.view.compass import compass_svg, label
from enas_viz.view.export import Drawing, page
from enas_viz.widgets.base import Number, Refused, Whole, Widget

HINT = "A still picture. Run this cell, in JupyterLab or on Binder, to move samples and baseline."
MOST_SAMPLES = 1000
MOST_BASELINE = 1000.0  # either way; rewards are shares, from 0 to 1
MOST_SEED = 2**32 - 1  # the browser's generator has 32 bits
KNOBS = ("samples", "images", "entropy_weight", "seed", "closer")


class Microscope(Widget):
    """Shows what REINFORCE makes of a few samples, where the whole truth is known.

        ev.Microscope()  # the recorded specimen: all 72 macro networks of two layers
        ev.Microscope(specimen, samples=1, baseline="none")

    specimen: what is looked at, or a file of one. samples: that one estimate is the mean of, 1 to
    1000. baseline: "none", "mean", "best", or a number. images: of the minibatch that a reward is
    measured on, one of those recorded. entropy_weight: reward for each nat of entropy, 0 to 1.
    closer: draw the estimates as large as fits; otherwise those without a baseline fit, too.
    Raises ValueError for other values, TypeError for what is no specimen.

    All that is shown is in traits, so it survives in saved notebooks: `samples`, `rule` ("none",
    "mean", "best", or "value" for the number in `baseline`), `images`, `entropy_weight`, `closer`,
    and `seed`, which decides what is drawn. The browser computes by itself, without the kernel.
    """

    _esm = module("microscope.js")
    _css = look("microscope")
    height = 1110  # pixels of a frame around its page
    specimen = traitlets.Dict().tag(sync=True, told=True)
    samples = Whole(20, min=1, max=MOST_SAMPLES).tag(sync=True)
    rule = traitlets.Enum((*RULES, "value"), "none").tag(sync=True)
    baseline = Number(0.0, min=-MOST_BASELINE, max=MOST_BASELINE).tag(sync=True)
    images = Whole(100).tag(sync=True)
    entropy_weight = Number(0.0, min=0.0, max=1.0).tag(sync=True)
    seed = Whole(0, min=0, max=MOST_SEED).tag(sync=True)
    closer = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        specimen: Specimen | str | Path | None = None,
        *,
        samples: int = 20,
        baseline: float | str = "none",
        images: int = 100,
        entropy_weight: float = 0.0,
        seed: int = 0,
        closer: bool = False,
    ) -> None:
        if not isinstance(specimen, Specimen):
            specimen = load_specimen() if specimen is None else load_specimen(specimen)
        self.looked_at = specimen
        if not isinstance(baseline, str | Real):
            raise Refused(
                f"baseline must be a number or one of {', '.join(RULES)}; got {shortened(baseline)}"
            )
        specimen.noise(images)  # says which there are, if this one is not
        value = specimen.baseline(baseline, images) if isinstance(baseline, str) else baseline
        super().__init__(
            specimen=_state(specimen),
            samples=samples,
            rule=baseline if isinstance(baseline, str) else "value",
            baseline=value,
            images=images,
            entropy_weight=entropy_weight,
            seed=seed,
            closer=closer,
        )

    @traitlets.validate("images")
    def _recorded(self, proposal: Any) -> int:
        try:
            self.looked_at.noise(proposal["value"])  # says which there are, if this one is not
        except ValueError as error:
            raise Refused(str(error)) from None
        return proposal["value"]

    def drawing(self) -> Drawing:
        """A still: estimates without a baseline, and with the chosen one (or the mean reward)."""
        return self._still("")

    def _still(self, hint: str) -> Drawing:
        baseline = {"value": self.baseline, "none": "mean"}.get(self.rule, self.rule)
        how = {n: getattr(self, n) for n in KNOBS if n != "closer"}
        return Drawing(compass_svg(self.looked_at, baseline=baseline, hint=hint, **how))

    def html(self) -> str:
        """One complete page that shows this; it needs no kernel and no network."""
        state = {name: getattr(self, name) for name in ("specimen", "rule", "baseline", *KNOBS)}
        return page(state, self.drawing(), "microscope", "REINFORCE under the microscope")

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self._still(HINT)


def _state(specimen: Specimen) -> dict[str, Any]:
    """What the browser needs: the numbers, the networks in words, where all of it comes from."""
    packed = specimen.to_json()
    wanted = ("probabilities", "entropies", "gram", "right")
    return {
        **{name: packed[name] for name in wanted},
        "labels": [label(a) for a in specimen.architectures],
        "facts": _facts(specimen),
    }


def _facts(specimen: Specimen) -> str:
    about, n = specimen.about, len(specimen.architectures)
    if not about:
        return ""
    recipe, sizes = about["recipe"], about["dataset"]
    minibatches = max(len(rows) for rows in specimen.right.values())
    return (
        f"Rewards: {n} networks on {minibatches} minibatches of each size, from "
        f"{sizes['valid']} validation images of {sizes['name']}; shared weights trained by recipe "
        f"{recipe['name']} with {recipe['network']['layers']} layers for "
        f"{recipe['train']['epochs']} epochs, seed {about['seed']}, {about['device']['type']}, "
        f"{about['date']}."
    )
