"""How a table's rows were trained and looked at, in words."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

from tfrobust import reports
from tfrobust.evaluation import attack_settings
from tfrobust.experiments.analysis_config import AnalysisConfig
from tfrobust.experiments.analysis_parts import made_attacks
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.run_names import run_name
from tfrobust.experiments.transferring import TransferConfig
from tfrobust.records import RowRecord

# Test images of MNIST and of CIFAR-10.
ALL_IMAGES = 10_000
# In a row's provenance: whether the model was weights kept as float16.
ROUNDED = "rounded"
# Whether it was such weights that met the other rows' points.
MET_ROUNDED = "met_rounded"
_SCHEDULE = ("constant_epochs", "epsilon_warm_up", "weight_warm_up")
# Others give their attacks a budget or radii of their own.
_USUAL_BUDGET = ("gradient_leaking", "curvature_path", "features", "covariance")


def network(architecture: str | None, width: int | None) -> str:
    """Return what a network is called, with its width where it has one."""
    architecture = architecture or "the usual network"
    return f"{architecture}, width {width}" if width else architecture


def stand_ins(table: PaperTable, scale: str) -> list[str]:
    """Return a sentence of networks that the paper's scale has others for."""
    if "paper" not in table.settings:
        return []
    pairs: dict[tuple[str, str], None] = {}
    for row, model in table.models.items():
        seed = table.seeds(row, scale)[0]
        here, there = (
            model.config(table.settings[one], one, seed, None)
            for one in (scale, "paper")
        )
        pairs[
            network(here.architecture, here.width),
            network(there.architecture, there.width),
        ] = None
    told = [
        f"{here} stands for {_published(here, there)}"
        for here, there in pairs
        if here != there
    ]
    return [f"At scale {scale} {'; '.join(told)}."] if told else []


def _published(here: str, there: str) -> str:
    """Return what a paper's network is called beside ours of its kind."""
    same = here.split(",")[0] == there
    return f"{there} of the paper's width" if same else there


def num_examples(table: PaperTable, scale: str) -> dict[str, int | None]:
    """Return title -> how many test images, `None` for all."""
    setting = table.settings[scale]
    counts = {
        column.title: table.looks[column.look]
        .config("model", setting, None)
        .num_examples
        for column in table.columns
        if column.look in table.looks
    }
    if table.transfer is not None:
        usual = setting.num_examples  # None: all
        count = table.transfer.get("num_examples", usual)
        counts |= dict.fromkeys(table.models, count)
    return counts


def image_counts(table: PaperTable, scale: str) -> list[str]:
    """Return a sentence of how many images each column is of."""
    titles: dict[int | None, list[str]] = {}
    for title, count in num_examples(table, scale).items():
        titles.setdefault(count, []).append(title)
    if not titles:
        return []
    most = max(titles, key=lambda count: len(titles[count]))
    told = f"Test images: {_count(most)}"
    for count, those in titles.items():
        if count != most:
            told += f"; {_count(count)} for {', '.join(those)}"
    if len(titles) > 1:
        told += ". Only columns of the same images compare to the point"
    return [f"{told}."]


def details(
    table: PaperTable,
    scale: str,
    records: Sequence[RowRecord],
    kept: Collection[str],
) -> list[str]:
    """Return how rows were trained, and how hard attacks tried.

    Args:
        table, scale: of the records.
        records: of its rows.
        kept: names of models whose weights are kept.
    """
    if not records:
        return []
    first: dict[str, RowRecord] = {}
    for record in records:
        first.setdefault(record.row, record)
    trained = [
        f"- {row}: {_training(first[row])}; {_name(first[row], kept)}"
        for row in table.models
        if row in first
    ]
    told = (
        "Trainings, and of their first seeds' models the name and how the "
        "SHA-256 of the weights begins: another page's of the same name has "
        "the same settings, and with another digest is another training of "
        "them"
    )
    if any(record.provenance.get(ROUNDED) for record in first.values()):
        told += "; as kept: rounded to float16, as `zoo.load` returns them"
    return [
        f"{told}:",
        "\n".join(trained),
        *_points(table, scale, first),
        *_looks(table, scale, first),
    ]


def _count(count: int | None) -> str:
    return "all" if count is None else f"the first {count:,}"


def _name(record: RowRecord, kept: Collection[str]) -> str:
    """Return a model's name and digest, and whether its weights are kept."""
    name = run_name(record.training)
    told = f"{name} ({record.model_digest[:8]})"
    if record.provenance.get(ROUNDED):
        return f"{told}, as kept"
    return told if name in kept else f"{told}, weights not kept"


def _looks(
    table: PaperTable, scale: str, first: Mapping[str, RowRecord]
) -> list[str]:
    """Return how hard each column's attacks tried, on how many images."""
    parts = []
    for look, made in table.looks.items():
        titles = [c.title for c in table.columns if c.look == look]
        if look in table.pictures:
            titles.append("the picture" if titles else "The picture")
        if not titles:
            continue
        config = made.config("model", table.settings[scale], None)
        images = f"{_count(config.num_examples)} test images"
        if isinstance(config, AnalysisConfig):
            parts += _analysis(", ".join(titles), images, config)
            continue
        budgets = _budgets(look, first)
        if budgets:
            parts += [
                f"Attacks in the run behind {', '.join(titles)}, on {images}:",
                "\n".join(f"- {line}" for line in budgets),
            ]
    return parts


def _budgets(look: str, first: Mapping[str, RowRecord]) -> list[str]:
    """Return a line for each attack, naming rows where not all have it."""
    rows: dict[str, list[str]] = {}
    for row, record in first.items():
        for line in record.budgets:
            if line.startswith(f"{look}: "):
                rows.setdefault(line.removeprefix(f"{look}: "), []).append(row)
    return [
        line if len(those) == len(first) else f"{line}: {', '.join(those)}"
        for line, those in rows.items()
    ]


def _points(
    table: PaperTable, scale: str, first: Mapping[str, RowRecord]
) -> list[str]:
    """Return how hard the attack tried whose points the rows meet."""
    if table.transfer is None:
        return []
    data = table.settings[scale].training["data"]
    usual = {"models": ("one", "other"), "data": data}
    config = TransferConfig(**(usual | dict(table.transfer)))
    count = num_examples(table, scale)[next(iter(table.models))]
    lines = [
        f"- {reports.attack_line(name, attack_settings(attack))}"
        for name, attack in config.made_attacks().items()
    ]
    told = (
        f"Points of the columns that are named after rows, of {_count(count)} "
        "test images"
    )
    rounded = [
        row
        for row, record in first.items()
        if record.provenance.get(MET_ROUNDED)
    ]
    if rounded:
        told += f" ({', '.join(rounded)}: weights rounded to float16, as kept)"
    return [f"{told}:", "\n".join(lines)]


def _analysis(titles: str, images: str, config: AnalysisConfig) -> list[str]:
    """Return which analysis numbers are of, and whose points it looks at."""
    told = f"{titles}: analysis {config.analysis}, on {images}"
    if not config.attack_list:
        return [f"{told}."]
    made = made_attacks(config)
    if config.analysis not in _USUAL_BUDGET:
        return [f"{told}, with {', '.join(made)}."]
    lines = [
        f"- {reports.attack_line(name, attack_settings(attack))}"
        for name, attack in made.items()
    ]
    return [f"{told}, with", "\n".join(lines)]


def _training(record: RowRecord) -> str:
    """Return a training's settings, without those that no row sets."""
    training = record.training
    settings = ", ".join(
        f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}"
        for k, v in training["settings"].items()
    )
    schedule = ", ".join(
        f"{name} {training[name]}" for name in _SCHEDULE if training.get(name)
    )
    return (
        f"{training['defense']} ({settings or 'no settings'}), "
        f"{network(training['architecture'], training.get('width'))} on "
        f"{training['data']}, "
        f"{training['epochs']} epochs ({schedule or 'constant'}) of "
        f"{training['optimizer']} {training['learning_rate']:g}, batch "
        f"{training['batch_size']}"
    )
