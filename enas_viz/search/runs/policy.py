"""Recording the policy of a finished search: from its folder, without images and without training.

The first policy follows from recipe and seed, so it is made again; the final one is in the last
checkpoint. Leaves to others: the file and sampling from it (`enas_viz.records.policy`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from enas_viz.recipes import recipe_from_json
from enas_viz.records.policy import Policy
from enas_viz.records.trace import load_trace
from enas_viz.search.nets.controller import Controller, make_controller
from enas_viz.search.runs import checkpoint, terms
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.maker import others
from enas_viz.search.training.step import within


def record_policy(folder: str | Path) -> Policy:
    """The first and the final policy of the finished search in `folder`.

    Raises FolderError when there is no run, one that is under way or stopped, one without a
    controller, or a controller that other code than ours made.
    """
    folder = terms.folder_of(folder)
    facts = read_run(folder)
    made = recipe_from_json(facts["recipe"])
    if made.strategy != "enas" or "architecture" in facts:
        raise FolderError(f"the run in {folder} has no controller: it is no search by ENAS")
    if by := others(facts.get("made_by", {})):
        raise FolderError(
            f"the run in {folder} was made by other code, from which nobody could sample: {by}"
        )
    path = folder / "trace.jsonl.gz"
    if not path.exists():
        raise FolderError(f"the search in {folder} has not finished; resume it first")
    trace = load_trace(path)
    controller = make_controller(made.space, made.controller, made.fidelity, facts["seed"])
    first = weights_of(controller)
    _take_last(controller, folder, len(trace.records) + 1)
    policy = Policy(trace.header, first, weights_of(controller), trace.digest())
    told = policy.recipe
    if (told.controller, told.fidelity, trace.header.seed) != (
        made.controller,
        made.fidelity,
        facts["seed"],
    ):
        raise FolderError(f"{path} is the trace of another run than {folder / 'run.json'}")
    return policy


def weights_of(controller: Controller) -> dict[str, np.ndarray]:
    """A controller's weights by name, as a `Policy` wants them."""
    return {
        name: weight.detach().cpu().numpy().astype(np.float32)
        for name, weight in controller.named_parameters()
    }


def _take_last(controller: Controller, folder: Path, records: int) -> None:
    """Gives the controller the weights that it had after so many records, all of the trace."""
    for file in checkpoint.found(folder):
        tensors, facts = checkpoint.read(file)
        if facts.get("position", {}).get("records") != records:
            continue
        try:
            controller.load_state_dict(within("controller.", tensors))
        except RuntimeError as error:
            raise FolderError(f"{file} belongs to another run than its folder: {error}") from None
        return
    raise FolderError(
        f"no checkpoint in {folder} is that of the end of its trace, after {records} records"
    )
