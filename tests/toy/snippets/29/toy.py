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

# %% in-motion
from matplotlib.animation import FuncAnimation

fig, ax = plt.subplots()
(path,) = ax.plot([], [])
(tip,) = ax.plot([], [], "o", color="C1")
ax.set(xlabel="seed", ylabel="twice the seed", xlim=(-0.5, 4.5), ylim=(-0.5, 8.5))


def look(k: int) -> None:
    """Draw the frame of the seed at place k."""
    path.set_data(range(k + 1), [double(seed) for seed in range(k + 1)])
    tip.set_data([k], [double(k)])
    ax.set_title(f"seed {seeds[k]}")


animation = FuncAnimation(fig, look, frames=len(seeds), interval=500)
animation

# %% results
results = {"seeds": seeds, "delay": [20.5, 21, 22.25, 19, 25], "delay_control": [1.0, 1, 1.2, 1, 1]}
print(results["delay"])
