"""How OpenMP threads wait: they spin for a moment, then sleep, unless the user decided otherwise.

PyTorch computes on the CPU with OpenMP threads. A thread that has finished its share waits for the
others by spinning on its core. When another program needs that core, the thread it waits for gets
no time: on two busy cores a training step then takes several times as long. Threads that never
spin make a step on a quiet machine slower; a short spin keeps both
(`benchmarks/results/*-waiting.json`). OpenMP reads its settings once, when it is loaded, so this
module must be imported before torch is.
"""

import os

# any of these says that the user has decided
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# GNU's OpenMP, which PyTorch uses on Linux, takes the count; others take the policy
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}

if not any(name in os.environ for name in SETTINGS):
    os.environ.update(WAITING)
