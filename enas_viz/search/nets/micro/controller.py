"""The micro controller: samples cells node by node, and scores given ones.

Per cell two silent warm-up steps give the anchors of the cell's inputs; then every node takes two
source indices by attention over the anchors, two operations, and a silent step that gives its own
anchor. The second cell goes on from the first one's last state, so both are sampled in one pass.

Not here: the LSTM (`lstm.py`), what a reward is and when to update (`enas.py`).
Source: authors' `micro_controller.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import FAVOURED, PRIOR_BIAS, PRIOR_SHIFT, ControllerConfig, Fidelity
from enas_viz.records.trace import Step
from enas_viz.search.nets.lstm import LstmPolicy, pick, stack, taken
from enas_viz.spaces import Architecture, Decision, MicroSpace

NO_SOURCE = -1e9  # logit of a tensor that does not exist yet: probability 0, and no infinities

# (cell, node, side): from 0; the node counts computed nodes only
Place = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class MicroRollout:
    """n pairs of cells as the controller sees them. n samples, C cells, N nodes, O operations.

    picks: (n, C, N, 4) int64, per node index, index, operation, operation. index_logits:
    (n, C, N, 2, N + 1), NO_SOURCE where a tensor does not exist yet; op_logits: (n, C, N, 2, O);
    both shaped as they were sampled from. index_raw, op_raw: before shaping. states: (n, steps, H),
    the LSTM's hidden state after every time-step.
    """

    space: MicroSpace
    config: ControllerConfig
    fidelity: Fidelity
    picks: Tensor
    index_logits: Tensor
    op_logits: Tensor
    index_raw: Tensor
    op_raw: Tensor
    states: Tensor

    @cached_property
    def log_probability(self) -> Tensor:
        """(n,): of all decisions of a sample together."""
        indices = _taken(self.index_logits, self.picks[..., :2])
        ops = _taken(self.op_logits, self.picks[..., 2:])
        return (indices + ops).sum((1, 2, 3))

    @cached_property
    def entropy(self) -> Tensor:
        """(n,) nats, -sum p ln p summed over all decisions of both cells, without gradient."""
        both = (self.index_logits.detach(), self.op_logits.detach())
        log_ps = [F.log_softmax(logits, -1) for logits in both]
        return -sum((log_p.exp() * log_p).sum((1, 2, 3, 4)) for log_p in log_ps)

    @property
    def penalty(self) -> Tensor:
        """(n,) zeros: cells have no skips, so nothing to penalise."""
        return torch.zeros(len(self.picks))

    def architectures(self) -> list[Architecture]:
        return [
            Architecture(self.space, tuple(tuple(map(tuple, cell)) for cell in cells))
            for cells in self.picks.tolist()
        ]

    def logits_of(self, decision: Decision) -> tuple[Tensor, Tensor]:
        """Raw and shaped logits of a decision, each (n, 1, options)."""
        at, what = self._at(0, decision)
        where = (slice(None), *at, slice(0, decision.options))
        raw, shaped = getattr(self, f"{what}_raw"), getattr(self, f"{what}_logits")
        return raw[where][:, None], shaped[where][:, None]

    def steps(self, sample: int, full: bool = False) -> tuple[Step, ...]:
        """The controller's time-steps of one sample, silent ones included.

        full: with what the LSTM held at each step (see `trace.Step.detail`).
        """
        found = []
        for t, decision in enumerate(self.space.steps()):
            picks, logits, detail = (), (), {}
            if decision.kind != "silent":
                at, what = self._at(sample, decision)
                picks = (int(self.picks[sample][*at[:2], at[2] + 2 * (what == "op")]),)
                logits = (tuple(getattr(self, f"{what}_logits")[sample][at].tolist()),)
                logits = (logits[0][: decision.options],)
            if full:
                detail = {"hidden": self.states[sample, t].tolist()}
                if decision.kind != "silent":
                    raw = getattr(self, f"{what}_raw")[sample][at]
                    detail["raw"] = raw[: decision.options].tolist()
            found.append(Step(decision, picks, logits, detail))
        return tuple(found)

    def _at(self, sample: int, decision: Decision) -> tuple[Place, str]:
        cell = self.space.cells.index(decision.cell)
        return (cell, decision.at - 2, decision.side), decision.kind


class MicroController(LstmPolicy):
    """The LSTM policy over a micro space.

    Besides the parameters of `LstmPolicy` it has op_bias (1, O), learned, which joins the
    operations' raw logits. 41 733 parameters at 64 units and five operations.
    """

    def __init__(
        self,
        space: MicroSpace,
        config: ControllerConfig | None = None,
        fidelity: Fidelity | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, config, fidelity, seed)
        favoured = torch.tensor([[op in FAVOURED for op in space.ops]])
        released = self.fidelity.op_prior == "released"
        self.op_bias = nn.Parameter(favoured * (PRIOR_BIAS if released else 0.0))
        shift = torch.where(favoured, PRIOR_SHIFT, -PRIOR_SHIFT)
        self.shifts = {  # what is added to a cell's operation logits, after shaping
            cell: shift if released and cell == "normal" else torch.zeros_like(shift)
            for cell in space.cells
        }

    @property
    def draws_per_sample(self) -> int:
        """How many uniform numbers one sample consumes: one per entry of its flat list."""
        return 4 * self.space.nodes * len(self.space.cells)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        uniforms: Tensor | None = None,
        seed: int = 0,
        given: Tensor | None = None,
    ) -> MicroRollout:
        """n pairs of cells in one batched pass.

        uniforms: (n, draws_per_sample) numbers in [0, 1) that decide everything, in the order of
        the decisions, by default those of `seed`. Row i decides sample i alone, whatever else is in
        the batch. given: (n, draws_per_sample) int64, what is not to be sampled, in that order;
        below 0 where it is.
        """
        uniforms = self._uniforms(n, uniforms, seed)
        space = self.space
        shape = (n, len(space.cells), space.nodes)
        picks = torch.zeros(*shape, 4, dtype=torch.int64)
        uniforms = uniforms.reshape(*shape, 4)
        index_raw = torch.zeros(*shape, 2, space.nodes + 1)
        op_raw = torch.zeros(*shape, 2, len(space.ops))

        def pick_index(at: Place, state: Tensor, keys: Tensor) -> Tensor:
            c, i, side = at
            raw = self._attention(state[:, None], keys)[:, 0]
            index_raw[:, c, i, side, : i + 2] = raw
            picked = pick(self._shaped_index(raw), uniforms[:, c, i, side])
            picks[:, c, i, side] = taken(picked, given, self._entry(c, i, side))
            return picks[:, c, i, side]

        def pick_op(at: Place, state: Tensor) -> Tensor:
            c, i, side = at
            raw = torch.addmm(self.op_bias, state, self.op_softmax)
            op_raw[:, c, i, side] = raw
            logits = self._shaped_op(raw) + self.shifts[space.cells[c]]
            picked = pick(logits, uniforms[:, c, i, side + 2])
            picks[:, c, i, side + 2] = taken(picked, given, self._entry(c, i, side + 2))
            return picks[:, c, i, side + 2]

        states, _ = self._walk(n, pick_index, pick_op)
        return self._rollout(picks, index_raw, op_raw, stack(states))

    def _entry(self, cell: int, node: int, spot: int) -> int:
        """Where a decision stands among all of a sample."""
        return (cell * self.space.nodes + node) * 4 + spot

    def score(self, architectures: Sequence[Architecture]) -> MicroRollout:
        """Given architectures, teacher-forced in one batched pass; differentiable.

        Raises ValueError when an architecture was made in another space.
        """
        self._check_spaces(architectures)
        space, n = self.space, len(architectures)
        picks = torch.tensor([a.content for a in architectures], dtype=torch.int64)
        picks = picks.reshape(n, len(space.cells), space.nodes, 4)
        states, keys = self._walk(
            n,
            lambda at, _state, _keys: picks[:, at[0], at[1], at[2]],
            lambda at, _state: picks[:, at[0], at[1], at[2] + 2],
        )
        taken = stack(states)  # (n, steps, H)
        by_node = taken.reshape(n, len(space.cells), -1, self.config.hidden)[:, :, 2:]
        by_node = by_node.reshape(n, len(space.cells), space.nodes, 5, -1)
        op_raw = by_node[:, :, :, 2:4] @ self.op_softmax + self.op_bias
        queries = by_node[:, :, :, :2].flatten(0, 1).flatten(1, 2)  # (n * C, 2N, H)
        keys = torch.stack([stack(cell) for cell in keys], 1).flatten(0, 1)  # (n * C, N + 1, H)
        index_raw = self._attention(queries, keys).reshape(*picks.shape[:3], 2, -1)
        return self._rollout(picks, index_raw, op_raw, taken)

    def _rollout(
        self, picks: Tensor, index_raw: Tensor, op_raw: Tensor, states: Tensor
    ) -> MicroRollout:
        space = self.space
        exists = torch.ones(space.nodes, space.nodes + 1, dtype=torch.bool).tril(1)[:, None]
        index_logits = torch.where(exists, self._shaped_index(index_raw), NO_SOURCE)
        shifts = torch.cat([self.shifts[cell] for cell in space.cells])  # (C, O)
        op_logits = self._shaped_op(op_raw) + shifts[:, None, None]
        self._check_finite(index_logits, op_logits)
        return MicroRollout(
            space,
            self.config,
            self.fidelity,
            picks,
            index_logits,
            op_logits,
            index_raw,
            op_raw,
            states,
        )

    def _walk(
        self,
        n: int,
        pick_index: Callable[[Place, Tensor, Tensor], Tensor],
        pick_op: Callable[[Place, Tensor], Tensor],
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Steps the LSTM through all cells, asking for each decision in turn.

        Returns the hidden states after every step, (n, H) each, and per cell the keys of the
        anchors that its indices may point at, (n, H) each.
        """
        space, found = self.space, []
        carried = self.fidelity.state_after_anchor == "carried"
        reads, keeps = self._gates()
        op_reads = self.op_embedding @ reads  # of each operation, once for all samples and nodes
        first = (self.start @ reads).expand(n, -1)
        zero = self.start.new_zeros(n, self.config.hidden)
        state, samples = (zero, zero), torch.arange(n)
        keys_of_cells = []

        def step(given: Tensor) -> Tensor:
            nonlocal state
            state = self._lstm(given, state, keeps)
            found.append(state[1])
            return state[1]

        for c in range(len(space.cells)):
            keys, anchor_reads = [], []
            for _ in (0, 1):  # an input's key is known, but reading its anchor gives zeros
                keys.append(step(first) @ self.w1)
                anchor_reads.append(torch.zeros_like(first))
            for i in range(space.nodes):
                given, known, candidates = first, stack(keys), stack(anchor_reads)
                for side in (0, 1):
                    chosen = pick_index((c, i, side), step(given), known)
                    given = candidates[samples, chosen]
                for side in (0, 1):
                    given = op_reads[pick_op((c, i, side), step(given))]
                before = state
                anchor = step(given)
                if not carried:
                    state = before
                keys.append(anchor @ self.w1)
                anchor_reads.append(anchor @ reads)
            keys_of_cells.append(keys[:-1])  # nobody can point at the last node
        return found, keys_of_cells

    def _shaped_index(self, raw: Tensor) -> Tensor:
        return self.config.tanh_constant * torch.tanh(self._tempered(raw))

    def _shaped_op(self, raw: Tensor) -> Tensor:
        bound = self.config.tanh_constant / self.config.op_tanh_reduce
        return bound * torch.tanh(self._tempered(raw))


def _taken(logits: Tensor, picks: Tensor) -> Tensor:
    """Log-probabilities of what was picked, of the shape of `picks`."""
    return F.log_softmax(logits, -1).gather(-1, picks[..., None])[..., 0]
