"""The search space of the second paper, answered item by item for one network and batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.device_policies import DeviceChoice, choose_device
from models.device_classifier.choose_batch import best_batch, largest_fitting, pieces
from models.device_classifier.choose_idle import idle_answer
from models.device_classifier.choose_question import threads_of
from models.device_classifier.partition import best_partition

if TYPE_CHECKING:
    from components.policy.device_policies import Expected
    from components.policy.device_predictor import Outlook
    from models.device_classifier.choose_question import Question

DEVICE = "Which device?"
SAMPLES = "How many samples?"
THREADS = "How many work groups / threads?"
PARTITION = "How to partition?"
MEMORY = "What memory to use?"
IDLE = "Power saver idle state?"


@dataclass(frozen=True, slots=True)
class Answer:
    """One item of the search space.

    Attributes:
        answer: in a few words.
        why: with the figures behind it.
    """

    question: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything that is said of one network and batch.

    Attributes:
        expected: of every device, with what is strange about the question.
        choice: the policy's, with its probability and what to measure first.
        answers: item by item.
        measure_first: in words; None where the choice is sure.
    """

    expected: Outlook
    choice: DeviceChoice
    answers: tuple[Answer, ...]
    measure_first: str | None


def advise(question: Question) -> Advice:
    """Answer all items.

    Raises:
        PolicyError: the classifier cannot answer: other features, no such objective, no target
            where the policy needs one.
    """
    outlook = question.outlook()
    roomy = tuple(each for each in outlook.devices if _fits(question, each.device))
    choice = choose_device(
        roomy or outlook.devices,
        question.policy,
        sure_from=question.host.predictor.sure_from(question.policy.objective),
        target_ms=question.target_ms,
        is_strange=outlook.is_strange,
    )
    chosen = next(each for each in outlook.devices if each.device == choice.device)
    answers = (
        _device(choice, chosen),
        _samples(question, choice),
        _threads(question, outlook, choice),
        _partition(question),
        _memory(question, chosen),
        Answer(IDLE, *idle_answer(question, choice.device)),
    )
    return Advice(outlook, choice, answers, _measure_first(question, choice, outlook))


def _device(choice: DeviceChoice, chosen: Expected) -> Answer:
    sure = f"P = {choice.p:.2f}" + ("" if choice.is_sure else ", not sure: measure first")
    missed = "" if choice.meets_target is not False else "; the target is missed"
    return Answer(
        DEVICE,
        f"{choice.device} ({sure}{missed})",
        f"{choice.reason}; one batch {chosen.latency_ms:.4g} ms ± "
        f"{100 * chosen.latency_log_sigma:.0f} %, {chosen.energy_j:.4g} J",
    )


def _samples(question: Question, choice: DeviceChoice) -> Answer:
    best = best_batch(question)
    target = "" if question.target_ms is None else f" within {question.target_ms:g} ms"
    if best is None:
        return Answer(SAMPLES, "none", f"not even one input is answered{target} on any device")
    answer = f"{best.batch} at a time on {best.device}"
    why = (
        f"of all sizes{target} that one gives {best.inputs_per_s:.4g} inputs/s at "
        f"{best.joules_per_input:.3g} J each (batch {best.latency_ms:.4g} ms, warm)"
    )
    cut = pieces(question, choice.device)
    if cut is not None:
        why += (
            f"; the batch of {question.batch} on {cut.device} in {cut.count} micro-batches of "
            f"{cut.size}: the first after {cut.first_ms:.4g} ms, the last after "
            f"{cut.total_ms:.4g} ms (in one: {cut.whole_ms:.4g} ms)"
        )
    return Answer(SAMPLES, answer, why)


def _threads(question: Question, outlook: Outlook, choice: DeviceChoice) -> Answer:
    widths = tuple(
        each
        for each in outlook.devices
        if question.kind(each.device) == "cpu" and threads_of(each.device) is not None
    )
    groups = "work groups of GPUs are the driver's choice; nothing here learned of them"
    if not widths:
        return Answer(THREADS, "not learned", f"the table has one width of the CPU only; {groups}")
    best = choose_device(
        widths,
        question.policy,
        sure_from=question.host.predictor.sure_from(question.policy.objective),
        target_ms=question.target_ms,
        is_strange=outlook.is_strange,
    )
    n_threads = threads_of(best.device)
    answer = f"{n_threads} thread{'' if n_threads == 1 else 's'}"
    if question.kind(choice.device) != "cpu":
        answer = f"{answer} if it were the CPU; on {choice.device} the driver's"
    said = ", ".join(
        f"{threads_of(each.device)}: {each.latency_ms:.4g} ms {each.energy_j:.4g} J"
        for each in widths
    )
    return Answer(THREADS, answer, f"{said}; {groups}")


def _partition(question: Question) -> Answer:
    found = best_partition(question)
    if found is None:
        return Answer(PARTITION, "not at all", "the batch is too small to share, or one device is")
    share = f"{found.share:.0%} on {found.first}, {1 - found.share:.0%} on {found.second}"
    figures = (
        f"{share}: {found.latency_ms:.4g} ms, {found.energy_j:.4g} J; against {found.alone} alone "
        f"{found.gain:+.1%} ± {2 * found.log_sigma:.1%}"
    )
    if not found.pays:
        return Answer(PARTITION, f"not at all: {found.alone} alone", f"the best split is {figures}")
    return Answer(
        PARTITION, share, f"{figures}; that they slow each other is not counted: measure it"
    )


def _memory(question: Question, chosen: Expected) -> Answer:
    room = question.host.room(chosen.device)
    needed_mb = question.needed_mb(question.batch)
    if room is None:
        return Answer(
            MEMORY, f"{needed_mb:.4g} MB", f"of {chosen.device}'s memory nothing is known here"
        )
    most = largest_fitting(question, chosen.device)
    kind = "shared with the host, no copy" if room.shares_memory else "its own, copied from pinned"
    fits = "fits" if needed_mb <= room.memory_mb else "does not fit"
    small = [name for name in question.devices if not _fits(question, name)]
    in_pieces = "".join(
        f"; {name} would take it in pieces of {largest_fitting(question, name)}" for name in small
    )
    return Answer(
        MEMORY,
        f"{chosen.device}'s memory ({kind})",
        f"a batch of {question.batch} needs {needed_mb:.4g} MB of {room.memory_mb:.0f}: it {fits}; "
        f"up to {most} inputs would{in_pieces}",
    )


def _measure_first(question: Question, choice: DeviceChoice, outlook: Outlook) -> str | None:
    if choice.is_sure:
        return None
    by_name = {each.device: each for each in outlook.devices}
    takes_ms = sum(by_name[device].latency_ms for device in choice.to_measure)
    strange = f" The question is unlike what was learned from: {'; '.join(outlook.strange)}."
    return (
        f"run one batch of {question.batch} on each of {', '.join(choice.to_measure)}, from the "
        f"state it would be in; that takes about {takes_ms:.3g} ms."
        + (strange if outlook.strange else "")
    )


def _fits(question: Question, device: str) -> bool:
    room = question.host.room(device)
    return room is None or question.needed_mb(question.batch) <= room.memory_mb
