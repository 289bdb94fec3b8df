"""What the papers claim, and which table can speak to it."""

from __future__ import annotations

import dataclasses

from tfrobust.experiments import claim_judges
from tfrobust.experiments.claim_judges import Finding
from tfrobust.experiments.claim_judges import Judge
from tfrobust.experiments.papers import PAPERS
from tfrobust.records import BenchmarkRecord
from tfrobust.records import ratio_of_medians


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence of a paper that a table can speak to.

    Attributes:
        text: the claim, and whose.
        paper, table: the table.
        judge: its rows -> finding; raises `KeyError` where a row is missing.
        beside: another table of the paper, whose rows count where the table
            lacks them; default none.
        why: what explains the finding of scale cpu, without numbers, which
            are the records'; default nothing.
        explains: the finding that `why` explains: held or, the default, not.
    """

    text: str
    paper: str
    table: str
    judge: Judge
    beside: str = ""
    why: str = ""
    explains: bool = False


_RIVALS = ("AT", "TRADES", "LLR")
_LFR_LEADS = claim_judges.every(
    [
        claim_judges.best(title, "LFR", _RIVALS)
        for title in ("FGSM", "PGD-40", "MI-FGSM", "DDNA")
    ]
)
_MMC_COLUMNS = [
    f"{word} {radius}"
    for word in ("untargeted", "targeted")
    for radius in (8, 16, 24, 32)
]
CLAIMS = (
    Claim(
        "Any honest evaluation: PGD drives standard training under 5 % at .3 "
        "on MNIST",
        "local-flatness",
        "table-1",
        claim_judges.at_most(5.0, "PGD-40", "Standard"),
    ),
    Claim(
        "Any honest evaluation: PGD drives standard training under 5 % at "
        "8/255 on CIFAR-10",
        "gradient-leaking",
        "table-3-long",
        claim_judges.at_most(5.0, "untargeted 8", "SCE"),
    ),
    Claim(
        "Any honest evaluation: without an inner maximisation nothing of DS' "
        "table survives AutoAttack at .3",
        "decision-surface",
        "table-1",
        claim_judges.at_most(
            10.0, "AutoAttack", "Natural Model", "CrossEntropy", "Ours"
        ),
    ),
    Claim(
        "DS: under BIM level with the gradient norm at .1 (3 points, by us), "
        "ahead beyond, behind on clean images only",
        "decision-surface",
        "table-1",
        claim_judges.beyond,
    ),
    Claim(
        "DS: above adversarial training at .3, under BIM as there",
        "decision-surface",
        "table-1",
        claim_judges.best("BIM .3", "Ours", ("AdvTrain",)),
        why="Adversarial training is as strong as its radius, which isn't in "
        "the paper's text; ours trains at the radius that is attacked.",
    ),
    Claim(
        "DS: beyond the gradient norm as the radius grows, asked at equal "
        "clean accuracy",
        "decision-surface",
        "equal-clean",
        claim_judges.equal_clean,
        why="Its larger weights are less clean than any of the gradient "
        "norm's and can't be compared. The lead is under ten steps of BIM: "
        "AutoAttack leaves next to nothing of either at the largest radius.",
        explains=True,
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under every attack of its table",
        "local-flatness",
        "table-1",
        _LFR_LEADS,
        why="Four epochs are too few for it, as the next claim shows. The "
        "margin finds more than cross-entropy, which fails its masking "
        "report; no gradient is zero.",
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under every attack of its table, asked "
        "when at scale cpu it alone trains three times as long",
        "local-flatness",
        "table-1-long",
        _LFR_LEADS,
        beside="table-1",
        why="What it lacked in table 1 was epochs: it is ahead of AT and "
        "TRADES under every attack of the table now and level with LLR, but "
        "for DDNA, where it leads. Elsewhere a few images of one seed are all "
        "that is between the four, and the others have a third of its epochs. "
        "Its masking report is ok.",
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under AutoAttack, asked by us",
        "local-flatness",
        "table-1",
        claim_judges.best("AutoAttack", "LFR", _RIVALS),
        why="Four epochs are too few for it, as the next claim shows.",
    ),
    Claim(
        "LFR: above AT, TRADES and LLR under AutoAttack, asked when at scale "
        "cpu it alone trains three times as long",
        "local-flatness",
        "table-1-long",
        claim_judges.best("AutoAttack", "LFR", _RIVALS),
        beside="table-1",
        why="It is level with TRADES and LLR, and one image behind AT, none "
        "of which have more than a third of its epochs.",
    ),
    Claim(
        "LFR's authors: ReLU, which has no second derivative, is probably why "
        "CIFAR-10 fails; so a smooth activation would be above it (by us)",
        "local-flatness",
        "activations",
        claim_judges.best("PGD-40", "LFR, silu", ("LFR, relu",)),
        why="Within chance, two points of 500 images of one seed. Under PGD "
        "adversarial training gains as much from SiLU, though its loss holds "
        "no second derivative; under AutoAttack, of fewer images, LFR gains "
        "and adversarial training doesn't. The masking report suspects LFR "
        "with ReLU of hiding gradients, and doesn't with SiLU.",
        explains=True,
    ),
    Claim(
        "MAT's tables 2 and 4: the whole is above TRADES under PGD",
        "manifold-aware",
        "table-4",
        claim_judges.best("PGD", "MAT, SO, BIBO", ("TRADES",)),
        why="It is PGD that the SO term stops, as claims below show.",
        explains=True,
    ),
    Claim(
        "MAT: the whole is above TRADES under AutoAttack, asked by us",
        "manifold-aware",
        "table-4",
        claim_judges.best("AutoAttack", "MAT, SO, BIBO", ("TRADES",)),
    ),
    Claim(
        "MAT's table 4: the SO term alone masks",
        "manifold-aware",
        "table-4",
        claim_judges.masks("MAT, SO"),
        why="The term falls as features grow, and with them the logits, until "
        "cross-entropy has no gradient in float32: the masking report fails.",
        explains=True,
    ),
    Claim(
        "MAT's table 4: on MNIST the FTC term alone masks",
        "manifold-aware",
        "table-4",
        claim_judges.masks("MAT"),
        why="Cross-entropy keeps its gradient at nearly all images, unlike "
        "under SO: budget, perhaps, for features may grow in more epochs.",
    ),
    Claim(
        "MAT: on MNIST the FTC term alone masks, asked when at scale cpu it "
        "trains six times as long",
        "manifold-aware",
        "table-4-long",
        claim_judges.masks("MAT"),
    ),
    Claim(
        "MAT's table 4: the BIBO term alone holds under the adaptive attack "
        "(nine tenths, by us)",
        "manifold-aware",
        "table-4",
        claim_judges.holds("MAT, BIBO", "PGD", "Adaptive-PGD"),
    ),
    Claim(
        "MAT: the BIBO term alone holds under AutoAttack, too (nine tenths, by "
        "us), asked by us",
        "manifold-aware",
        "table-4",
        claim_judges.holds("MAT, BIBO", "PGD", "AutoAttack"),
        why="Its masking report fails, for saturated logits of some images: "
        "see the next claim.",
        explains=True,
    ),
    Claim(
        "MAT: what the BIBO term alone holds is not for logits that saturate "
        "cross-entropy, asked by us",
        "manifold-aware",
        "table-4-tempered",
        claim_judges.holds("MAT, BIBO", "APGD-CE", "APGD tempered", "APGD-DLR"),
    ),
    Claim(
        "MAT's table 4: PGD overstates the whole (by 3 points or more, by "
        "us), of which the adaptive attack leaves what BIBO gives (within 5 "
        "points, by us)",
        "manifold-aware",
        "table-4",
        claim_judges.leaves_what("MAT, BIBO", "MAT, SO, BIBO", 3.0, 5.0),
        why="Cross-entropy has no gradient at nearly all of its images, for "
        "the SO term: its masking report fails, and PGD stays where it began. "
        "Nor is its adaptive attack the strongest: APGD whose cross-entropy "
        "doesn't saturate leaves less of the same images in table-4-tempered.",
        explains=True,
    ),
    Claim(
        "MAT: the SO term alone masks, asked through the linear head that the "
        "paper attacks",
        "manifold-aware",
        "table-4-linear",
        claim_judges.masks("MAT, SO"),
    ),
    Claim(
        "MAT: PGD overstates the whole (3 points), of which the adaptive "
        "attack leaves what BIBO gives (5 points), asked through the linear "
        "head that the paper attacks",
        "manifold-aware",
        "table-4-linear",
        claim_judges.leaves_what("MAT, BIBO", "MAT, SO, BIBO", 3.0, 5.0),
    ),
    Claim(
        "MAT: features of adversarial points lie off the clusters of the "
        "class that is predicted, less so after TRADES",
        "manifold-aware",
        "table-1",
        claim_judges.match,
        why="DDN is of fewer of the images than the others.",
        explains=True,
    ),
    Claim(
        "SGR's table 4: at most what the gradient norm leaves, in the white "
        "box",
        "structured-gradient",
        "table-4",
        claim_judges.own_points("gn", "sgr_grad", "sgr_sign"),
        why="The three are level, under AutoAttack too: the images are too few "
        "to tell them apart.",
        explains=True,
    ),
    Claim(
        "SGR: at most what the gradient norm leaves, in the white box, at "
        "twice the radius, .2",
        "structured-gradient",
        "table-4-far",
        claim_judges.own_points("gn", "sgr_grad", "sgr_sign"),
    ),
    Claim(
        "SGR: at most what the gradient norm leaves, in the white box, on "
        "CIFAR-10",
        "structured-gradient",
        "table-3",
        claim_judges.own_points("gn", "sgr_grad", "sgr_sign"),
        why="They lose more to the gradient norm on clean images than under "
        "the attack: behind it they are because they classify less well.",
        explains=True,
    ),
    Claim(
        "SGR: with the long noise's own covariance above the gradient norm, "
        "and together with it as the length of both goes to zero",
        "structured-gradient",
        "lrc",
        claim_judges.long_noise,
        why="Under noise of a pixel's length and less the rows of long "
        "covariances are behind the gradient norm, and behind standard "
        "training under the shortest.",
        explains=True,
    ),
    Claim(
        "GL: the root of alpha, the gradients' share in the components that "
        "hold 90 % of the images' energy (87 on MNIST), tells more of the "
        "perturbation norm, which rises with it (R2 .940 there), than "
        "1/gradient norm (.904)",
        "gradient-leaking",
        "table-1",
        claim_judges.predicts(
            "alpha_87",
            "1/Mean grad norm",
            "Mean pert norm",
            over=PAPERS["gradient-leaking"]["table-1"].models,
        ),
        why="The two adversarially trained models decide the line: theirs are "
        "by far the largest norms and the smallest shares. Without them the "
        "root explains next to nothing.",
    ),
    Claim(
        "GL: projection and noise raise the perturbation norm (1.7 times or "
        "more asked of 300 components, by us; the paper's two are 2.84 and "
        "3.42), 300 components more than 800, and alpha with it",
        "gradient-leaking",
        "table-2",
        claim_judges.projection(800, 300),
        why="The gradient's share in the fewer components rises in all four, "
        "and 300 components raise the norm more than 800, as the paper has it. "
        "The epochs are few, the errors many: the next claim asks it of longer "
        "trainings.",
    ),
    Claim(
        "GL: 300 components raise the perturbation norm (1.7 times or more, by "
        "us) and alpha, asked when at scale cpu they train four times as long",
        "gradient-leaking",
        "table-2-long",
        claim_judges.projection(300),
        why="Both raise it by more than after table 2's epochs, noise as much "
        "as asked, projection less. A third of ordinary training's gradient "
        "lies in 300 components here, in table 2 as well, of the paper's a "
        "twenty-fifth: there is less to gain. The roots of the shares grow "
        "1.4 times here, above 4 times there. So longer training alone isn't "
        "what lacks; network or data, which are others here, may be.",
    ),
    Claim(
        "GL: MMC-P (300 components) is above MMC under every PGD-10",
        "gradient-leaking",
        "table-3",
        claim_judges.every(
            [
                claim_judges.best(title, "MMC-P-300", ("MMC",))
                for title in _MMC_COLUMNS
            ]
        ),
        why=(
            "Ahead where anything is left, but from the second radius on the "
            "ascent of the margin leaves nothing of either. AutoAttack leaves "
            "next to nothing of both at the first, and both masking reports "
            "fail: these heads hide the gradient of cross-entropy. Whether "
            "the published lead is the defense's or its attack's can't be "
            "told from few epochs on images that were encoded as JPEG."
        ),
    ),
    Claim(
        "GL: adversarially trained MMC is above MMC and MMC-P (300 components) "
        "under every PGD-10",
        "gradient-leaking",
        "table-3",
        claim_judges.every(
            [
                claim_judges.best(title, "MMC-AT", ("MMC", "MMC-P-300"))
                for title in _MMC_COLUMNS
            ]
        ),
    ),
)


@dataclasses.dataclass(frozen=True)
class Overhead:
    """A claim of how long a training step takes.

    Attributes:
        text: the claim, and whose.
        call, over: names of calls in the benchmark of training steps.
        most: the ratio of their medians that the claim allows.
    """

    text: str
    call: str
    over: str
    most: float

    def judge(self, record: BenchmarkRecord) -> Finding:
        """Return whether it held in a benchmark's rounds."""
        above, below = record.seconds[self.call], record.seconds[self.over]
        ratio, low, high = ratio_of_medians(above, below)
        told = f"{self.call} takes {ratio:.2f} [{low:.2f}, {high:.2f}] times"
        return ratio <= self.most, f"{told} {self.over}"


OVERHEADS = (
    Overhead(
        "DS: a step takes 2.1 times a natural one (told of its own networks)",
        *("decision_jacobian", "plain Keras", 2.1),
    ),
    Overhead(
        "SGR: very little overhead (a tenth, by us)",
        *("sgr", "plain Keras", 1.1),
    ),
    Overhead(
        "SGR: very little overhead, asked beside the gradient norm (a tenth, "
        "by us)",
        *("sgr", "gradient_norm", 1.1),
    ),
)
