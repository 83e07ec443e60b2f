"""Where the README's figures come from: `invoke bench NAME` and `invoke soak NAME`.

A bench measures the factory beside its alternative, in one run, and misses or meets a target that
is stated in its code. A soak is a proof too long for the tests. The last figures of both are
committed in ``figures/``; ``docs/benchmarks.md`` says how to read them.
"""
