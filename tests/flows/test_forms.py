"""What a person sees in Prefect's form for each flow."""

import pytest
from pydantic import ValidationError

from components.policy.any_bundle import POLICIES
from flows.forms import PipelineForm, PromotionForm, SweepForm
from flows.serve import deployments


def test_every_parameter_has_a_title_and_a_description() -> None:
    n_fields = 0
    for deployment in deployments():
        schema = deployment._parameter_openapi_schema.model_dump()
        for form in schema["definitions"].values():
            for field in form["properties"].values():
                n_fields += 1
                assert field["title"][0].isupper()
                assert field["description"].endswith(".")
        assert all("$ref" in field for field in schema["properties"].values())
    assert n_fields >= 15


@pytest.mark.parametrize(
    "wrong", [{"n_windows": 0}, {"n_points": 0}, {"seed": -1}, {"n_window": 3}, {"why": ""}]
)
def test_what_is_out_of_bounds_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PipelineForm.model_validate(wrong)


def test_the_form_names_every_policy_there_is() -> None:
    choices = PromotionForm.model_json_schema()["properties"]["policy"]["enum"]
    assert tuple(choices) == POLICIES


def test_a_sweep_without_nodes_is_refused() -> None:
    with pytest.raises(ValidationError):
        SweepForm.model_validate({"nodes": [], "why": "to see"})
