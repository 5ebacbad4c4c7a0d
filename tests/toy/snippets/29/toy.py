# %% [markdown]
# # Toy
# A snippet as small as can be, with a formula: $y = 2 x$.

# %% setup
import os

import matplotlib.pyplot as plt

SEED = int(os.environ.get("SEED", "0"))
seeds = [SEED + k for k in range(5)]

# %% take-home


def double(x: float) -> float:
    """Twice x."""
    return 2 * x


# %% line
fig, ax = plt.subplots()
ax.plot(seeds, [double(seed) for seed in seeds])
ax.set(xlabel="seed", ylabel="twice the seed")
plt.show()

# %% results
results = {"seeds": seeds, "delay": [20.5, 21, 22.25, 19, 25], "delay_control": [1.0, 1, 1.2, 1, 1]}
print(results["delay"])
