"""Facts about the microscope that need no browser: its module says what Python says."""

import pytest
import traitlets
from module import run_module
from specimens import made_up

import enas_viz as ev
from enas_viz.facts.specimen import load_specimen
from enas_viz.view.assets import module, shipped
from enas_viz.view.compass import compass_svg, label

CLOSED = """given.map(({ data, images, weight, rule, samples }) => {
  const s = m.unpackSpecimen(data), t = m.truth(s, images, weight), b = m.baselineOf(s, t, rule);
  const [drawn, noisy] = m.parts(s, t, b);
  return { rewards: t.rewards, spread: t.spread, level: t.level, slope: Math.sqrt(t.square), b,
    drawn, noisy, cosine: m.cosine(t.square, drawn + noisy, samples),
    needed: m.needed(t.square, drawn + noisy) };
})"""
DRAWN = """given.map(({ data, images, samples, baseline, seed, weight }) => {
  const s = m.unpackSpecimen(data), t = m.truth(s, images, weight);
  return m.estimates(s, t, m.drawnSets(s, images, seed, 12, samples), baseline);
})"""


def close(value):
    return pytest.approx(value, rel=1e-6, abs=1e-12)


def rounded(specimen):
    """As it is once it was data."""
    return type(specimen).from_json(specimen.to_json())


def test_the_browser_finds_the_same_closed_forms(tmp_path):
    specimens = [(rounded(made_up()[0]), (10, 60)), (load_specimen(), (10, 100, 397))]
    cases, wanted = [], []
    for specimen, sizes in specimens:
        for images in sizes:
            for rule, weight, samples in (("none", 0.0, 1), ("mean", 0.1, 20), ("best", 0.0, 7)):
                how = {"images": images, "entropy_weight": weight}
                data = specimen.to_json()
                cases.append({"data": data, "images": images, "weight": weight, "rule": rule})
                cases[-1]["samples"] = samples
                drawn, noisy = specimen.parts(1, rule, **how)
                wanted.append(
                    {
                        "rewards": close(specimen.rewards(**how)),
                        "spread": close(specimen.spread(images)),
                        "level": close(specimen.noise_level(images)),
                        "slope": close(specimen.slope(**how)),
                        "b": close(specimen.baseline(rule, **how)),
                        "drawn": close(drawn),
                        "noisy": close(noisy),
                        "cosine": close(specimen.cosine(samples, baseline=rule, **how)),
                        "needed": specimen.needed(baseline=rule, **how),
                    }
                )

    found = run_module(CLOSED, cases, tmp_path, "microscope.js")

    for case, one, other in zip(cases, found, wanted, strict=True):
        if not case["weight"]:  # Python's spread is of accuracies alone
            assert one["spread"] == other["spread"]
        assert {**one, "spread": 0} == {**other, "spread": 0}


def test_the_browser_draws_the_same_estimates(tmp_path):
    shipped = load_specimen()
    cases = [
        {"images": images, "samples": samples, "baseline": 0.6, "seed": seed, "weight": weight}
        for images, samples, seed, weight in ((100, 1, 0, 0.0), (10, 20, 3, 0.1), (397, 90, 5, 0.0))
    ]

    data = shipped.to_json()
    found = run_module(DRAWN, [{**c, "data": data} for c in cases], tmp_path, "microscope.js")

    for case, points in zip(cases, found, strict=True):
        how = {"entropy_weight": case["weight"], "seed": case["seed"]}
        wanted = shipped.estimates(12, case["samples"], 0.6, case["images"], **how)
        for one, other in zip(points, wanted, strict=True):
            assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


def test_the_modules_words(tmp_path):
    expression = """[
      m.times(34.26), m.times(3.44), m.times(1), m.quantile([3, 1, 2], 0.5),
      m.degrees([1, 1]), m.degrees([-1, 0]),
      ...m.sentences({ samples: 1, rule: "none", angles: [80, 90, 99], square: 1, variance: 400,
        bare: 400, share: 0.05, t: { spread: 0.1, level: 0.05, images: 100 }, s: {} }),
      m.sentences({ samples: 20, rule: "mean", angles: [40], square: 1, variance: 10, bare: 400,
        share: 0, t: { spread: 0.1, level: 0, images: 397 }, s: {} })[1],
      m.sentences({ samples: 20, rule: "value", angles: [40], square: 1, variance: 800, bare: 400,
        share: 0, t: { spread: 0.1, level: 0, images: 397 }, s: {} })[1],
    ]"""

    found = run_module(expression, None, tmp_path, "microscope.js")

    assert found[:6] == ["34", "3.4", "1", 2, pytest.approx(45), pytest.approx(180)]
    assert found[6].startswith("An estimate, from a single sample, points 90° away from the truth")
    assert found[7].endswith("it takes 400 samples to come within about 45°.")
    assert "by 10.0 % from network to network, by 5.0 % from minibatch to minibatch" in found[8]
    assert "40 times smaller than without" in found[9]
    assert "2 times greater than without" in found[10]


def test_samples_that_were_drawn_already_are_the_first_of_more(tmp_path):
    """Whatever was asked for before, sets are those of a fresh start; so are estimates."""
    expression = """(() => {
      const s = m.unpackSpecimen(given), t = m.truth(s, s.images[0], 0.01), kept = {};
      const again = [7, 1000, 150, 1].map((n) => m.drawnSets(s, s.images[0], 3, 20, n, kept));
      const fresh = [7, 1000, 150, 1].map((n) => m.drawnSets(s, s.images[0], 3, 20, n));
      const plain = (sets, c) => sets.map(({ samples, which, often, sums }) => {
        const w = which.map((a, i) => (sums[i] + often[i] * (t.weight * s.h[a] - c)) / samples);
        let along = 0, length = 0;
        w.forEach((v, i) => {
          along += v * t.towards[which[i]];
          w.forEach((u, j) => { length += v * u * s.gram[which[i] * s.n + which[j]]; });
        });
        along /= t.square;
        return [along, Math.sqrt(Math.max(0, length / t.square - along ** 2))];
      });
      const made = fresh.map((sets) => m.estimators(s, t, sets));
      const both = [0, 0.4, 0.9].map((c) => fresh.map((sets, i) =>
        [plain(sets, c), m.placed(t, made[i], c)]));
      return { same: JSON.stringify(again) === JSON.stringify(fresh), both };
    })()"""

    found = run_module(expression, ev.Microscope().specimen, tmp_path, "microscope.js")

    assert found["same"]
    for sets in found["both"]:
        for plain, quick in sets:
            for one, other in zip(plain, quick, strict=True):
                assert other == pytest.approx(one, rel=1e-6, abs=1e-6)


def test_the_module_holds_what_it_imports_and_no_name_that_anywidget_would_mistake():
    text = module("microscope.js")

    assert "import " not in text
    assert "export function render" not in text
    assert len(shipped("microscope.js") + shipped("microscope.css")) < 40_000  # its own part


def test_a_page_shows_it_without_a_kernel(tmp_path):
    scope = ev.Microscope(samples=50, baseline="best")

    page = ev.save(scope, tmp_path / "x.html").read_text(encoding="utf-8")

    assert '"rule":"best"' in page
    assert '"samples":50' in page
    assert "https://" not in page
    assert len(page) < 180_000  # the still for pages without JavaScript included
    assert "72 networks on 64 minibatches of each size, from 397 validation images" in page


def test_viewers_that_show_no_widget_get_a_still():
    scope = ev.Microscope(samples=1)

    data, _ = scope._repr_mimebundle_()

    assert data["image/png"]
    svg = scope.drawing().svg
    assert "300 estimates of a policy gradient, each from one sample" in svg
    assert "no baseline: median" in svg
    assert "the mean reward as baseline: median" in svg


def test_a_number_is_a_baseline_too_and_the_still_names_it():
    scope = ev.Microscope(baseline=0.5)

    assert (scope.rule, scope.baseline) == ("value", 0.5)
    assert "baseline 0.5: median" in scope.drawing().svg


def test_options_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="recorded on 10, 25, 50, 100, 200, 397 images; got 7"):
        ev.Microscope(images=7)
    with pytest.raises(traitlets.TraitError):
        ev.Microscope(samples=0)
    with pytest.raises(ValueError, match="one of none, mean, best"):
        ev.Microscope(baseline="good")


def test_a_network_is_told_in_words():
    two = ev.MacroSpace(2)

    assert label(two.decode([0, 5, 1])) == "conv 3×3, then max 3×3 with skip 1"
    assert label(two.decode([1, 0, 0])) == "sep 3×3, then conv 3×3"
    assert label(ev.MacroSpace(4).decode([0] * 10)) == "0 0 0 0 0 0 0 0 0 0"


def test_both_clouds_of_the_still_are_to_one_scale():
    specimen, _ = made_up()

    found = compass_svg(specimen, 5, "best", 10)

    arrows = [part.split('d="')[1].split('"')[0] for part in found.split('class="truth"')[1:]]
    assert len(arrows) == 2
    assert arrows[0] == arrows[1]
