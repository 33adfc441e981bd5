"""Links to file services: which are noted, with which name, size and host."""

from __future__ import annotations

import pytest

from mail_ingest.linked import MAX_LINKS, find_linked

MAIL_DROP = (
    "https://www.icloud.com/attachment/?u=https%3A%2F%2Fcvws.icloud-content.com%2FB%2FAbc"
    "&uk=xyz&f=IMG_0420.MOV&sz=734003200"
)


def test_mail_drop_tells_its_name_and_size() -> None:
    (link,) = find_linked(f"Click to Download\n{MAIL_DROP}\nIMG_0420.MOV\n700 MB")
    assert (link.file_name, link.size, link.host) == ("IMG_0420.MOV", 734003200, "www.icloud.com")
    assert link.url == MAIL_DROP


def test_the_same_link_in_text_and_html_is_noted_once() -> None:
    escaped = MAIL_DROP.replace("&", "&amp;")
    assert len(find_linked(MAIL_DROP, f'<p><a href="{escaped}">Click to Download</a></p>')) == 1


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://drive.google.com/file/d/1AbC/view?usp=drive_web", "drive.google.com"),
        ("https://drive.google.com/open?id=1AbC", "drive.google.com"),
        ("https://photos.app.goo.gl/AbCdEf", "photos.app.goo.gl"),
        ("https://1drv.ms/v/s!AbC?e=xyz", "1drv.ms"),
        ("https://onedrive.live.com/redir?resid=1", "onedrive.live.com"),
        ("https://nord-my.sharepoint.com/:v:/g/personal/kari/EaBc", "nord-my.sharepoint.com"),
        ("https://we.tl/t-AbCdEf", "we.tl"),
        ("https://wetransfer.com/downloads/abc/def", "wetransfer.com"),
        ("https://www.dropbox.com/scl/fi/abc/fire.mp4?rlkey=x&dl=0", "www.dropbox.com"),
    ],
)
def test_each_file_service_is_known(url: str, host: str) -> None:
    assert [(link.host, link.url) for link in find_linked(f"See ({url}).")] == [(host, url)]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.org/attachment/?f=a.jpg",
        "https://icloud.com.example.org/attachment/?f=a.jpg",
        "https://www.icloud.com/calendar/",
        "https://www.dropbox.com/pricing",
        "https://docs.google.com/document/d/1",
        "http://we.tl/t-AbCdEf",
        "https://[we.tl/t-AbCdEf",
    ],
)
def test_other_links_are_nobodys_attachment(url: str) -> None:
    assert find_linked(url, f'<a href="{url}">IMG_1.jpg</a>') == ()


def test_the_text_of_the_anchor_names_a_drive_file() -> None:
    html = '<a href="https://drive.google.com/file/d/1"><img src="i"> fire &amp; smoke.mp4</a>'
    (link,) = find_linked("https://drive.google.com/file/d/1", html)
    assert link.file_name == "fire & smoke.mp4"


def test_a_dropbox_link_ends_in_its_name() -> None:
    (link,) = find_linked("https://www.dropbox.com/s/abc/Sj%C3%B8fart%201.mov?dl=0")
    assert link.file_name == "Sjøfart 1.mov"


def test_a_link_that_a_mail_filter_wrapped_is_unwrapped() -> None:
    wrapped = (
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwe.tl%2Ft-Ab"
        "&amp;data=05%7C01"
    )
    (link,) = find_linked("", f"<a href='{wrapped}'>here</a>")
    assert (link.host, link.url) == ("we.tl", "https://we.tl/t-Ab")


def test_a_size_that_is_no_number_is_unknown() -> None:
    assert find_linked("https://www.icloud.com/attachment/?f=a.jpg&sz=-1")[0].size == 0


def test_thousands_of_links_are_bounded() -> None:
    text = "\n".join(f"https://we.tl/t-{n}" for n in range(100_000))
    assert len(find_linked(text, text)) == MAX_LINKS


def test_hostile_html_is_read_in_linear_time() -> None:
    html = '<a href="https://we.tl/t' * 80_000 + "<" * 500_000
    assert len(find_linked(html, html)) <= MAX_LINKS
