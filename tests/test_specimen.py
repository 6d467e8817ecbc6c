"""Facts about the closed forms, each against counting everything that a sample can be."""

import itertools
import math

import pytest
from specimens import SPACE, every_sample, made_up

from enas_viz.facts.specimen import ASSET, Specimen, load_specimen, mulberry, save_specimen
from enas_viz.spaces import MacroSpace


def exact(specimen, scores, images, weight=0.0):
    """The gradient of the expected reward, as a sum over everything."""
    found = [0.0] * len(scores[0])
    for p, a, accuracy in every_sample(specimen, images):
        paid = accuracy + weight * specimen.entropies[a]
        found = [f + p * paid * s for f, s in zip(found, scores[a], strict=True)]
    return found


def estimate(specimen, scores, drawn, baseline, weight=0.0):
    paid = [(a, r + weight * specimen.entropies[a] - baseline) for a, r in drawn]
    return [sum(w * scores[a][i] for a, w in paid) / len(drawn) for i in range(len(scores[0]))]


@pytest.mark.parametrize("baseline", [0.0, 0.37, 1.2])
def test_the_estimator_is_unbiased_whatever_the_baseline(baseline):
    specimen, scores = made_up()
    truth = exact(specimen, scores, 10)
    found = [0.0] * len(truth)

    for p, a, reward in every_sample(specimen, 10):
        one = estimate(specimen, scores, [(a, reward)], baseline)
        found = [f + p * x for f, x in zip(found, one, strict=True)]

    assert found == pytest.approx(truth)
    assert specimen.slope(10) == pytest.approx(math.hypot(*truth))


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize(("baseline", "weight"), [("none", 0.0), ("mean", 0.1), (0.9, 0.0)])
def test_the_variance_is_that_of_counting_all_estimates(samples, baseline, weight):
    specimen, scores = made_up()
    truth = exact(specimen, scores, 10, weight)
    how = {"images": 10, "entropy_weight": weight}
    value = specimen.baseline(baseline, **how) if isinstance(baseline, str) else baseline
    found = 0.0

    for drawn in itertools.product(every_sample(specimen, 10), repeat=samples):
        p = math.prod(one[0] for one in drawn)
        made = estimate(specimen, scores, [one[1:] for one in drawn], value, weight)
        found += p * sum((x - y) ** 2 for x, y in zip(made, truth, strict=True))

    assert specimen.variance(samples, baseline, **how) == pytest.approx(found)


def test_drawn_estimates_have_that_mean_and_that_variance():
    specimen, _ = made_up()
    how = {"samples": 5, "baseline": "mean", "images": 10}

    found = specimen.estimates(20_000, **how)

    slope = specimen.slope(10)
    along = sum(x for x, _ in found) / len(found)
    spread = sum((x - 1) ** 2 + y**2 for x, y in found) / len(found) * slope**2
    assert along == pytest.approx(1, abs=0.03)
    assert spread == pytest.approx(specimen.variance(**how), rel=0.03)


def test_an_estimate_is_the_sum_over_its_samples():
    specimen, scores = made_up()
    truth = exact(specimen, scores, 10)
    length = math.hypot(*truth)

    for k, (along, across) in enumerate(specimen.estimates(20, 3, 0.4, 10, seed=7)):
        drawn = list(specimen._samples(3, 10, 7, k))
        made = estimate(specimen, scores, drawn, 0.4)
        inner = sum(x * y for x, y in zip(made, truth, strict=True)) / length**2
        rest = [x - inner * y for x, y in zip(made, truth, strict=True)]
        assert along == pytest.approx(inner)
        assert across == pytest.approx(math.hypot(*rest) / length, abs=1e-9)


def test_no_baseline_has_less_variance_than_the_best():
    specimen, _ = made_up()
    best = specimen.variance(1, "best", 10)

    for k in range(-10, 21):
        assert specimen.variance(1, k / 10, 10) >= best
    assert best < specimen.variance(1, "mean", 10) < specimen.variance(1, "none", 10)


def test_the_variance_falls_with_the_number_of_samples_and_needed_says_when_it_is_enough():
    specimen, _ = made_up()
    n = specimen.needed(images=10)

    assert specimen.variance(40, images=10) == pytest.approx(specimen.variance(1, images=10) / 40)
    assert specimen.cosine(n, images=10) >= math.sqrt(0.5) > specimen.cosine(n - 1, images=10)


def test_rewards_of_the_whole_split_have_no_noise():
    specimen, _ = made_up()

    assert specimen.noise_level(60) == 0
    assert specimen.parts(images=60)[1] == 0
    assert specimen.noise_level(10) > 0
    assert 0.1 < specimen.spread(60) < 0.3


def test_drawn_rewards_are_recorded_ones_and_follow_the_seed():
    specimen, _ = made_up()
    several = [specimen.architectures[3]] * 40
    recorded = {row[3] / 10 for row in specimen.right[10]}

    assert set(specimen.draw(several, 10, seed=1)) == recorded
    assert specimen.draw(several, 10, seed=1) != specimen.draw(several, 10, seed=2)
    with pytest.raises(ValueError, match="the specimen holds"):
        specimen.draw([MacroSpace(2).decode([0, 0, 0])], 10)


def test_what_is_not_there_is_refused():
    specimen, _ = made_up()

    with pytest.raises(ValueError, match="recorded on 10, 60 images; got 100"):
        specimen.rewards()
    with pytest.raises(ValueError, match="one of none, mean, best; got 'good'"):
        specimen.variance(1, "good", 10)
    with pytest.raises(ValueError, match="format 1 is read; got 2"):
        Specimen.from_json({"format": 2})
    with pytest.raises(ValueError, match="format 1 is read; got 'list'"):
        Specimen.from_json([])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("gram", [1.0] * 35, "gram of 8 architectures are 36 numbers"),
        ("gram", [math.nan] * 36, "36 numbers"),
        ("probabilities", ["a"] * 8, "probabilities of 8 architectures are 8 numbers"),
        ("right", {"10": [1, 2, 3]}, "8 counts for each minibatch"),
        ("right", {"10": "!"}, "base64|padding|characters"),
        ("right", None, "lacks what it should hold"),
        ("architectures", [[9, 9, 9]] * 8, "layer 1"),
        ("space", {}, "space"),
    ],
)
def test_what_is_damaged_is_refused_in_a_sentence(name, value, says):
    data = made_up()[0].to_json()

    with pytest.raises(ValueError, match=says):
        Specimen.from_json({**data, name: value})


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "x.json.gz"
    for content in (b"", b"no gzip", ASSET.read_bytes()[:200], ASSET.read_bytes()[:-9]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="x.json.gz holds no specimen"):
            load_specimen(path)


def test_a_saved_specimen_comes_back(tmp_path):
    specimen, _ = made_up()
    save_specimen(specimen, tmp_path / "x.json.gz")

    found = load_specimen(tmp_path / "x.json.gz")

    assert found.space == SPACE
    assert found.right == specimen.right
    assert found.variance(3, "best", 10) == pytest.approx(
        specimen.variance(3, "best", 10), rel=1e-5
    )


def test_the_generator_is_mulberry32():
    uniform = mulberry(0)

    # the sequence of mulberry32 from state 0, as it is published
    assert [uniform() for _ in range(3)] == pytest.approx(
        [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197], abs=1e-12
    )


# ---- the one that ships


def test_the_shipped_specimen_is_small_whole_and_says_where_it_comes_from():
    specimen = load_specimen()

    assert ASSET.stat().st_size < 60_000
    assert len(set(specimen.architectures)) == MacroSpace(2).size == 72
    assert sum(specimen.probabilities) == pytest.approx(1)
    assert specimen.images == (10, 25, 50, 100, 200, 397)
    about = specimen.about
    assert about["recipe"]["network"]["layers"] == 2
    assert (about["seed"], about["device"]) == (0, {"type": "cpu", "threads": 1})
    assert about["dataset"]["name"] == "digits"
    assert about["date"].startswith("2026-")
    assert about["seconds"]["training"] > 1
    assert len(about["versions"]["commit"]) == 12


def test_its_score_vectors_average_to_nothing():
    specimen = load_specimen()
    p = specimen.probabilities

    square = sum(a * b * g for a, row in zip(p, specimen.gram, strict=True)
                 for b, g in zip(p, row, strict=True))  # fmt: skip

    assert abs(square) < 1e-6 * specimen.gram[0][0]
