"""Case 23: a file:// address with escapes or a host meant another folder, without a word.

Reported for fsspec in https://github.com/fsspec/filesystem_spec/issues/1168.
"""

import pytest

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.settings import absolute_lake_url

NAMES = [r"back\slash", "my lake", "100%", "déjà", "a%20b", "a?b#c"]


@pytest.mark.parametrize("name", NAMES)
def test_23_the_address_of_a_folder_names_that_folder(tmp_path, name):
    folder = tmp_path / name
    assert absolute_lake_url(folder.as_uri()) == str(folder)
    Lake.open(folder.as_uri())
    assert folder.is_dir()


@pytest.mark.parametrize("form", ["file://localhost{}", "FILE://{}", "file:{}", "file:///{}"])
def test_23_cousin_every_form_of_it_does(tmp_path, form):
    address = form.format(tmp_path) if "///" not in form else form.format(str(tmp_path).lstrip("/"))
    assert absolute_lake_url(address) == str(tmp_path)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("file://server/share", "names a host, 'server'"),
        ("file:///srv/100%", "write %25"),
        ("file:///srv/a%2Fb", "stands for no character of a name"),
        ("file:///srv/a%00b", "stands for no character of a name"),
        ("file:///srv/%ff", "no UTF-8"),
        ("file:///srv/lake?x=1", r"a \? or #"),
        ("file:///srv/lake#1", r"a \? or #"),
        ("file:///srv\\lake", r"has a \\"),
        (r"file:\\\srv\lake", r"has a \\"),
        ("file:///srv/lake\\", r"has a \\"),
        ("file://[::1/lake", "names a host"),
        ("file:lake", "no absolute path"),
        ("file://", "no absolute path"),
    ],
)
def test_23_cousin_what_names_no_folder_here_is_refused(address, reason):
    with pytest.raises(ValueError, match=reason):
        absolute_lake_url(address)
    with pytest.raises(LakeError, match=f"GITPULSE_LAKE_URL: .*{reason}"):
        Lake.open(address)
