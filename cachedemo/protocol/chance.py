"""Random numbers of our own: who seeds `random` gets the numbers that it gives without cachedemo.

They are as well other ones in each process, whatever a project seeds: two that pause alike would meet again.
"""

import os
import random

CHANCE = random.Random()

os.register_at_fork(after_in_child=CHANCE.seed)
