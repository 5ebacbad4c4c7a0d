fig, ax = plt.subplots()
ax.plot(seeds, [double(seed) for seed in seeds])
ax.set(xlabel="seed", ylabel="twice the seed")
plt.show()