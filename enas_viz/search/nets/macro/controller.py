"""The macro controller: samples an architecture layer by layer, and scores given ones.

`sample` draws many architectures in one batched pass; `score` teacher-forces given ones and is
differentiable. Both return a `MacroRollout`, which knows log-probabilities, entropies, the skip
penalty, and the steps to record.

Not here: the LSTM (`lstm.py`), what a reward is and when to update (`enas.py`).
Source: authors' `general_controller.py`; skips-first from the article's and the paper's figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from enas_viz.recipes import ControllerConfig, Fidelity
from enas_viz.records.trace import Step
from enas_viz.search.nets.lstm import LstmPolicy, pick, stack, taken
from enas_viz.spaces import Architecture, Decision, MacroSpace


@dataclass(frozen=True, eq=False)
class MacroRollout:
    """n architectures as the controller sees them. n samples, L layers, O operations.

    ops: (n, L) int64. bits: (n, L, L) bool, bits[:, k, j] = layer k takes a skip from j.
    op_logits: (n, L, O) and skip_logits: (n, L, L), shaped as they were sampled from; a skip's
    probability is sigmoid(2 * logit). Entries with j >= k mean nothing and are masked out.
    op_raw, skip_raw: the same before shaping. op_states, skip_states: (n, L, H), the LSTM's hidden
    state at the step that decides a layer's operation, and at the one that decides its skips.
    """

    space: MacroSpace
    config: ControllerConfig
    fidelity: Fidelity
    ops: Tensor
    bits: Tensor
    op_logits: Tensor
    skip_logits: Tensor
    op_raw: Tensor
    skip_raw: Tensor
    op_states: Tensor
    skip_states: Tensor

    @cached_property
    def _earlier(self) -> Tensor:
        return _earlier(self.space.layers)

    @cached_property
    def op_nll(self) -> Tensor:
        """(n, L): negative log-probability of each sampled operation, in nats."""
        return -F.log_softmax(self.op_logits, -1).gather(-1, self.ops[..., None])[..., 0]

    @cached_property
    def skip_nll(self) -> Tensor:
        """(n, L, L): negative log-probability of each sampled bit; 0 where there is no bit."""
        signed = torch.where(self.bits, self.skip_logits, -self.skip_logits)
        return -F.logsigmoid(2 * signed) * self._earlier

    @cached_property
    def log_probability(self) -> Tensor:
        """(n,): of all decisions of a sample together."""
        return -(self.op_nll.sum(1) + self.skip_nll.sum((1, 2)))

    @cached_property
    def entropy(self) -> Tensor:
        """(n,) nats, summed over decisions, without gradient.

        `fidelity.entropy`: "full" sums -p ln p over all options; "sampled" takes only the term of
        what was sampled (authors' macro controller).
        """
        if self.fidelity.entropy == "sampled":
            both = (self.op_nll.detach(), self.skip_nll.detach())
            return sum((nll * torch.exp(-nll)).flatten(1).sum(1) for nll in both)
        log_p = F.log_softmax(self.op_logits.detach(), -1)
        ops = -(log_p.exp() * log_p).sum((1, 2))
        yes, no = 2 * self.skip_logits.detach(), -2 * self.skip_logits.detach()
        skips = -(yes.sigmoid() * F.logsigmoid(yes) + no.sigmoid() * F.logsigmoid(no))
        return ops + (skips * self._earlier).sum((1, 2))

    @property
    def penalty(self) -> Tensor:
        """(n,) the weighted skip penalty, which a sample's loss has, or its reward
        (`fidelity.skip_penalty_in`)."""
        return self.config.skip_weight * self.skip_penalty

    @cached_property
    def skip_penalty(self) -> Tensor:
        """(n,) nats: how far the skip probabilities are from the wanted one; keeps its gradient.

        KL divergence of each bit from `skip_prior`, summed within a layer, averaged over the L-1
        layers that have skips. `fidelity.skip_penalty_on`: of the probability that is sampled,
        sigmoid(2z), or of sigmoid(z) as in the authors' code.
        """
        scale = 2.0 if self.fidelity.skip_penalty_on == "sampling_probability" else 1.0
        yes, no = scale * self.skip_logits, -scale * self.skip_logits
        prior = self.config.skip_prior
        kl = yes.sigmoid() * (F.logsigmoid(yes) - math.log(prior))
        kl = kl + no.sigmoid() * (F.logsigmoid(no) - math.log(1 - prior))
        return (kl * self._earlier).sum((1, 2)) / max(1, self.space.layers - 1)

    def logits_of(self, decision: Decision) -> tuple[Tensor, Tensor]:
        """Raw and shaped logits of a decision, each (n, 1, options); (n, rows, 1) of skips."""
        k = decision.at
        if decision.kind == "op":
            return self.op_raw[:, k, None], self.op_logits[:, k, None]
        return self.skip_raw[:, k, :k, None], self.skip_logits[:, k, :k, None]

    def architectures(self) -> list[Architecture]:
        ops, bits = self.ops.tolist(), self.bits.long().tolist()
        return [
            Architecture(self.space, tuple((op, *row[:k]) for k, (op, row) in enumerate(rows)))
            for rows in (list(zip(o, b, strict=True)) for o, b in zip(ops, bits, strict=True))
        ]

    def steps(self, sample: int, full: bool = False) -> tuple[Step, ...]:
        """The controller's time-steps of one sample, in the order in which it took them.

        full: with what the LSTM held at each step (see `trace.Step.detail`).
        """
        ops, bits = self.ops[sample].tolist(), self.bits[sample].long().tolist()
        op_logits = self.op_logits[sample].tolist()
        skip_logits = self.skip_logits[sample].tolist()
        found = []
        for decision in self.space.steps(self.fidelity.macro_order):
            k, detail = decision.at, self._detail(sample, decision) if full else {}
            if decision.kind == "op":
                found.append(Step(decision, (ops[k],), (tuple(op_logits[k]),), detail))
            else:  # a silent step has no rows
                rows = tuple((z,) for z in skip_logits[k][: decision.rows])
                found.append(Step(decision, tuple(bits[k][: decision.rows]), rows, detail))
        return tuple(found)

    def _detail(self, sample: int, decision: Decision) -> dict[str, list[float]]:
        k = decision.at
        if decision.kind == "op":
            raw, hidden = self.op_raw[sample, k], self.op_states[sample, k]
        else:
            raw, hidden = self.skip_raw[sample, k, : decision.rows], self.skip_states[sample, k]
        return {"raw": raw.tolist(), "hidden": hidden.tolist()}


class MacroController(LstmPolicy):
    """The LSTM policy over a macro space: 41 856 parameters at 64 units and six operations."""

    @property
    def draws_per_sample(self) -> int:
        """How many uniform numbers one sample consumes: one per entry of its flat list."""
        layers = self.space.layers
        return layers * (layers + 1) // 2

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        uniforms: Tensor | None = None,
        seed: int = 0,
        given: Tensor | None = None,
    ) -> MacroRollout:
        """n architectures in one batched pass.

        uniforms: (n, draws_per_sample) numbers in [0, 1) that decide everything, by default those
        of `seed`. Row i decides sample i alone, whatever else is in the batch. given: (n,
        draws_per_sample) int64, what is not to be sampled, in the order of the flat list; below 0
        where it is.
        """
        uniforms = self._uniforms(n, uniforms, seed)
        layers = self.space.layers
        ops = torch.zeros(n, layers, dtype=torch.int64)
        bits = torch.zeros(n, layers, layers, dtype=torch.bool)
        op_raw = torch.zeros(n, layers, len(self.space.ops))
        skip_raw = torch.zeros(n, layers, layers)

        def pick_op(k: int, state: Tensor) -> Tensor:
            at = k * (k + 1) // 2
            raw = state @ self.op_softmax
            picked = taken(pick(self._shaped(raw), uniforms[:, at]), given, at)
            op_raw[:, k], ops[:, k] = raw, picked
            return picked

        def pick_bits(k: int, query: Tensor, keys: Tensor) -> Tensor:
            at = k * (k + 1) // 2 + 1
            raw = self._attention(query[:, None], keys)[:, 0]
            chosen = uniforms[:, at : at + k] < torch.sigmoid(2 * self._shaped(raw))
            chosen = taken(chosen, given, slice(at, at + k))
            skip_raw[:, k, :k], bits[:, k, :k] = raw, chosen
            return chosen

        op_states, queries, _ = self._walk(n, pick_op, pick_bits)
        return self._rollout(ops, bits, op_raw, skip_raw, op_states, queries)

    def score(self, architectures: Sequence[Architecture]) -> MacroRollout:
        """Given architectures, teacher-forced in one batched pass; differentiable.

        Raises ValueError when an architecture was made in another space.
        """
        self._check_spaces(architectures)
        layers = self.space.layers
        ops = torch.tensor([[row[0] for row in a.content] for a in architectures])
        padded = [[(*row[1:], *(0,) * (layers - k)) for k, row in enumerate(a.content)]
                  for a in architectures]  # fmt: skip
        bits = torch.tensor(padded, dtype=torch.bool).reshape(len(architectures), layers, layers)
        ops = ops.reshape(-1, layers)
        op_states, queries, keys = self._walk(
            len(architectures),
            lambda k, _state: ops[:, k],
            lambda k, _query, _keys: bits[:, k, :k],
        )
        op_raw = op_states @ self.op_softmax  # (n, L, O), all at once: nothing waits for them
        skip_raw = self._attention(queries, keys)  # (n, L, L)
        return self._rollout(ops, bits, op_raw, skip_raw, op_states, queries)

    def _rollout(
        self,
        ops: Tensor,
        bits: Tensor,
        op_raw: Tensor,
        skip_raw: Tensor,
        op_states: Tensor,
        skip_states: Tensor,
    ) -> MacroRollout:
        op_logits, skip_logits = self._shaped(op_raw), self._shaped(skip_raw)
        self._check_finite(op_logits, skip_logits)
        return MacroRollout(
            self.space,
            self.config,
            self.fidelity,
            ops,
            bits,
            op_logits,
            skip_logits,
            op_raw,
            skip_raw,
            op_states,
            skip_states,
        )

    # ---- the walk through the decisions

    def _walk(
        self,
        n: int,
        pick_op: Callable[[int, Tensor], Tensor],
        pick_bits: Callable[[int, Tensor, Tensor], Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Steps the LSTM through all layers, asking for each decision in turn.

        Returns three (n, L, H): the hidden states that decide operations, those that query for
        skips, and the keys of the anchors that they query.
        """
        skips_first = self.fidelity.macro_order == "skips-first"
        keeps_state = self.fidelity.state_after_anchor == "carried"
        reads, keeps = self._gates()
        op_reads = self.op_embedding @ reads  # of each operation, once for all samples and layers
        start = self.start.expand(n, -1)
        state = (start.new_zeros(start.shape), start.new_zeros(start.shape))  # cell, hidden
        given = first = (self.start @ reads).expand(n, -1)
        op_states: list[Tensor] = []
        queries: list[Tensor] = []
        anchors: list[Tensor] = []
        keys: list[Tensor] = []
        for k in range(self.space.layers):
            if skips_first:
                if k > 0:
                    state = self._lstm(given, state, keeps)
                    queries.append(state[1])
                    mixed = self._next_input(pick_bits(k, state[1], stack(keys)), anchors)
                    given = mixed @ reads
                else:
                    queries.append(start)  # the first layer asks for no skips
                anchored = self._lstm(given, state, keeps)
                op_states.append(anchored[1])
                given = op_reads[pick_op(k, anchored[1])]
            else:
                state = self._lstm(given, state, keeps)
                op_states.append(state[1])
                given = op_reads[pick_op(k, state[1])]
                anchored = self._lstm(given, state, keeps)
                queries.append(anchored[1])
                if k > 0:
                    mixed = self._next_input(pick_bits(k, anchored[1], stack(keys)), anchors)
                    given = mixed @ reads
                else:
                    given = first
            if keeps_state:
                state = anchored
            anchors.append(anchored[1])
            keys.append(anchored[1] @ self.w1)
        return stack(op_states), stack(queries), stack(keys)

    def _shaped(self, raw: Tensor) -> Tensor:
        return self.config.tanh_constant * torch.tanh(self._tempered(raw))

    def _next_input(self, chosen: Tensor, anchors: list[Tensor]) -> Tensor:
        """What the LSTM reads after skips: a mixture of the chosen anchors; zero if none."""
        weights = chosen.to(self.start.dtype)  # (n, k)
        summed = torch.bmm(weights[:, None], stack(anchors))[:, 0]  # (n, H)
        count = weights.sum(1, keepdim=True)
        if self.fidelity.next_input == "mean":
            return summed / count.clamp(min=1)
        return summed / (1 + count)


def _earlier(layers: int) -> Tensor:
    """(L, L) of 0 and 1: where layer k has a bit for layer j, that is j < k."""
    return torch.ones(layers, layers).tril(-1)
