"""Pictures of a fit: the panels of its page, without drawing them."""

import dataclasses

from tuneful.report.fit.pictures import pictures


def test_an_overview_is_the_first_panels_of_some(size_content):
    found = pictures(size_content())
    names = [panel.name or panel.title for panel in found["overview"]()]
    assert names[0] == "Mean and spread"
    assert names[-3:] == ["J", "dJ", "sigma"]
    assert len(names) == 1 + 3 + 4 + 3
    assert not found["inference"]()
    assert not found["means"]()


def test_units_that_are_named_are_shown_though_they_were_fitted(size_content):
    content = size_content()
    fitted = content.measured["unit"].values[~content.measured["held_out"].values][0]
    (panel,) = pictures(content, [str(fitted), "no such unit"])["curves"]()
    assert panel.name == fitted


def test_titles_say_of_which_label(size_content):
    content = size_content()
    half = ["E", "I"] * 200
    curves = {
        name: curve.assign_coords(compared_as=("unit", half[: curve.sizes["unit"]]))
        for name, curve in (("measured", content.measured), ("start", content.start), ("end", content.end))
    }
    rows = content.result["statistics"]
    about = {"labels": {"E": {}, "I": {}}, "statistics": {"E": rows, "I": rows}}
    told = [e | {"statistics": {"E": e["statistics"], "I": e["statistics"]}} for e in content.evaluations]
    labelled = dataclasses.replace(content, result=content.result | about, evaluations=told, **curves)
    titles = [panel.title for panel in pictures(labelled)["population"]()]
    assert titles == ["Mean and spread of E", "Mean and spread of I"]
