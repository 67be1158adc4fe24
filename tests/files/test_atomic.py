import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_mmtseg import InputError
from napari_mmtseg.files import atomic as files
from napari_mmtseg.files.atomic import check_apart, check_output, write_atomically


def test_content_arrives_whole(tmp_path):
    write_atomically(tmp_path / "a.bin", b"abc")
    assert (tmp_path / "a.bin").read_bytes() == b"abc"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_existing_files_are_safe(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"mine"
    write_atomically(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_dangling_links_are_refused_before_the_work(tmp_path):
    (tmp_path / "a.bin").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match="exists"):
        check_output(tmp_path / "a.bin")


def test_long_names_can_be_written(tmp_path):
    path = tmp_path / ("a" * 250)
    write_atomically(path, b"abc")
    assert path.read_bytes() == b"abc"


def test_a_file_that_appears_meanwhile_is_safe(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    real = files.check_output

    def check_then_appear(*arguments, **options):
        checked = real(*arguments, **options)
        path.write_bytes(b"mine")
        return checked

    monkeypatch.setattr(files, "check_output", check_then_appear)
    with pytest.raises(InputError, match="meanwhile"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left")])
def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    expected = InputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_atomically(tmp_path / "a.bin", b"abc")
    assert os.listdir(tmp_path) == []


def test_outputs_are_refused_before_the_work(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        check_output(tmp_path / "none" / "a.tif")
    with pytest.raises(InputError, match=r"has to end in \.tif or \.png"):
        check_output(tmp_path / "a.doc", suffixes=(".tif", ".png"))
    with pytest.raises(InputError, match="too long"):
        check_output(tmp_path / ("a" * 300))
    assert check_output(tmp_path / "A.TIF", suffixes=(".tif",)).name == "A.TIF"


def test_folders_without_permission_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="no permission"):
        check_output(tmp_path / "a.tif")


def test_what_would_take_the_image_away_is_refused(tmp_path):
    image = tmp_path / "p" / "i.zarr"
    image.mkdir(parents=True)
    for path, match in (
        (tmp_path / "p" / ".." / "p" / "i.zarr", "the image itself"),
        (tmp_path / "p", "holds the image"),
        (image / "l.zarr", "lies inside the image"),
    ):
        with pytest.raises(InputError, match=match):
            check_apart(path, image)
    check_apart(tmp_path / "p" / "l.zarr", image)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_threads_leave_the_mask_of_permissions_as_it_is(tmp_path, monkeypatch):
    real, before = os.umask, os.umask(0o022)

    def slow(mask):
        time.sleep(0.002)
        return real(mask)

    monkeypatch.setattr(os, "umask", slow)
    try:
        with ThreadPoolExecutor(4) as pool:
            paths = [tmp_path / f"{i}" for i in range(16)]
            list(pool.map(lambda path: write_atomically(path, b""), paths))
        assert real(0o022) == 0o022
        assert {path.stat().st_mode & 0o777 for path in paths} == {0o644}
    finally:
        real(before)
