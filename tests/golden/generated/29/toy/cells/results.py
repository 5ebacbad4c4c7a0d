results = {"seeds": seeds, "delay": [20.5, 21, 22.25, 19, 25], "delay_control": [1.0, 1, 1.2, 1, 1]}
print(results["delay"])