"""What a user writes to see one schedule: the article's way, 4 epochs of 8 steps of OneCycleLR."""

import sys

import matplotlib.pyplot as plt  # noqa: TID253  this is the script that a user would write
import torch  # noqa: TID253

EPOCHS = 4
STEPS = 8

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, steps_per_epoch=STEPS, epochs=EPOCHS)

rates = []
for _ in range(EPOCHS * STEPS):
    optimizer.step()
    rates.append(optimizer.param_groups[0]["lr"])
    scheduler.step()

plt.figure(figsize=(10, 5))
plt.plot(range(EPOCHS * STEPS), rates, marker="o", color="black")
plt.title("OneCycleLR")
plt.xlabel("Steps")
plt.ylabel("Learning Rate")
plt.savefig(sys.argv[1])
