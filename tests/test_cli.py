"""The command line: what it prints, what it refuses, and with which exit code."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest
import torch
from waiting import LONG, wait_for

import enas_viz
from enas_viz import cli
from enas_viz.cli.options import UsageError
from enas_viz.cli.progress import watch
from enas_viz.cli.training import named_architecture
from enas_viz.recipes import recipe
from enas_viz.records.trace import Episode, Epoch, Header, Tick, load_trace
from enas_viz.search.candidates import FALSE_ALARMS
from enas_viz.search.runs import checkpoint
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.spaces.genotypes import genotype
from enas_viz.spaces.published import MACRO, MICRO, decode

TINY = [
    *("--network.layers", "3", "--network.filters", "4", "--train.epochs", "1"),
    *("--train.batch-size", "200", "--controller.updates", "1", "--controller.samples", "2"),
    *("--keep-steps", "1"),
]


def run(capsys, *args: str) -> str:
    cli.main([str(a) for a in args])
    return capsys.readouterr().out


def refused(capsys, *args: str) -> str:
    """The one line that an error prints."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(a) for a in args])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    line = told.strip().splitlines()[-1]
    assert line.startswith("enas-viz: error: ")
    assert "Traceback" not in told
    return line.removeprefix("enas-viz: error: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli") / "run"
    cli.main(["search", "macro-tiny", "--folder", str(made), *TINY])
    return made


def test_without_arguments_it_lists_its_commands(capsys):
    told = run(capsys)

    for command in ("recipes", "search", "resume", "derive", "replay", "decode", "demo"):
        assert f"  {command} " in told


@pytest.mark.parametrize("command", ["search", "resume", "derive", "replay", "decode", "demo"])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])

    assert not caught.value.code
    assert f"usage: enas-viz {command}" in capsys.readouterr().out


def test_version_is_told(capsys):
    assert run(capsys, "--version").strip() == f"enas_viz {enas_viz.__version__}"


def test_recipes_are_listed_with_their_size(capsys):
    told = run(capsys, "recipes")

    for name in ("tiny", "cifar10-cpu", "paper", "released"):
        assert f"macro-{name}" in told
        assert f"micro-{name}" in told
    assert "12 layers, 36 filters, 310 epochs" in told
    assert "8 cells, 20 filters, 150 epochs" in told


def test_a_search_leaves_a_trace_under_the_recipe_that_was_asked_for(folder):
    trace = load_trace(folder)

    assert trace.space.layers == 3
    assert trace.header.recipe["network"]["filters"] == 4
    assert len(trace.episodes) == 2


def test_a_preset_and_a_fidelity_field_reach_the_trace(capsys, tmp_path):
    where = tmp_path / "run"

    run(
        *(capsys, "search", "macro-tiny", "--folder", where, *TINY, "--preset", "released"),
        *("--fidelity.entropy", "full"),
    )

    fidelity = load_trace(where).header.fidelity
    assert fidelity["macro_dispatch"] == "last_branch"
    assert fidelity["entropy"] == "full"
    assert "(`enas-viz decode --wiring code` reads it)" in run(capsys, "derive", where, "--n", "2")


def test_derive_ranks_candidates(capsys, folder):
    rows = json.loads(run(capsys, "derive", folder, "--n", "4", "--json"))
    table = run(capsys, "derive", folder, "--n", "4")

    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(rows) == 4
    assert "397 validation images" in table
    assert f"The first as a flat list:\n{rows[0]['flat']}" in table


def test_a_micro_search_runs_and_its_candidates_are_shown_node_by_node(capsys, tmp_path):
    fields = [v for v in TINY if v != "--keep-steps"][:-1]
    run(capsys, "search", "micro-tiny", "--folder", tmp_path / "run", *fields)

    table = run(capsys, "derive", tmp_path / "run", "--n", "2")

    assert re.search(r"normal +3: \w+\([12]\) \+ \w+\([12]\)  4: ", table)
    assert table.count("reduction  3: ") == 2


def test_resuming_a_finished_run_says_so(capsys, folder):
    assert "has finished" in run(capsys, "resume", folder)


@pytest.mark.parametrize("name", ["replay.html", "still.svg", "still.png"])
def test_replay_writes_a_page_or_a_still(capsys, folder, tmp_path, name):
    told = run(capsys, "replay", folder, "--out", tmp_path / name)

    trace = load_trace(folder)
    said = f"it shows episode {trace.best.n} first: {trace.best_of}"
    assert told.strip() == f"wrote {tmp_path / name}\n{said}"
    assert (tmp_path / name).stat().st_size > 1000


def test_replay_of_an_episode_that_is_not_there_is_refused(capsys, folder):
    assert "no episode with n = 999" in refused(capsys, "replay", folder, "--episode", "999")


def test_decode_explains_macro_lists_and_says_how_it_read_them(capsys):
    told = run(capsys, "decode", "0 3 1 5 1 1 2 1 0 1")

    assert "layer wiring (the default for bare lists); for code wiring: ev.decode(..., wi" in told
    assert "layer 4: conv5x5 of layer 3; skips from layer 1, layer 3" in told


def test_decode_wires_what_the_authors_program_prints_as_it_does_unless_asked_otherwise(capsys):
    printed = "[2]\n[0 1]\n[3 1 0]\n[4 0 1 1]\nval_acc=0.6875"

    told = run(capsys, "decode", printed)
    asked = run(capsys, "decode", printed, "--wiring", "layer")

    assert "code wiring (as the authors' program builds it); for layer wiring: ev.dec" in told
    assert "layer 4: avg3x3 of layer 3; skips from layer 1, layer 2" in told
    assert "layer wiring (as asked)" in asked
    assert "layer 4: avg3x3 of layer 3; skips from layer 2, layer 3" in asked


def test_what_is_trained_is_read_as_decode_reads_it_and_keeps_how():
    made, printed = recipe("macro-final-tiny"), "[2]\n[0 1]"

    read, origin = named_architecture(printed, made, 0)
    asked, _ = named_architecture(printed, made, 0, "layer")

    assert (read, origin) == (
        decode(printed).architecture,
        {"how": "given", "read": decode(printed).how},
    )
    assert (read.space.wiring, asked.space.wiring) == ("code", "layer")


def test_a_bare_list_is_wired_as_the_recipe_says_unless_asked_otherwise():
    made, wirings = recipe("macro-final-released"), {}
    for asked in (None, "layer"):
        wirings[asked] = named_architecture("0 3 1", made, 0, asked)[0].space.wiring

    assert made.fidelity.skip_wiring == "code"
    assert wirings == {None: "code", "layer": "layer"}
    assert named_architecture("0 3 1", recipe("macro-final-tiny"), 0)[0].space.wiring == "layer"
    assert named_architecture("article-macro", made, 0)[0].space.wiring == "layer"


def test_a_published_network_under_another_wiring_is_not_called_the_published_one():
    made = recipe("macro-final-released")

    assert named_architecture("enas-macro", made, 0)[1]["how"] == "published"
    assert named_architecture("enas-macro", made, 0, "layer")[1]["how"] == "given"


@pytest.mark.parametrize("text", ["random", "derived.json"])
def test_what_brings_its_own_wiring_is_not_asked_for_another(text):
    with pytest.raises(UsageError, match="--wiring says how a list is read; --arch .* is none"):
        named_architecture(text, recipe("macro-final-tiny"), 0, "code")


def test_decode_reads_the_published_macro_list_under_code_wiring(capsys):
    told = run(capsys, "decode", str(MACRO.flat))

    assert "code wiring (as it equals the published 24-layer network)" in told
    assert "layer 3: conv3x3 of layer 2; skips from the stem" in told


def test_decode_explains_micro_lists(capsys):
    told = run(capsys, "decode", str(MICRO.flat))

    assert "node 3: avg3x3 of 1, plus sep3x3 of 1" in told
    assert "joined: 3, 5, 6, 7" in told


def test_decode_explains_every_number_when_asked_to(capsys):
    short, long = (
        run(capsys, "decode", "enas-micro"),
        run(capsys, "decode", "enas-micro", "--numbers"),
    )

    assert short.endswith("`--numbers` explains every number of the flat list\n")
    assert "the flat list, number by number (position, value, meaning):\n 1   0   normal" in long
    assert len(long.splitlines()) == len(short.splitlines()) - 1 + 2 + 40


@pytest.mark.parametrize(
    "text",
    [
        '--child_fixed_arc="0 3 1"',
        "--child_fixed_arc=0",
        "--------\n[0]\n[3 1]\nval_acc=0.5000\n--------",
    ],
)
def test_decode_takes_lines_of_the_authors_that_begin_like_an_option(capsys, text):
    assert "the authors' " in run(capsys, "decode", text)


def test_decode_takes_genotypes(capsys):
    told = run(capsys, "decode", genotype(MICRO))

    assert told.startswith("read as a DARTS genotype: a normal cell and a reduction cell of 5")
    assert "node 3: avg3x3 of 1, plus sep3x3 of 1" in told


def test_decode_draws_when_asked_to(capsys, tmp_path):
    run(capsys, "decode", "0 3 1 5 1 1 2 1 0 1", "--out", tmp_path / "net.svg")

    drawn = (tmp_path / "net.svg").read_text()
    assert drawn.lstrip().startswith("<")
    assert "layer wiring" in drawn


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["serach"], "no command 'serach'"),
        (["search"], "Name of a recipe"),
        (["search", "macro-tny"], "did you mean 'macro-tiny'?"),
        (["search", "macro-tiny", "--train.epoch", "3"], "did you mean 'train.epochs'?"),
        (["search", "macro-tiny", "--train.epochs", "many"], "'many'"),
        (["search", "macro-tiny", "--train.epochs", "0"], "train.epochs must be greater than 0"),
        (["search", "macro-tiny", "--fidelity.clip", "hard"], "invalid choice 'hard'"),
        (["search", "macro-tiny", "--fidelity.cutout", "corner"], "fidelity.cutout concerns"),
        (["search", "macro-tiny", "--preset", "rumour"], "'rumour'"),
        (["search", "macro-tiny", "--data", "/nowhere"], "no dataset '/nowhere'"),
        (["search", "macro-tiny", "--device", "abacus"], "device 'abacus' is not available"),
        (["search", "macro-tiny", "--seed", "-1"], "a seed must be from 0 to"),
        (["resume", "/nowhere"], "/nowhere holds no run"),
        (["derive", "/nowhere"], "/nowhere holds no run"),
        (["replay", "/nowhere"], "no trace '/nowhere'"),
        (["decode", "0 7"], "no architecture has a list of 2 numbers"),
        (["decode", "0 one 0"], "'one'"),
        (["decode", "enas-mirco"], "there are enas-macro, enas-micro"),
        (["decode", "Genotype(normal=[('none', 0), ('none', 1)])"], "no operation 'none'; known"),
        (["recipes", "all"], "takes no arguments"),
        (["demo", "--fast"], "knows no '--fast'"),
    ],
)
def test_an_error_that_the_user_can_mend_is_one_line_and_exit_code_2(
    capsys, tmp_path, monkeypatch, args, told
):
    monkeypatch.chdir(tmp_path)

    assert told in refused(capsys, *args)
    assert not list(tmp_path.iterdir())  # nothing is made, nothing overwritten


def test_a_newer_trace_is_refused_with_the_version_that_reads_it(capsys, tmp_path):
    (tmp_path / "new.jsonl").write_text('{"type":"header","format":[9,0],"space":{}}\n')

    told = refused(capsys, "replay", tmp_path / "new.jsonl")

    assert "enas_viz 9.0 or newer reads it" in told


def test_a_second_search_in_the_same_folder_is_refused(capsys, folder):
    told = refused(capsys, "search", "macro-tiny", "--folder", folder)

    assert "holds a run already and is not overwritten" in told


def test_ctrl_c_leaves_a_checkpoint_of_the_very_minibatch(tmp_path):
    where = tmp_path / "run"
    args = [sys.executable, "-m", "enas_viz", "search", "macro-tiny", "--folder", str(where)]
    process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    trace = where / "trace.jsonl"
    wait_for(lambda: trace.exists() and len(trace.read_bytes().splitlines()) >= 20, process)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=LONG)[1]

    assert process.returncode == 130
    assert f"go on with `enas-viz resume {where}`" in told
    facts = checkpoint.read(checkpoint.found(where)[0])[1]
    assert facts["position"]["records"] == len(trace.read_bytes().splitlines())


def test_a_demo_does_not_clear_a_folder_that_holds_other_files(capsys, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")

    assert "thesis.tex" in refused(capsys, "demo", "--quick", "--folder", tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_demo_does_not_clear_one_that_is_running(capsys, tmp_path):
    with filelock.FileLock(tmp_path / "run.lock"):
        told = refused(capsys, "demo", "--quick", "--folder", tmp_path)

    assert "a demo is running in" in told


@pytest.mark.slow
def test_the_demo_at_its_smallest_runs_twice_and_writes_everything(capsys, tmp_path):
    where = tmp_path / "demo"
    for _ in range(2):  # the second one replaces the first
        told = run(capsys, "demo", "--quick", "--folder", where)

    assert "Under shared weights: 4 architectures each, on all 397 validation images" in told
    assert "Trained alone: 2 architectures each" in told
    written = {p.name for p in where.iterdir()}
    assert {"trace.jsonl.gz", "replay.html", "results.json", "run.json"} <= written
    assert any(name.startswith("checkpoint-") for name in written)
    results = json.loads((where / "results.json").read_text())
    assert len(results["shared_weights"]["policy"]) == 4


def test_commands_that_only_look_load_no_torch():
    code = (
        "import sys; from enas_viz import cli; cli.main(['decode', '0 3 1']);"
        "cli.main(['recipes']); assert 'torch' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "enas_viz", "recipes"], check=True, capture_output=True, text=True
    )

    assert "macro-tiny" in done.stdout


def test_the_bar_of_a_resumed_search_moves_on_from_where_it_stands(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    def ticks():
        yield Header(MacroSpace(2))
        for k in range(60, 80):
            time.sleep(0.05)
            yield Tick("weights", 6, k, 100, k / 100)

    watch(ticks(), 10, tmp_path)

    told = capsys.readouterr().err
    shown = [int(p) for p in re.findall(r"(\d+)%", told)]
    assert len({p for p in shown if p >= 60}) >= 4  # it does not wait for another such leap
    assert "<00:00" not in told.split("66%")[0].split("61%")[-1]  # much is left to be done


def test_a_training_says_which_layers_its_network_is_built_without(capsys, tmp_path):
    base = ("macro-final-tiny", "--train.epochs", 1, "--network.filters", 4)
    base += ("--network.layers", 4, "--data.train_images", 40)
    network = ("--arch", "0, 1 0, 2 1 0, 3 1 0 1")  # layer 2 is read by nothing

    plain = run(capsys, "train", *base, *network, "--folder", tmp_path / "a")
    changed = ("--fidelity.skip_merge_search", "input", "--folder", tmp_path / "b")
    paper = run(capsys, "train", *base, *network, *changed)

    assert "nothing reads" not in plain
    assert "nothing reads layer 2: the network is built without it" in paper


def test_one_architecture_is_trained_resumed_and_told(capsys, tmp_path):
    run(capsys, "search", "macro-tiny", "--folder", tmp_path / "search", *TINY)
    told = run(capsys, "derive", tmp_path / "search", "--n", "3", "--batches", "1")
    ranking = json.loads((tmp_path / "search" / "derived.json").read_text())
    assert "on the same 200 validation images" in told
    assert f"{FALSE_ALARMS} of rankings, not in 5 %" in told  # what its p-values do not correct
    assert ranking["candidates"][0]["p_value"] == 1
    layers = len(ranking["candidates"][0]["architecture"]["content"])

    run(
        *(capsys, "train", "macro-final-tiny", "--folder", tmp_path / "final"),
        *("--arch", tmp_path / "search" / "derived.json", "--train.epochs", "1"),
        *("--network.layers", layers, "--network.filters", "4"),
    )

    trace = load_trace(tmp_path / "final")
    assert trace.result.images == 400
    assert trace.header.extra["architecture"] == ranking["candidates"][0]["architecture"]["content"]
    facts = json.loads((tmp_path / "final" / "run.json").read_text())
    origin = facts["architecture_from"]
    assert (origin["how"], origin["recipe"], origin["seed"]) == ("derive", "macro-tiny", 0)
    assert origin["data"]["name"] == "digits"
    assert "has finished; nothing is left" in run(capsys, "resume", tmp_path / "final")
    assert "candidates come from a search" in refused(capsys, "derive", tmp_path / "final")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("macro-tiny", "--arch", "random"), "macro-tiny is a search; one architecture is trained"),
        (("macro-final-tiny",), "--arch"),
        (("macro-final-tiny", "--arch", "enas-macro"), "set network.layers to 24"),
        (("macro-final-tiny", "--arch", "no.json"), "no file no.json; `enas-viz derive FOLDER`"),
        (("macro-final-tiny", "--arch", "enas-micro"), "cannot be read as macro"),
        (("macro-final-tiny", "--arch", "random", "--data", "/nowhere"), "no dataset '/nowhere'"),
    ],
)
def test_a_training_that_cannot_be_is_refused(capsys, tmp_path, arguments, told):
    assert told in refused(capsys, "train", *arguments, "--folder", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_error_in_a_training_points_to_its_own_help(capsys):
    told = refused(
        capsys, "train", "macro-final-tiny", "--arch", "random", "--train.epochs", "many"
    )

    assert "see `enas-viz train --help`" in told


def test_a_reader_that_has_read_enough_is_no_error():
    command = f"{sys.executable} -m enas_viz decode enas-micro --numbers | true"

    done = subprocess.run(command, shell=True, capture_output=True, text=True)

    assert done.stderr == ""


def test_a_random_network_for_a_dense_training_has_only_what_can_be_dense():
    made = recipe("macro-final-released")

    drawn, origin = named_architecture("random", made, 0)

    assert made.fidelity.macro_final_ops == "dense"
    assert not {"avg3x3", "max3x3"} & set(drawn.space.op_names(drawn))
    assert origin == {"how": "random", "seed": 0, "skip_rate": 0.4}


def test_another_kind_of_search_is_judged_by_its_own_fields(capsys, tmp_path):
    fields = [v for v in TINY if v != "--keep-steps"][:-1]
    micro = ["--network.space", "micro", "--network.nodes", "2"]

    run(
        *(capsys, "search", "macro-tiny", "--folder", tmp_path / "run", *fields, *micro),
        *("--fidelity.op-prior", "none", "--preset", "released"),
    )

    fidelity = load_trace(tmp_path / "run").header.fidelity
    assert (fidelity["op_prior"], fidelity["reward_bn"]) == ("none", "batch")
    told = refused(capsys, "search", "macro-tiny", *micro, "--fidelity.skip-wiring", "code")
    assert "a micro search reads" in told


# ---- whatever a stranger's shell makes of it


def shell(command: str, timeout: float = 120) -> subprocess.CompletedProcess:
    """What a shell makes of a command line, in which `enas-viz` is ours."""
    ours = shlex.quote(sys.executable) + " -m enas_viz"
    command = command.replace("enas-viz", ours)
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=timeout)


@pytest.mark.parametrize(
    "command",
    [
        "enas-viz recipes | true",
        "enas-viz | true",
        "enas-viz search --help | true",
        "enas-viz recipes >&-",
        "enas-viz recipes <&- >&- 2>&-",
        "enas-viz nonsense 2>&-",
        "enas-viz reproduce macro --size tiny <&-",
    ],
)
def test_a_closed_input_or_output_gives_no_traceback(command, tmp_path):
    done = shell(f"cd {shlex.quote(str(tmp_path))}; {command}")

    assert not {"Traceback", "Exception"} & set(re.findall(r"\w+", done.stderr))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_behind_standard_output_is_told_in_a_line():
    done = shell("enas-viz recipes > /dev/full")

    assert done.returncode == 2
    assert done.stderr == "enas-viz: error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("columns", [1, 3, 30])
def test_help_ends_in_a_terminal_of_any_width(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))

    with pytest.raises(SystemExit):
        cli.main(["search", "--help"])

    assert "--preset" in capsys.readouterr().out


def test_an_error_keeps_its_words_whole_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "8")

    told = refused(capsys, "search", "macro-tiny", "--fidelity.clip", "hard")

    assert "invalid choice 'hard'" in told


@pytest.mark.parametrize(
    "args",
    [
        ["search", "macro-tiny", "--folder", ""],
        ["search", "macro-tiny", "--folder="],
        ["search", "macro-tiny", "--data", ""],
        ["search", "macro-tiny", "--data.name", ""],
        ["resume", ""],
        ["resume", "run", "--data="],
        ["derive", ""],
        ["derive", "run", "--out", ""],
        ["train", "--from", ""],
        ["train", "macro-final-tiny", "--arch", "random", "--data", ""],
        ["reproduce", "macro", "--yes", "--folder", ""],
        ["results", "run", ""],
        ["results", "--out="],
        ["gallery", "--out", ""],
        ["replay", "macro-tiny", "--out", ""],
        ["decode", "0", "--out", ""],
        ["demo", "--folder", ""],
    ],
)
def test_no_path_is_not_taken_for_the_folder_where_a_command_runs(
    capsys, tmp_path, monkeypatch, args
):
    monkeypatch.chdir(tmp_path)

    told = refused(capsys, *args)

    assert "is empty; for the folder where you are, write a dot: ." in told or (
        "no dataset ''" in told
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../x", "a/b", "a\\b", " a", "a\n", "\x1b[31m", "a" * 101, "a:b"]
)
def test_a_run_has_its_folder_in_runs_whatever_its_name(capsys, tmp_path, monkeypatch, name):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")

    for command in (["search", "macro-tiny"], ["train", "macro-final-tiny", "--arch", "random"]):
        told = refused(capsys, *command, "--name", name, *TINY[:4])
        assert "choose another --name, or give the folder by --folder" in told

    assert not list((tmp_path / "in").iterdir())
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    "args",
    [
        ["search", "macro-tiny", "--name", "caf\udce9"],
        ["search", "macro-tiny", "--folder", "caf\udce9"],
        ["replay", "caf\udce9"],
        ["caf\udce9"],
    ],
)
def test_an_argument_that_is_no_text_is_refused_at_the_start(capsys, tmp_path, monkeypatch, args):
    monkeypatch.chdir(tmp_path)

    assert "is not text in UTF-8: 'caf\\udce9'" in refused(capsys, *args)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    ],
)
def test_out_of_memory_is_told_in_a_sentence(capsys, monkeypatch, tmp_path, error):
    def full(*args, **kwargs):
        raise error

    monkeypatch.setattr("enas_viz.search.runs.run.build", full)

    told = refused(capsys, "search", "macro-tiny", "--folder", tmp_path / "run")

    assert "ran out of memory (" in told
    assert "smaller values need less of it: train.batch_size" in told


def test_an_error_of_our_own_keeps_its_traceback(capsys, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr("enas_viz.cli.looking.estimates.needs", broken)

    with pytest.raises(RuntimeError, match="a bug"):
        cli.main(["recipes"])


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["derive", "{}", "--n", "100000000"], "from 1 to 100000"),
        (["derive", "{}", "--n", "-1"], "from 1 to 100000"),
        (["derive", "{}", "--batches", "9" * 30], "must be from 0 to 2"),
        (["derive", "{}", "--seed", "-1"], "a seed must be from 0 to"),
        (["replay", "{}", "--episode", "9" * 30], "no episode with n = 999"),
        (["search", "macro-tiny", "--seed", "1e400"], "'1e400'"),
        (["search", "macro-tiny", "--train.epochs", "1" + "0" * 5000], "--train.epochs"),
        (["search", "macro-tiny", "--train.lr-max", "nan"], "train.lr_max must be greater than 0"),
        (["search", "macro-tiny", "--train.lr-max", "1e400"], "train.lr_max must be at most"),
        (["search", "macro-tiny", "--train.batch-size", "0x10"], "'0x10'"),
        (["search", "macro-tiny", "--data", "a", "--data.name", "b"], "give one of them"),
    ],
)
def test_huge_and_odd_numbers_are_refused(capsys, folder, tmp_path, monkeypatch, args, told):
    monkeypatch.chdir(tmp_path)

    line = refused(capsys, *(a.format(folder) for a in args))

    assert told in line
    assert len(line) < 500
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "args",
    [
        ["replay", "{}", "--out"],
        ["decode", "enas-micro", "--out"],
        ["derive", "{}", "--out"],
        ["results", "--out"],
        ["results", "--keep"],
        ["gallery", "--out"],
        ["search", "macro-tiny", "--folder"],
        ["train", "macro-final-tiny", "--arch", "random", "--folder"],
        ["reproduce", "macro", "--size", "tiny", "--yes", "--folder"],
        ["demo", "--quick", "--folder"],
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(
    capsys, folder, tmp_path, monkeypatch, args
):
    (tmp_path / "file").write_text("precious")
    monkeypatch.chdir(tmp_path)
    for work in ("search.runs.run.build", "search.runs.build.load_data", "view.export.draw"):
        monkeypatch.setattr(f"enas_viz.{work}", lambda *_, **__: pytest.fail("it began"))
    monkeypatch.setattr("enas_viz.view.gallery.gallery", lambda *_: pytest.fail("it began"))
    monkeypatch.setattr("enas_viz.results.ledger.read_runs", lambda *_: pytest.fail("it began"))

    told = refused(capsys, *(a.format(folder) for a in args), "file/inside.html")

    assert "'file'" in told
    assert (tmp_path / "file").read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# ---- the bar


def some_ticks():
    yield Header(MacroSpace(2), dataset={"name": "flowers", "train": 9, "shape": [3, 8, 8]})
    space = MacroSpace(2)
    for k in range(4):
        yield Tick("weights", 0, k, 4, k / 8, 2.5 - k / 2)
    for k, right in enumerate((0.25, 0.75, 0.5)):
        made = Architecture(space, ((0,), (1, 0)))
        yield Episode(made, accuracy=right, reward=right + 0.125, n=k)
        yield Tick("controller", 0, k, 3, 0.5 + k / 8, 1.0)


def test_the_bar_shows_loss_and_best_on_one_line_of_a_terminal(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("enas_viz.cli.progress.BEATS", (0, 60))

    watch(some_ticks(), 1, tmp_path, tell_next=False)

    told = capsys.readouterr().err
    assert "flowers: 9 images for training, 8×8 pixels, 3 channels" in told
    assert "loss 2.000" in told
    last = told.rstrip().rpartition("\r")[2]
    assert "loss 1.000  reward 0.625  best accuracy 0.750" in last


def test_where_there_is_no_terminal_the_bar_is_a_line_now_and_then(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("enas_viz.cli.progress.BEATS", (0.2, 1e9))

    watch(some_ticks(), 1, tmp_path, tell_next=False, best=0.875)

    told = capsys.readouterr().err
    assert "\r" not in told
    lines = [line for line in told.splitlines() if "minibatches/s" in line]
    assert len(lines) == 1  # the last one
    assert "best accuracy 0.875" in lines[0]


def test_the_bar_of_a_final_training_shows_its_best_validation_accuracy(capsys, tmp_path):
    def items():
        for epoch, accuracy in enumerate((0.25, 0.75, 0.5)):
            yield Epoch(epoch, loss=1.5, train_accuracy=0.5, valid_accuracy=accuracy, lr=1, steps=1)
            yield Tick("weights", epoch, 1, 1, epoch / 3)

    watch(items(), 3, tmp_path, tell_next=False)

    told = capsys.readouterr().err.splitlines()[-1]
    assert "loss 1.500  best validation accuracy 0.750" in told


def test_a_resumed_run_goes_on_with_the_options_that_it_was_resumed_with(
    capsys, folder, monkeypatch
):
    def stopped(_items, _epochs, _folder, **options):
        print(options["again"])

    monkeypatch.setattr("enas_viz.cli.searching.watch", stopped)
    monkeypatch.setattr(Path, "exists", lambda path: path.name == "run.json")

    told = run(capsys, "resume", folder, "--device", "cpu", "--data", "my pictures")

    assert told.strip() == f"enas-viz resume {folder} --device cpu --data 'my pictures'"


# ---- other operations


def test_a_search_over_two_operations_is_derived_decoded_and_trained(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ops = ("conv3x3", "dil3x3")

    run(capsys, "search", "macro-tiny", "--network.ops", *ops, *TINY)
    told = run(capsys, "derive", "runs/macro-tiny", "--n", 2)

    assert "(`enas-viz decode --ops conv3x3 dil3x3` reads it)" in told
    flat = told.strip().splitlines()[-1]
    assert "operations numbered as in its space (conv3x3, dil3x3)" in run(
        capsys, "decode", flat, "--ops", *ops
    )
    run(capsys, "train", "--from", "runs/macro-tiny", "--train.epochs", 1)
    trained = json.loads((tmp_path / "runs/macro-tiny-final/run.json").read_text())
    assert trained["architecture"]["space"]["ops"][0] == "conv3x3"
    assert trained["architecture"]["space"]["ops"][1]["dilation"] == 2
    read, _ = named_architecture(flat, recipe("macro-final-tiny", network__ops=ops), 0)
    assert read.space.ops == ops


def test_operations_that_were_not_named_are_asked_for(capsys):
    told = refused(capsys, "search", "macro-tiny", "--network.ops")

    assert told == "--network.ops is given values, e.g. --network.ops conv3x3 max3x3; got none"
