"""The graph of a macro network: what feeds what, and which step of the controller decided it.

`candidates` holds every edge that a space allows, `network` only those of one architecture. Layers
count from 0 here. A layer is two nodes, since a skip may run beside the main path between the same
two layers: `op3` computes, `out3` is what comes out once the skips are merged in.

Not here: coordinates (`layout`), words and looks (`scene`, `svg`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx

from enas_viz.spaces import Architecture, Decision, MacroSpace, Order, Space

ALWAYS = -1  # the `born` of what no decision concerns: image, stem, classifier


def macro(space: Space) -> MacroSpace:
    """`space`, once it is sure that it has layers; ValueError for a micro space."""
    if not isinstance(space, MacroSpace):
        raise ValueError("this is about the layers of macro networks; got a micro space of cells")
    return space


def tensor(index: int) -> str:
    """The node whose output is tensor `index`: 0 is the stem, j+1 the output of layer j."""
    return f"out{index - 1}" if index else "stem"


def born_at(plan: tuple[Decision, ...]) -> tuple[dict[int, int], dict[int, int]]:
    """For each layer the step that decides its operation, and the step that decides its skips."""
    ops = {d.at: t for t, d in enumerate(plan) if d.kind == "op"}
    skips = {d.at: t for t, d in enumerate(plan) if d.kind == "skip"}
    return ops, skips


def candidates(space: Space, order: Order = "op-first", merge: str = "add") -> nx.DiGraph:
    """Every node and edge that architectures of `space` choose from.

    merge: `fidelity.skip_merge_search`. Skips lead to a layer's output, but with "input" to its
    operation, which then reads the layer before only if that was chosen, or nothing was.
    Nodes carry kind, layer and born; edges kind ("main" or "skip"), layer and born, skips also
    row (which of the step's draws, -1: none) and source (which tensor), and otherwise, whether the
    edge is taken, too, where its layer chose nothing.
    """
    space = macro(space)
    op_step, skip_step = born_at(space.steps(order))
    shift = 1 if space.wiring == "layer" else 0
    found = nx.DiGraph(layers=space.layers, wiring=space.wiring, order=order, merge=merge)
    found.add_node("image", kind="image", layer=-1, born=ALWAYS)
    found.add_node("stem", kind="stem", layer=-1, born=ALWAYS)
    found.add_edge("image", "stem", kind="main", layer=-1, born=ALWAYS)
    for k in range(space.layers):
        found.add_node(f"op{k}", kind="op", layer=k, born=op_step[k])
        found.add_node(f"out{k}", kind="out", layer=k, born=skip_step.get(k, op_step[k]))
        found.add_edge(f"op{k}", f"out{k}", kind="main", layer=k, born=op_step[k])
        sources = {row + shift: row for row in range(k)}
        if merge != "input" or k == 0:
            found.add_edge(tensor(k), f"op{k}", kind="main", layer=k, born=op_step[k])
        else:
            sources.setdefault(k, -1)  # the layer before, where nothing was chosen
        for source, row in sources.items():
            found.add_edge(
                tensor(source),
                f"op{k}" if merge == "input" else f"out{k}",
                kind="skip",
                layer=k,
                born=skip_step[k],
                row=row,
                source=source,
                otherwise=merge == "input" and source == k,
            )
    found.add_node("head", kind="head", layer=space.layers, born=ALWAYS)
    last = max(op_step[space.layers - 1], skip_step.get(space.layers - 1, 0))
    found.add_edge(
        tensor(space.layers), "head", kind="main", layer=space.layers, born=last
    )  # the network is whole once its last layer is
    return found


def is_on(edge: Mapping[str, Any], bits: Sequence[int]) -> bool:
    """Whether a skip is there, given what its layer chose."""
    return bool(edge["row"] >= 0 and bits[edge["row"]]) or (edge["otherwise"] and not any(bits))


def network(
    architecture: Architecture, order: Order = "op-first", merge: str = "add"
) -> nx.DiGraph:
    """The graph of one architecture: `candidates` without the skips it leaves out; op nodes carry
    the name of their operation as `op`."""
    space = macro(architecture.space)
    found = candidates(space, order, merge)
    found.remove_edges_from(
        [
            (a, b)
            for a, b, edge in found.edges(data=True)
            if edge["kind"] == "skip" and not is_on(edge, architecture.content[edge["layer"]][1:])
        ]
    )
    for k, name in enumerate(space.op_names(architecture)):
        found.nodes[f"op{k}"]["op"] = name
    return found
