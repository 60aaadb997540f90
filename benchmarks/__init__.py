"""Measurements side by side: what cachedemo costs, next to the barest code that does the same work.

    python -m benchmarks [name ...] [--quick] [--json FILE]

Each measurement is a module with a `measure(bench)` that yields results; its docstring says what is compared with
what, and why that is fair. The two sides always take turns in one run, so that whatever else the machine does hits
both. Nothing here is asserted by a test: a busy machine would fail it for no fault of the code.
"""
