import numpy as np
import pytest
import torch

from models.allocator.training_watch import PATIENCE, TrainingWatch, means


@pytest.fixture
def parts():
    """A network, its optimizer and schedule, and random numbers."""

    def make(seed=0):
        torch.manual_seed(seed)
        net = torch.nn.Linear(3, 1)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40)
        return net, optimizer, schedule, np.random.default_rng(seed)

    return make


def train(watch, parts, stop_at=None):
    """Fit a line by noisy steps; stop hard where asked."""
    net, optimizer, schedule, rng = parts
    for step in range(watch.resume(*parts), watch.n_steps):
        if step == stop_at:
            return None
        x = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))
        loss = ((net(x) - x.sum(dim=1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if watch.is_over(float(loss.detach()), *parts):
            break
    watch.finish(net)
    return {name: value.tolist() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("stop_at", [3, 17, 39])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(parts, tmp_path, stop_at):
    whole = train(TrainingWatch(40, inputs="a"), parts())
    file = tmp_path / "checkpoint.pt"
    assert train(TrainingWatch(40, inputs="a", file=file), parts(), stop_at) is None
    watch = TrainingWatch(40, inputs="a", file=file)
    assert train(watch, parts(seed=99)) == whole or stop_at < watch.every
    if stop_at >= watch.every:
        assert len(watch.losses) == 40


def test_a_checkpoint_of_other_inputs_is_left_alone(parts, tmp_path):
    file = tmp_path / "checkpoint.pt"
    train(TrainingWatch(40, inputs="a", file=file), parts())
    assert TrainingWatch(40, inputs="b", file=file).resume(*parts()) == 0


def test_learning_stops_when_the_validation_loss_rises_and_the_best_weights_stay(parts):
    seen = []

    def validation_loss(net):
        seen.append([value.clone() for value in net.state_dict().values()])
        return abs(len(seen) - 3.0)

    watch = TrainingWatch(40, validation_loss=validation_loss)
    weights = train(watch, parts())
    assert len(watch.validation) == 3 + PATIENCE
    assert watch.stopped_early
    assert list(weights.values()) == [value.tolist() for value in seen[2]]


def test_a_training_that_had_stopped_early_is_not_gone_on_with(parts, tmp_path):
    file = tmp_path / "checkpoint.pt"
    first = train(TrainingWatch(40, file=file, validation_loss=rising()), parts())
    watch = TrainingWatch(40, file=file, validation_loss=rising())
    assert train(watch, parts(seed=5)) == first
    assert len(watch.validation) == 1 + PATIENCE


def rising():
    values = iter(range(1000))
    return lambda net: float(next(values))


def test_a_long_curve_is_averaged_to_a_hundred_points():
    assert means([1.0, 3.0]) == (1.0, 3.0)
    assert len(means([float(i) for i in range(1000)])) == 100
    assert means([float(i) for i in range(200)])[0] == 0.5
    assert means([]) == ()
