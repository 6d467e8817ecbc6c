"""Which final training follows a search: its recipe, with what it must take over from the search.

A network that was searched on some images is trained on the same ones, at the same size, and built
by the same rules. Not here: whether the images are really the same (`ranking.check_same_data`).
"""

from __future__ import annotations

import dataclasses

from enas_viz.recipes import IN_USE, RECIPES, Recipe, change

# Fields of `data` that say which images there are and what a network sees of them. How many of them
# are used, and whether some are held back, belongs to the training.
SAME_DATA = ("name", "resolution", "fit", "crop_padding", "flip")


def final_recipe(search: Recipe) -> Recipe:
    """The recipe of final training for what a search finds, fitted to that search.

    Its size (tiny, cpu, paper, released) is that of the recipe of ours that was searched with; of a
    recipe with another name, that of ours with the most equal fields.
    """
    twins = _searches_with_a_twin(search.network.space)
    name = search.name if search.name in twins else max(twins, key=lambda n: _alike(n, search))
    return fitted(RECIPES[twins[name]], search)


def fitted(final: Recipe, search: Recipe) -> Recipe:
    """A recipe of final training for a network that a search found: `on_same_images`, and of a
    macro network the number of layers and operations that are built as they are named."""
    made = change(on_same_images(final, search), network__ops=search.network.ops)
    if "macro_final_ops" not in IN_USE[made.kind]:
        return made
    made = change(made, network__layers=search.network.layers)
    # Dense final networks have no pooling, but the search has.
    return change(made, fidelity__macro_final_ops="true")


def on_same_images(final: Recipe, search: Recipe) -> Recipe:
    """A recipe of final training with the images of a search, their size and how they are varied,
    and with the fields of fidelity that both kinds of run read."""
    shared = sorted(IN_USE[search.kind] & IN_USE[final.kind])
    changes = {f"data__{name}": getattr(search.data, name) for name in SAME_DATA}
    changes |= {f"fidelity__{name}": getattr(search.fidelity, name) for name in shared}
    merges = [made.fidelity.skip_merge_search for made in (search, final)]
    if "input" not in merges:  # a final network is the same under the two others
        changes.pop("fidelity__skip_merge_search", None)
    return change(final, **changes)


def _searches_with_a_twin(space: str) -> dict[str, str]:
    """Our searches in a space, each with the final training of the same size."""
    found = {}
    for made in RECIPES.values():
        twin = f"{space}-final-{made.name.rpartition('-')[2]}"
        if made.searches and made.network.space == space and twin in RECIPES:
            found[made.name] = twin
    return found


def _alike(name: str, search: Recipe) -> int:
    """How many fields a recipe of ours and a search have in common."""
    ours, its = dataclasses.asdict(RECIPES[name]), dataclasses.asdict(search)
    parts = ("data", "network", "controller", "train", "fidelity")
    return sum(ours[p][field] == its[p][field] for p in parts for field in ours[p])
