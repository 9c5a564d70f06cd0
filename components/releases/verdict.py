"""What the gate said of a bundle, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from components.releases.errors import EntryError
from components.releases.strict_json import Fields


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of the gate: what was found, what was needed, and a sentence for people."""

    name: str
    passed: bool
    found: str
    needed: str
    sentence: str

    def to_dict(self) -> dict[str, object]:
        """Lay out for JSON."""
        return {
            "name": self.name,
            "passed": self.passed,
            "found": self.found,
            "needed": self.needed,
            "sentence": self.sentence,
        }

    @classmethod
    def from_object(cls, value: object, where: str) -> RuleResult:
        """Read strictly.

        Raises:
            EntryError: a key is unknown, missing or of another type.
        """
        fields = Fields(value, where)
        rule = cls(
            name=fields.text("name"),
            passed=fields.boolean("passed"),
            found=fields.text("found"),
            needed=fields.text("needed"),
            sentence=fields.text("sentence"),
        )
        fields.close()
        return rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one bundle may be released; it holds for that bundle alone."""

    digest: str
    """Of the bundle that was judged."""
    passed: bool
    rules: tuple[RuleResult, ...]

    def __post_init__(self) -> None:
        if self.passed != (bool(self.rules) and all(rule.passed for rule in self.rules)):
            raise EntryError(
                f"a verdict on bundle {self.digest[:12]}",
                f"it says passed={self.passed}, its rules say otherwise",
                "let the gate write it: it passes when it has rules and all of them pass",
            )

    @classmethod
    def of(cls, digest: str, rules: tuple[RuleResult, ...]) -> Verdict:
        """Sum up rules: all must pass."""
        return cls(digest, bool(rules) and all(rule.passed for rule in rules), rules)

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """The rules that did not pass."""
        return tuple(rule for rule in self.rules if not rule.passed)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        if self.passed:
            return f"all {len(self.rules)} rules of the gate passed"
        return "; ".join(f"{rule.name}: {rule.sentence}" for rule in self.failures)

    def to_dict(self) -> dict[str, object]:
        """Lay out for JSON."""
        return {
            "digest": self.digest,
            "passed": self.passed,
            "rules": [rule.to_dict() for rule in self.rules],
        }

    @classmethod
    def from_object(cls, value: object, where: str) -> Verdict:
        """Read strictly.

        Raises:
            EntryError: a key is unknown, missing or of another type, or the sum is wrong.
        """
        fields = Fields(value, where)
        verdict = cls(
            digest=fields.text("digest"),
            passed=fields.boolean("passed"),
            rules=tuple(
                RuleResult.from_object(rule, f"{where}, rule {number}")
                for number, rule in enumerate(fields.items("rules"), start=1)
            ),
        )
        fields.close()
        return verdict
