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