"""What `fluorojax check` tells, as a page of one file."""

from pathlib import Path

from fluorojax.planning.advice import Advice
from fluorojax.planning.show import EVALUATION_ALONE
from fluorojax.planning.survey import counts, facts
from fluorojax.report import page

TEMPLATES = Path(__file__).parent / "templates"


def write_page(advice: Advice, path: Path) -> Path:
    """Write the page in one move and return its path."""
    return page.write(render(advice), path)


def render(advice: Advice) -> str:
    """Return the page as text; it holds no pixel, and of paths only those in the commands."""
    info, plans = advice.survey.folder.info, advice.plans
    columns = ("split", "frames", "labelled", "patients", *info.class_names)
    recommended = ("what", "recommended", "why")
    return page.render(
        "check.html.j2",
        TEMPLATES,
        notice=page.notice(info.split_unit),
        name=info.name,
        facts=facts(advice.survey),
        counts=page.table(columns, counts(advice.survey), words=1),
        findings=[f for f in advice.survey.findings if f != info.caution],
        notes=advice.survey.summary.notes,
        classes=page.table(("class", "kind"), [(c.name, c.kind) for c in info.classes], words=2),
        machine=advice.machine.in_words,
        plan=page.table(recommended, plans[0].guesses, words=3) if plans else None,
        remarks=plans[0].remarks if plans else (),
        commands=[plan.command for plan in plans],
        time=advice.time or "Not tried: fluorojax check without --no-trial says how long it takes.",
        nothing=EVALUATION_ALONE,
    )
