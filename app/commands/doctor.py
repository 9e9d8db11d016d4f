"""``quincunx doctor``"""

from __future__ import annotations

from dataclasses import asdict

import typer

from ..options import EMBEDDED, AsJson, ProfileName


def run_doctor(profile: ProfileName = EMBEDDED, as_json: AsJson = False) -> None:
    """Check that a profile can do its work here, and say what mends each line that fails; exit 1 when one does."""
    from rich.markup import escape

    from ..doctor import examine
    from ..output import results, write_json

    findings = []
    for finding in examine(profile):
        findings.append(finding)
        if not as_json:
            mark = "[green]ok[/]  " if finding.ok else "[red]fail[/]"
            results.print(f"{mark} {escape(f'{finding.what}: {finding.detail}')}")
            if not finding.ok:
                for command in finding.remedy.splitlines():
                    results.print(f"     mend it: {command}", markup=False, soft_wrap=True)
    if as_json:
        write_json({"profile": profile, "findings": [asdict(finding) for finding in findings]})
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
