"""Settings: read whole or refused whole, with every problem named at its line."""

import json
import re
from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.settings import load, schema, undocumented
from hub.settings.types import format_seconds

ROOT = Path(__file__).parents[2]
PROFILE = """
  - name: {name}
    title: {{en: A, nl: A}}
    description: {{en: A, nl: A}}
    cpu: 1
    memory: {memory}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def profile(name: str = "small", memory: str = "1GiB", more: str = "") -> str:
    return "profiles:" + PROFILE.format(name=name, memory=memory) + more


def test_the_settings_that_come_with_werkbank_can_be_used() -> None:
    settings = load(ROOT / "werkbank.yaml")
    assert [p.name for p in settings.profiles] == ["small", "medium", "large"]
    assert settings.profile("medium").idle_timeout == 7200
    assert settings.profile("medium").memory == 4 * 2**30


def test_every_setting_is_documented_in_the_model_and_stands_in_werkbank_yaml() -> None:
    assert undocumented() == []
    text = (ROOT / "werkbank.yaml").read_text()
    keys = {key for node in [schema(), *schema()["$defs"].values()] for key in node.get("properties", {})}
    missing = {key for key in keys if not re.search(rf"\b{key}\b\s*:", text)}
    assert missing == set()


def test_the_exported_schema_is_the_models() -> None:
    assert json.loads((ROOT / "hub/settings/schema.json").read_text()) == schema()


def test_all_problems_are_reported_together_with_line_value_and_what_is_allowed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "sites: {}\n"
        + profile(memory="4 GBB", more="    gpu_classes: [h999]\n    memroy: 1\n    idle_timeout: 5\n")
        + PROFILE.format(name="small", memory="2GiB")
        + "authentication: {kind: magic}\n",
    )
    with pytest.raises(SettingsError) as refused:
        load(path)
    lines = str(refused.value).splitlines()
    assert lines[0] == "7 problems in the settings; nothing was changed."
    assert lines[1:] == [
        f"{path}, line 1: `sites` is not a setting. Did you mean `site`?",
        f'{path}, line 7: `profiles.1.memory`: "4 GBB" is not an amount of memory; write "512MiB" or "4GiB".',
        f'{path}, line 8: `profiles.1.gpu_classes.1`: there is no "h999"; known here: none are declared.',
        f"{path}, line 9: `profiles.1.memroy` is not a setting. Did you mean `memory`?",
        f"{path}, line 10: `profiles.1.idle_timeout`: 5 does not fit: a whole number with its unit is needed: "
        '"30s", "10m", "2h" or "1d".',
        f'{path}, line 12: `profiles.2.name`: "small" is already the name of number 1; names must differ.',
        f"{path}, line 17: `authentication.kind` must be one of demo, pam, oidc.",
    ]


def factor(line: str) -> str:
    """Settings of a site that reports one figure."""
    return profile() + f"site:\n  footprint:\n    {line}\n"


UNUSABLE = {
    "empty file": ("", "is empty"),
    "comment only": ("# nothing\n", "is empty"),
    "a list": ("- a\n- b\n", "must be a list of `key: value` lines, not a list"),
    "a word": ("hello", "not a single value"),
    "broken YAML": ("profiles: [\n", "line 2: not valid YAML"),
    "a key twice": ("profiles: []\nprofiles: []\n", "line 2: not valid YAML"),
    "no profiles": ("site: {}\n", "`profiles` is missing"),
    "profiles empty": ("profiles: []\n", "at least one profile is needed"),
    "profiles a word": ("profiles: many\n", "a list is needed"),
    "profile a word": ("profiles: [small]\n", "`profiles.1`"),
    "negative memory": (profile(memory="-1GiB"), "`profiles.1.memory`"),
    "tiny memory": (profile(memory="1KiB"), "at least 64MiB"),
    "name with a path": (profile(name="../x"), "`profiles.1.name`"),
    "name with markup": (profile(name='"<b>"'), "`profiles.1.name`"),
    "missing environment": (profile(more="    environment: r\n"), 'there is no "r"; known here: default'),
    "a factor without its year": (factor("pue: {value: 1.3, source: s}"), "`site.footprint.pue.year` is missing"),
    "a factor without its source": (factor("pue: {value: 1.3, year: 2024}"), "`site.footprint.pue.source` is missing"),
    "a factor of an empty source": (
        factor("pue: {value: 1.3, year: 2024, source: ' '}"),
        "`site.footprint.pue.source`",
    ),
    "a bare factor": (factor("pue: 1.3"), "`site.footprint.pue`: 1.3 does not fit: `key: value` lines are needed here"),
    "a facility that takes less than its IT": (factor("pue: {value: 0.9, year: 2024, source: s}"), "0.9 does not fit"),
    "a factor that is a word": (factor("pue: {value: 'yes', year: 2024, source: s}"), "a valid number"),
    "a factor that is true": (factor("pue: {value: true, year: 2024, source: s}"), "a valid number"),
    "a factor that is no number": (factor("pue: {value: .nan, year: 2024, source: s}"), "nan does not fit"),
    "a factor without end": (factor("pue: {value: .inf, year: 2024, source: s}"), "inf does not fit"),
    "emissions without a method": (
        factor("co2e: {value: 268, year: 2023, source: s}"),
        "`site.footprint.co2e.method` is missing",
    ),
    "emissions below zero": (factor("co2e: {value: -1, year: 2023, source: s, method: market}"), "-1 does not fit"),
    "a method that is none": (
        factor("co2e: {value: 268, year: 2023, source: s, method: average}"),
        "`site.footprint.co2e.method`: \"average\" does not fit: input should be 'location' or 'market'",
    ),
    "a factor of no such year": (factor("water: {value: 1, year: 23, source: s}"), "`site.footprint.water.year`: 23"),
    "a factor that is not known": (factor("carbon: 1"), "is not a setting. Allowed here: co2e, pue, water."),
    "a misspelt part of a factor": (
        factor("co2e: {value: 268, years: 2023, source: s, method: market}"),
        "`site.footprint.co2e.years` is not a setting. Did you mean `year`?",
    ),
    "python tag": ("profiles: !!python/object/apply:os.system [id]\n", "`key: value` lines are needed"),
}


@pytest.mark.parametrize(("text", "sentence"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0"])
def test_no_water_at_all_is_a_missing_value_and_not_a_fact(tmp_path: Path, zero: str) -> None:
    path = write(tmp_path, factor(f"water: {{year: 2024, source: s, value: {zero}}}"))
    with pytest.raises(SettingsError) as refused:
        load(path)
    assert str(refused.value).splitlines()[1] == (
        f"{path}, line 9: `site.footprint.water.value`: {zero} does not fit: 0 litres is a missing value, not a fact; "
        'leave `water` out and people read "not reported".'
    )


def test_what_a_site_does_not_report_has_no_value(tmp_path: Path) -> None:
    for text in (profile(), profile() + "site: {footprint: {}}\n"):
        reported = load(write(tmp_path, text)).site.footprint
        assert (reported.pue, reported.co2e, reported.water) == (None, None, None)


def test_a_site_may_report_one_figure_and_leave_out_the_others(tmp_path: Path) -> None:
    line = "co2e: {value: 0, year: 2023, source: ' wind of our own ', method: market}"
    reported = load(write(tmp_path, factor(line))).site.footprint
    assert (reported.pue, reported.water) == (None, None)
    assert reported.co2e is not None
    assert reported.co2e.model_dump() == {"value": 0, "year": 2023, "source": "wind of our own", "method": "market"}


def test_the_figures_of_a_site_that_come_as_comments_can_be_used(tmp_path: Path) -> None:
    reported = load(write(tmp_path, without_comments("footprint", 8))).site.footprint
    assert None not in (reported.pue, reported.co2e, reported.water)


def without_comments(section: str, lines: int) -> str:
    """werkbank.yaml with a part of `site` that is a comment there."""
    text = (ROOT / "werkbank.yaml").read_text()
    (found,) = re.findall(rf"^  # {section}:.*\n(?:  #   .*\n)+", text, re.MULTILINE)
    assert found.count("\n") == lines
    return text.replace(found, re.sub("^  # ", "  ", found, flags=re.MULTILINE))


def on_slurm(**more: str) -> str:
    text = without_comments("slurm", 9).replace("kind: local ", "kind: slurm ")
    text = text.replace("    simulated: true ", "    gres: gpu:h200 ")
    for old, new in more.items():
        text = text.replace(old, new)
    return text


def test_a_site_on_slurm_is_the_file_with_its_comments_used(tmp_path: Path) -> None:
    site = load(write(tmp_path, on_slurm())).site
    assert site.slurm is not None
    assert (site.kind, site.slurm.address, site.slurm.accounts) == ("slurm", "login1.example.nl", {"ained": "ai-ned"})
    assert (site.slurm.poll_period, site.slurm.usage_period, site.slurm.patience) == (5, 60, 600)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: slurm ", "kind: local ", "only `kind: slurm` uses a cluster"),
        ("address: login1.example.nl", "address: -oProxyCommand", "`site.slurm.address`"),
        ("partition: gpu", "partition: gpu --nodelist=n1", "`site.slurm.partition`"),
        ("qos: normal", "qos: 'a,b'", "`site.slurm.qos`"),
        ("{ained: ai-ned}", "{moon: x}", 'there is no "moon"'),
        ("simulate_gpus: 0", "simulate_gpus: 2", "on Slurm there are none"),
        ("gres: gpu:h200 ", "simulated: true ", "what do jobs ask Slurm for? Give `gres`"),
        ("gres: gpu:h200 ", "gres: 'gpu:h200:2 --exclusive' ", "`gpu_classes.simulated.gres`"),
    ],
)
def test_what_does_not_go_on_slurm_is_refused_with_a_sentence(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(write(tmp_path, on_slurm(**{old: new})))
    assert says in str(refused.value)


@pytest.mark.parametrize("kind", ["local", "slurm"])
def test_workers_go_back_in_the_line_only_where_there_is_one(tmp_path: Path, kind: str) -> None:
    text = on_slurm() if kind == "slurm" else (ROOT / "werkbank.yaml").read_text()
    path = write(tmp_path, text.replace("clusters: 1}", "clusters: 1, requeue: true}"))
    if kind == "slurm":
        assert [profile.dask.requeue for profile in load(path).profiles] == [True, False, False]
    else:
        with pytest.raises(SettingsError, match="only Slurm puts a worker back in the line"):
            load(path)


def test_a_site_on_slurm_says_which_cluster(tmp_path: Path) -> None:
    text = re.sub(r"^  slurm:.*\n(    .*\n)+", "", on_slurm(), flags=re.MULTILINE)
    with pytest.raises(SettingsError, match="which cluster"):
        load(write(tmp_path, text))


def test_a_file_that_is_far_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a" * 10_000_000)
    with pytest.raises(SettingsError, match=r"is 10\.0 MB; such a file has at most 1 MB"):
        load(path)


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01\x00\xff\xfe", b"profiles: \x00"], ids=["ELF", "NUL"])
def test_a_binary_file_is_refused_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="is it the right file"):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.yaml cannot be read: No such file"):
        load(tmp_path / "nothing.yaml")


def test_settings_do_not_change_after_reading(tmp_path: Path) -> None:
    settings = load(write(tmp_path, profile()))
    with pytest.raises(ValueError, match="frozen"):
        settings.site.simulate_gpus = 3  # type: ignore[misc]


def test_the_command_line_lays_its_options_over_the_file(tmp_path: Path) -> None:
    simulated = "gpu_classes: {paper: {title: {en: P, nl: P}, memory: 1GiB, simulated: true}}\n"
    path = write(tmp_path, profile() + simulated + "server: {address: 127.0.0.1, port: 8000}\n")
    settings = load(path, {"server": {"port": 9000}, "site": {"simulate_gpus": 4}})
    assert (settings.server.address, settings.server.port, settings.site.simulate_gpus) == ("127.0.0.1", 9000, 4)


def test_a_secret_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in = "authentication: {kind: oidc, issuer: 'https://a.nl', client_id: w, client_secret: env:W_SECRET}\n"
    path = write(tmp_path, profile() + sign_in)
    with pytest.raises(SettingsError, match="the environment has no W_SECRET"):
        load(path)
    monkeypatch.setenv("W_SECRET", "s3cret")
    sign_in_settings = load(path).authentication
    assert sign_in_settings.kind == "oidc"
    assert sign_in_settings.client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(sign_in_settings)


@pytest.mark.parametrize(("seconds", "text"), [(30, "30s"), (90, "90s"), (5400, "90m"), (7200, "2h"), (86400, "1d")])
def test_durations_are_written_as_people_write_them(seconds: int, text: str) -> None:
    assert format_seconds(seconds) == text


def in_containers(**more: str) -> str:
    text = without_comments("containers", 6).replace("kind: local ", "kind: containers ")
    for old, new in {"  enabled: true": "  enabled: false", **more}.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_a_site_of_containers_is_the_file_with_its_comments_used(tmp_path: Path) -> None:
    settings = load(write(tmp_path, in_containers(**{"    # image: ": "    image: "})))
    assert settings.site.containers is not None
    assert settings.site.containers.socket == "/run/podman/podman.sock"
    assert (settings.site.containers.network, settings.site.containers.gpus) == ("outside", "advisory")
    assert settings.profile("small").image == "localhost/werkbank/lab"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: containers ", "kind: local ", "only `kind: containers` uses an engine"),
        ("socket: /run/podman/podman.sock", "socket: podman.sock", "a folder's whole path"),
        ("image: localhost/werkbank/lab", "image: 'lab; touch /tmp/x'", "the name of an image is needed"),
        ("image: localhost/werkbank/lab", "image: $(id)", "letters, digits and"),
        ("image: localhost/werkbank/lab", "image: Lab", "in lower case"),
        ("image: localhost/werkbank/lab", "image: -v/:/host", "the name of an image is needed"),
        ("network: outside", "network: host", "`site.containers.network`"),
        ("gpus: advisory", "gpus: all", "`site.containers.gpus`"),
        ("  enabled: false", "  enabled: true", "have no Dask Gateway"),
        ("seats_run_as: same-user", "seats_run_as: system-accounts", "containers run as the user of their image"),
        ("    # prefix: /opt", "    prefix: /opt", "containers bring their environment"),
        ("    # image: localhost/werkbank/lab ", "    image: 'a b' ", "`profiles.1.image`"),
    ],
)
def test_what_does_not_go_in_containers_is_refused_with_a_sentence(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(write(tmp_path, in_containers(**{old: new})))
    assert says in str(refused.value)


def test_an_image_without_containers_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "werkbank.yaml").read_text().replace("    # image: ", "    image: ")
    with pytest.raises(SettingsError, match="only containers run an image"):
        load(write(tmp_path, text))


def test_a_class_that_the_engine_is_to_give_says_what(tmp_path: Path) -> None:
    real = "  h200: {title: {en: A, nl: A}, memory: 1GiB, model: A}\n  simulated:"
    text = in_containers(**{"gpus: advisory": "gpus: cdi", "  simulated:": real})
    with pytest.raises(SettingsError, match="what does the engine give"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    "image",
    ["lab", "lab:1", "localhost/werkbank/lab", "registry.example.org:5000/a/b-c__d:V1.0", "a@sha256:" + "0" * 64],
)
def test_names_of_images_as_engines_take_them_are_taken(tmp_path: Path, image: str) -> None:
    text = in_containers(**{"image: localhost/werkbank/lab": f'image: "{image}"'})
    containers = load(write(tmp_path, text)).site.containers
    assert containers is not None
    assert containers.image == image
