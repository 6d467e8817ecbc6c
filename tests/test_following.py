"""Which final training follows a search, and whether it is on the same data."""

import pytest

from enas_viz.recipes import RECIPES, change, recipe
from enas_viz.records.ranking import check_same_data, data_differences
from enas_viz.results.following import SAME_DATA, final_recipe, fitted, on_same_images

DIGITS = {
    "name": "digits",
    "classes": list("0123456789"),
    "shape": [1, 8, 8],
    "fit": "squash",
    "content": "abc",
    "source": None,
}
FINALS = {
    "macro-tiny": "macro-final-tiny",
    "micro-tiny": "micro-final-tiny",
    "macro-cifar10-cpu": "macro-final-cpu",
    "micro-cifar10-cpu": "micro-final-cpu",
    "macro-paper": "macro-final-paper",
    "micro-paper": "micro-final-paper",
    "macro-released": "macro-final-released",
    "micro-released": "micro-final-released",
}


@pytest.mark.parametrize(("search", "final"), FINALS.items())
def test_a_search_of_ours_is_followed_by_the_final_training_of_its_size(search, final):
    wanted = recipe(final)
    if wanted.network.space == "macro":
        layers = recipe(search).network.layers
        wanted = change(wanted, network__layers=layers, fidelity__macro_final_ops="true")

    assert final_recipe(recipe(search)) == wanted
    assert on_same_images(recipe(final), recipe(search)) == recipe(final)  # no plan changes


def test_every_search_of_ours_is_followed_by_something():
    for made in RECIPES.values():
        if made.strategy != "final":
            assert final_recipe(made).strategy == "final"
            assert final_recipe(made).network.space == made.network.space


@pytest.mark.parametrize(("search", "final"), FINALS.items())
def test_a_search_under_another_name_is_followed_by_the_same(search, final):
    mine = change(recipe(search), name="mine", train__epochs=3)

    assert final_recipe(mine).name == final


@pytest.mark.parametrize(
    "changes",
    [
        {"data__name": "flowers"},
        {"data__resolution": 12},
        {"data__fit": "pad"},
        {"data__flip": True},
        {"data__crop_padding": 0},
        {"fidelity__bn_average": "zero_debiased"},
        {"fidelity__skip_wiring": "code"},
        {"network__layers": 9},
    ],
)
def test_what_a_search_changed_of_its_images_and_network_is_taken_over(changes):
    final = final_recipe(change(recipe("macro-tiny"), **changes))

    (path, value), *_ = changes.items()
    part, name = path.split("__")
    assert getattr(getattr(final, part), name) == value


@pytest.mark.parametrize(
    ("searched", "built"), [("add", "add"), ("concat", "add"), ("input", "input")]
)
def test_a_macro_network_reads_its_skips_as_it_did_in_the_search(searched, built):
    search = recipe("macro-tiny", fidelity__skip_merge_search=searched)

    assert final_recipe(search).fidelity.skip_merge_search == built
    paper = fitted(recipe("macro-final-paper"), search)
    assert paper.fidelity.skip_merge_search == searched  # not what that recipe would read


@pytest.mark.parametrize("searched", ["add", "concat"])
@pytest.mark.parametrize("built", ["concat", "add"])
def test_how_a_final_network_merges_its_skips_is_its_own_recipes_choice(searched, built):
    search = recipe("macro-tiny", fidelity__skip_merge_search=searched)
    final = recipe("macro-final-tiny", fidelity__skip_merge_final=built)

    made = fitted(final, search).fidelity

    assert made.skip_merge_final == made.skip_merge(final=True) == built


def test_a_search_whose_skips_are_the_input_is_not_followed_by_a_network_that_adds_them():
    search = recipe("macro-tiny", fidelity__skip_merge_search="input")

    with pytest.raises(ValueError, match="set skip_merge_final to 'concat'"):
        fitted(recipe("macro-final-tiny", fidelity__skip_merge_final="add"), search)


def test_a_stack_of_cells_ends_as_it_did_in_the_search():
    search = recipe("micro-tiny", fidelity__micro_stack="trailing")

    assert final_recipe(search).fidelity.micro_stack == "trailing"


def test_cells_are_built_as_they_were_searched():
    search = recipe("micro-tiny", fidelity__loose_inputs="exclude", fidelity__sep_conv_stack=1)

    final = final_recipe(search)

    assert (final.fidelity.loose_inputs, final.fidelity.sep_conv_stack) == ("exclude", 1)


def test_how_many_images_there_are_belongs_to_the_training():
    final = fitted(recipe("macro-final-tiny"), recipe("macro-tiny", data__train_images=100))

    assert not {"train_images", "valid_images", "holdout"} & set(SAME_DATA)
    assert (final.data.train_images, final.data.holdout) == (0, False)


# ---- the same data


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [1, 16, 16]}, "16×16 pixels in 1 channel instead of 8×8 pixels in 1 channel"),
        ({"classes": ["a", "b"]}, "2 classes (a, b) instead of 10 classes (0, 1, 2, 3, ...)"),
        ({"content": "xyz"}, "images with another content"),
        ({"fit": "pad"}, "data.fit pad instead of squash"),
        ({"name": "mnist", "content": ""}, "'mnist' instead of 'digits'"),
    ],
)
def test_other_data_is_refused_and_can_be_asked_for_by_its_name(change, told):
    now = {**DIGITS, **change}

    with pytest.raises(ValueError, match="found on other data") as caught:
        check_same_data(DIGITS, now)

    assert told in str(caught.value)
    check_same_data(DIGITS, now, other_data=now["name"])
    with pytest.raises(ValueError, match="the other data were named 'svhn', but the training"):
        check_same_data(DIGITS, now, other_data="svhn")


@pytest.mark.parametrize(
    "facts",
    [{"shape": "x"}, {"shape": [1, 2]}, {"name": 5}, {"classes": {}}, {"source": 7}, {"fit": []}],
)
def test_facts_of_images_that_cannot_be_are_refused(facts):
    with pytest.raises(ValueError, match="of the data of a ranking or run must be"):
        check_same_data(facts, DIGITS)


@pytest.mark.parametrize(
    "now",
    [
        DIGITS,
        {**DIGITS, "name": "moved", "source": "elsewhere"},  # equal images under another name
        {"name": "digits", "checksum": "as an older version tells it"},
    ],
)
def test_the_same_data_is_taken_whatever_it_is_called(now):
    assert data_differences(DIGITS, now) == []
    check_same_data(DIGITS, now)
    check_same_data(now, DIGITS)
    check_same_data(None, now)
