import os

import matplotlib.pyplot as plt

SEED = int(os.environ.get("SEED", "0"))
seeds = [SEED + k for k in range(5)]