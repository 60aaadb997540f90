"""What happens with more: rows, threads, rows in a batch, workers, minutes; each beside the straight line it should be.

make bench ARGS=growth
python -m benchmarks growth minutes --minutes 60
"""
