"""A small project that keeps every rule, and the same with one thing changed, so that a rule can be seen to fail."""

from __future__ import annotations

from pathlib import Path

from call_tree import Project, read_project

LIBRARY = """
from robot.api.deco import keyword, library

@library(auto_keywords=False)
class ProbeLibrary:
    @keyword(tags=["Check"])
    def documents_should_be_there(self): ...

    @keyword(tags=["Wait"])
    def deployment_should_be_steady(self): ...

    @keyword(tags=["Action"])
    def add_documents(self, number: int): ...
"""

SUITE = """*** Settings ***
Resource    ../resources/documents.resource

*** Test Cases ***
Documents Arrive
    [Metadata]    Requirement    A-1
    [Tags]    quick
    Given the deployment is steady
    When 5 documents are added
    Then every document is there
"""

RESOURCE = """*** Settings ***
Library    ../keywords/ProbeLibrary.py

*** Keywords ***
The Deployment Is Steady
    Deployment Should Be Steady

${number} Documents Are Added
    Add Documents    ${number}

Every Document Is There
    Documents Should Be There
"""

CHECKLIST = "- {id: A-1, group: A, title: Documents arrive, must_hold: They do.}\n"

README = """
    tox run -e signoff -- --include quick

| tag | what it selects |
|---|---|
| `quick` | what takes no time |

`A_WEBHOOK` is the address of a channel.
"""

FILES = {
    "suites/documents.robot": SUITE,
    "resources/documents.resource": RESOURCE,
    "keywords/ProbeLibrary.py": LIBRARY,
    "resources/checklist.yaml": CHECKLIST,
    "resources/accepted_risks.yaml": "[]\n",
    "README.md": README,
    "docs/writing-suites.md": "Nobody has to tell of a sentence that a test uses.\n",
}


def plant(root: Path, changed: dict[str, str]) -> Project:
    """Write the small project with some files changed or added, and read it.

    Args:
        root: an empty folder.
        changed: the content of files by their path.
    """
    for name, content in (FILES | changed).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return read_project(root)
