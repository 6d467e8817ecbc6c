"""Recipes with names: the sources' own, those of a laptop, and small ones for two cores.

Origins: [C] the authors' released code and scripts, [P] the paper, [P0] its early anonymous draft,
where the paper itself says nothing, [A] the article; ours where no source is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from enas_viz.recipes.fidelity import MICRO_PRESETS, PRESETS, Fidelity, presets_of
from enas_viz.recipes.fields import (
    Compute,
    ControllerConfig,
    DataConfig,
    NetworkConfig,
    Recipe,
    TrainConfig,
)

GUIDED_SKIPS = 0.4  # probability of a skip in the guided random search [P]

# cifar10_micro_search.sh [C]
_MICRO_NETWORK = NetworkConfig(space="micro", layers=6, filters=20, aux_weight=0.4)


def _micro_controller(**changes: Any) -> ControllerConfig:
    """The numbers of cifar10_micro_search.sh [C], some changed."""
    released = {"tanh_constant": 1.1, "lr": 3.5e-3, "updates": 30, "samples": 10}
    return ControllerConfig(**(released | changes))


# cifar10_macro_final.sh, cifar10_micro_final.sh [C]; the script has 15 normal cells. With two
# reduction cells 18 give the 4.6 million parameters of the paper's table; with the three of its
# figure (fidelity.micro_stack="trailing") they give 6.2 million.
_MACRO_FINAL = NetworkConfig(layers=24, filters=96, keep_prob=0.5)
_MICRO_FINAL = NetworkConfig(
    space="micro", layers=18, filters=36, keep_prob=0.8, aux_weight=0.4, drop_path_keep=0.6
)
_ALL_IMAGES = DataConfig(holdout=False)
_CUTOUT = DataConfig(holdout=False, cutout=16)
_MACRO_FINAL_TRAIN = TrainConfig(batch_size=100, lr_min=1e-3, l2=2e-4)
_MICRO_FINAL_TRAIN = TrainConfig(epochs=630, batch_size=144, lr_min=1e-4, l2=2e-4)


def _finals() -> Iterator[Recipe]:
    """Final training: the networks of the paper's table, one recipe for each source."""
    macro: dict[str, Any] = {"network": _MACRO_FINAL, "train": _MACRO_FINAL_TRAIN}
    micro: dict[str, Any] = {"network": _MICRO_FINAL, "train": _MICRO_FINAL_TRAIN}
    wide = macro | {"network": dataclasses.replace(_MACRO_FINAL, filters=128)}
    fewer_cells = {"network": dataclasses.replace(_MICRO_FINAL, layers=15)}  # as released
    for name, about, made, data, as_released in (
        ("macro-final", "a macro network", macro, _ALL_IMAGES, {}),
        ("macro-final-wide", "a macro network of more channels", wide, _ALL_IMAGES, {}),
        ("micro-final", "a network of cells", micro, _ALL_IMAGES, fewer_cells),
        ("micro-final-cutout", "a network of cells, with CutOut", micro, _CUTOUT, fewer_cells),
    ):
        common = {"strategy": "final", "data": data, **made}
        yield Recipe(name=name, about=f"final training of {about}, for a GPU", **common)
        presets = presets_of(made["network"].space)
        released = {**common, "fidelity": presets["released"], **as_released}
        yield Recipe(
            name=f"{name}-released",
            about=f"final training of {about} as released, for a GPU",
            **released,
        )
        # [P] 310 epochs (10 + 20 + 40 + 80 + 160), lr_min 0.001, l2 1e-4; what it does not say is
        # as in the scripts
        paper = dict(common, fidelity=presets["paper"])
        paper["train"] = dataclasses.replace(made["train"], epochs=310, lr_min=1e-3, l2=1e-4)
        yield Recipe(
            name=f"{name}-paper",
            about=f"final training of {about} with the paper's numbers, for a GPU",
            **paper,
        )


def _small_finals() -> Iterator[Recipe]:
    """Their twins for two cores, and still smaller ones on digits."""
    small = DataConfig(resolution=16, holdout=False)
    # two cosines: 5 and 10 epochs
    train = TrainConfig(epochs=15, restart_period=5, l2=2e-4, lr_min=1e-4)
    macro = NetworkConfig(layers=6, filters=12, keep_prob=0.8)
    micro = NetworkConfig(space="micro", layers=3, filters=8, keep_prob=0.8, drop_path_keep=0.8)
    digits = DataConfig(name="digits", resolution=8, crop_padding=1, flip=False)
    tiny = TrainConfig(epochs=3, batch_size=32, restart_period=1, lr_min=1e-4)  # 1 and 2 epochs
    for name, about, data, network, schedule in (
        ("macro-final-cpu", "a macro network on 16x16 pixels", small, macro, train),
        ("micro-final-cpu", "a network of cells on 16x16 pixels", small, micro, train),
        (
            *("micro-final-cutout-cpu", "the same with CutOut"),
            *(dataclasses.replace(small, cutout=8), micro, train),
        ),
    ):
        yield Recipe(
            name=name,
            about=f"final training of {about}, for two cores",
            strategy="final",
            data=data,
            network=network,
            train=schedule,
            compute=Compute(threads=1),
        )
    for name, network in (
        ("macro-final-tiny", dataclasses.replace(macro, filters=8)),
        ("micro-final-tiny", micro),
    ):
        yield Recipe(
            name=name,
            about="final training on scikit-learn's digits, for two cores",
            strategy="final",
            data=dataclasses.replace(digits, holdout=False),
            network=network,
            train=tiny,
            compute=Compute(threads=1),
        )


RECIPES: dict[str, Recipe] = {
    made.name: made
    for made in (
        Recipe(
            name="macro-tiny",
            about="macro search on scikit-learn's digits, for two cores",
            data=DataConfig(name="digits", resolution=8, crop_padding=1, flip=False),
            network=NetworkConfig(layers=6, filters=16),
            controller=ControllerConfig(lr=3.5e-3, updates=10, samples=10, reward_images=100),
            train=TrainConfig(epochs=60, batch_size=32, restart_period=60),  # one cosine
            compute=Compute(threads=1),  # networks so small gain nothing from a second core
            keep_steps=10,
        ),
        Recipe(
            name="macro-cifar10-cpu",
            about="macro search on CIFAR-10 at 16x16 pixels, for two cores",
            data=DataConfig(resolution=16),
            network=NetworkConfig(layers=6, filters=16),
            # Seed 0 at this rate had chosen its operations after 600 updates; at half of it,
            # it had barely begun to prefer some after 800.
            controller=ControllerConfig(lr=7e-3, updates=20, samples=10, reward_images=256),
            train=TrainConfig(epochs=70),  # three cosines: 10, 20 and 40 epochs
            compute=Compute(threads=1),
            keep_steps=70,
        ),
        Recipe(
            name="macro-laptop",
            about="macro search on CIFAR-10 with the paper's network and a tenth of its epochs, "
            "for a night on two cores",
            # the rate as measured: benchmarks/results/macro-laptop-rate.json
            controller=ControllerConfig(lr=2.8e-2, updates=15, samples=10, reward_images=256),
            train=TrainConfig(epochs=30),  # two cosines: 10 and 20 epochs
            compute=Compute(threads=1),
            keep_steps=30,
        ),
        Recipe(
            name="macro-paper",
            about="macro search with the paper's numbers, for a GPU",
            controller=ControllerConfig(
                hidden=100,
                tanh_constant=2.5,
                temperature=5.0,
                lr=3.5e-4,
                updates=100,  # [P] 2000 controller steps an epoch, averaged by 20 as in the code
                entropy_weight=0.1,
            ),
            train=TrainConfig(lr_min=1e-3, l2=1e-4),
            fidelity=PRESETS["paper"],
            keep_steps=1000,
        ),
        Recipe(
            name="macro-released",
            about="what the authors' released macro search truly computes, for a GPU",
            fidelity=PRESETS["released"],
            keep_steps=1000,
        ),
        Recipe(
            name="micro-tiny",
            about="micro search on scikit-learn's digits, for two cores",
            data=DataConfig(name="digits", resolution=8, crop_padding=1, flip=False),
            network=NetworkConfig(space="micro", layers=3, filters=8),
            controller=_micro_controller(
                lr=7e-3, op_tanh_reduce=1.0, updates=10, reward_images=100
            ),
            train=TrainConfig(epochs=60, batch_size=32, restart_period=60),
            fidelity=Fidelity(op_prior="none"),
            compute=Compute(threads=1),
            keep_steps=10,
        ),
        Recipe(
            name="micro-cifar10-cpu",
            about="micro search on CIFAR-10 at 16x16 pixels, for two cores",
            data=DataConfig(resolution=16),
            network=NetworkConfig(space="micro", layers=3, filters=8),
            controller=_micro_controller(
                lr=7e-3, op_tanh_reduce=1.0, updates=15, reward_images=256
            ),
            train=TrainConfig(epochs=70),
            fidelity=Fidelity(op_prior="none"),
            compute=Compute(threads=1),
            keep_steps=50,
        ),
        Recipe(
            name="micro-paper",
            about="micro search with the paper's numbers, for a GPU",
            network=_MICRO_NETWORK,
            controller=ControllerConfig(
                hidden=100,
                tanh_constant=2.5,
                temperature=5.0,
                op_tanh_reduce=1.0,
                lr=3.5e-4,
                updates=200,  # [P] 2000 controller steps an epoch, averaged by 10 as in the code
                samples=10,
                entropy_weight=0.1,
            ),
            train=TrainConfig(batch_size=160, lr_min=1e-3, l2=1e-4),  # batch size as in the code
            fidelity=PRESETS["paper"],
            keep_steps=1000,
        ),
        Recipe(
            name="micro-released",
            about="what the authors' released micro search truly computes, for a GPU",
            network=_MICRO_NETWORK,
            controller=_micro_controller(),
            train=TrainConfig(epochs=150, batch_size=160, l2=1e-4),
            fidelity=MICRO_PRESETS["released"],
            keep_steps=1000,
        ),
        *_finals(),
        *_small_finals(),
    )
}
