"""Privacy notices as operators put them into a folder."""

from pathlib import Path

import pytest

from identity.adapters.privacy_notices_folder import PrivacyNoticesFolder, PrivacyNoticesUnusable


def folder(path: Path, **files: str) -> Path:
    for name, content in files.items():
        (path / f"{name.replace('_', '.')}.html").write_text(content, encoding="utf-8")
    return path


def test_a_default_ships() -> None:
    """Without a folder there is a German and an English text."""
    notices = PrivacyNoticesFolder()
    assert (notices.version, notices.text("de").title, notices.text("en").title) == (
        "1",
        "Datenschutzhinweise",
        "Privacy notice",
    )
    assert notices.text("de").html.startswith("<p>")
    assert "<h1" not in notices.text("de").html


@pytest.mark.parametrize(
    ("versions", "in_force"),
    [(["1", "2"], "2"), (["9", "10"], "10"), (["1.9", "1.10"], "1.10"), (["2026-12-01", "2027-01-01"], "2027-01-01")],
)
def test_the_highest_version_is_in_force(tmp_path: Path, versions: list[str], in_force: str) -> None:
    """Numbers count as numbers."""
    for version in versions:
        (tmp_path / f"{version}.de.html").write_text(f"<h1>Hinweise</h1><p>{version}</p>")
    notices = PrivacyNoticesFolder(tmp_path)
    assert notices.version == in_force
    assert notices.text("de").html == f"<p>{in_force}</p>"


def test_german_stands_in_for_a_missing_language(tmp_path: Path) -> None:
    """An English text of an older version is not shown for the one in force."""
    made = folder(tmp_path, _1_de="", **{"1_en": "<h1>Notice</h1>old", "2_de": "<h1>Hinweise</h1>neu"})
    notices = PrivacyNoticesFolder(made)
    assert notices.text("en").html == "neu"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """A logo, a readme or a French text beside the texts does not matter."""
    made = folder(tmp_path, **{"1_de": "\ufeff\n<h1 class='x'>Unsere\n Hinweise</h1>\n<p>Łuk</p>\n", "9_fr": "x"})
    (made / "README").write_text("about")
    notice = PrivacyNoticesFolder(made).text("de")
    assert (notice.version, notice.title, notice.html) == ("1", "Unsere Hinweise", "<p>Łuk</p>")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "has no file named"),
        ({"1_en": "<h1>Notice</h1>"}, r"lacks 1\.de\.html"),
        ({"1_de": "<p>without heading</p>"}, "must begin with its heading"),
    ],
)
def test_a_folder_without_a_usable_text_is_refused(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    """The sentence names the folder and what it lacks."""
    with pytest.raises(PrivacyNoticesUnusable, match=sentence):
        PrivacyNoticesFolder(folder(tmp_path, **files))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """So is a file that is no text."""
    with pytest.raises(PrivacyNoticesUnusable, match="gone cannot be read"):
        PrivacyNoticesFolder(tmp_path / "gone")
    (tmp_path / "1.de.html").write_bytes(b"\xff\xfe")
    with pytest.raises(PrivacyNoticesUnusable, match="UTF-8"):
        PrivacyNoticesFolder(tmp_path)
