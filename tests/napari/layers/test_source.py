"""Labels lie where their image lies."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari.layers import Image, Labels, Points
from napari_mmtseg import InputError
from napari_mmtseg.napari.layers.axes import guess_axes
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.layers.source import choose_source, possible_axes

GREY = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)


def labels_layer(source, pixel_step=1):
    """Return the layer that the panel would add, numbered by pixel."""
    y, x = (n for n in source.read().shape if n > 4)
    labels = np.arange(y * x, dtype=np.int32).reshape(y, x)
    labels = labels[::pixel_step, ::pixel_step]
    return Labels(source.place.arrange(labels), **source.place.attributes(pixel_step))


def assert_same_place(image, labels, positions):
    """Compare the world coordinates of (image pixel, labels pixel) pairs."""
    for of_image, of_labels in positions:
        there = np.array(image.data_to_world(of_image))
        here = np.array(labels.data_to_world(of_labels))
        np.testing.assert_allclose(here, there[-len(here) :], atol=1e-9)


finite = st.floats(-50, 50, allow_nan=False)


@settings(max_examples=40)
@given(
    scale=st.tuples(*[st.floats(0.1, 5)] * 2),
    translate=st.tuples(finite, finite),
    rotate=st.floats(0, 359),
    shear=st.floats(-0.5, 0.5),
    moved=st.tuples(finite, finite),
)
def test_labels_of_a_plane_lie_on_it(scale, translate, rotate, shear, moved):
    affine = np.eye(3)
    affine[:2, 2] = moved
    affine[0, 1] = 0.25
    image = Image(
        GREY,
        scale=scale,
        translate=translate,
        rotate=rotate,
        shear=[shear],
        affine=affine,
    )
    labels = labels_layer(choose_source(image, "Y X"))
    assert_same_place(image, labels, [((y, x),) * 2 for y in (0, 19) for x in (0, 29)])


@settings(max_examples=40)
@given(
    scale=st.tuples(*[st.floats(0.1, 5)] * 4),
    translate=st.tuples(*[finite] * 4),
    rotate=st.floats(0, 90),
    t=st.integers(0, 1),
    z=st.integers(0, 4),
)
def test_labels_of_a_slice_lie_in_it(scale, translate, rotate, t, z):
    angle = np.deg2rad(rotate)
    turn = np.eye(4)
    turn[2:, 2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image = Image(
        np.zeros((2, 5, 20, 30)),
        scale=scale,
        translate=translate,
        rotate=turn,
        contrast_limits=(0, 1),
    )
    point = image.data_to_world((t, z, 0, 0))
    source = choose_source(image, "T Z Y X", point)
    assert source.slices == {"T": t, "Z": z}
    labels = labels_layer(source)
    assert labels.data.shape == (1, 1, 20, 30)
    corners = [(0, 0), (19, 0), (0, 29), (19, 29)]
    assert_same_place(image, labels, [((t, z, *c), (0, 0, *c)) for c in corners])


def test_a_leading_channel_axis_is_dropped():
    image = Image(
        np.zeros((3, 20, 30)),
        scale=(1, 0.5, 0.25),
        translate=(0, 7, 8),
        units=("pixel", "um", "um"),
        axis_labels=("c", "y", "x"),
        contrast_limits=(0, 1),
    )
    source = choose_source(image, "C Y X")
    assert source.channel_axis == 0
    labels = labels_layer(source)
    assert labels.data.shape == (20, 30)
    np.testing.assert_allclose(labels.scale, (0.5, 0.25))
    np.testing.assert_allclose(labels.translate, (7, 8))
    assert [str(unit) for unit in labels.units] == ["micrometer"] * 2
    assert labels.axis_labels == ("y", "x")


def test_a_channel_axis_in_between_becomes_one_thick_entry():
    image = Image(np.zeros((5, 3, 20, 30)), contrast_limits=(0, 1))
    source = choose_source(image, "Z C Y X", (2, 0, 0, 0))
    assert source.read().shape == (3, 20, 30)
    labels = labels_layer(source)
    assert labels.data.shape == (1, 1, 20, 30)
    # One entry over the channels 0, 1 and 2, centred on them.
    np.testing.assert_allclose(labels.data_to_world((0, 0, 0, 0)), (2, 1, 0, 0))
    np.testing.assert_allclose(labels.scale, (1, 3, 1, 1))


def test_colours_are_not_an_axis_of_the_layer():
    image = Image(np.zeros((20, 30, 3), np.uint8), rgb=True, scale=(2, 3))
    source = choose_source(image, "Y X RGB")
    assert source.channel_axis is None
    labels = labels_layer(source)
    assert labels.data.shape == (20, 30)
    np.testing.assert_allclose(labels.scale, (2, 3))


@pytest.mark.parametrize(
    ("axes", "shape"), [("Y X RGB", (20, 30, 3)), ("Z Y X RGB", (5, 20, 30, 3))]
)
def test_colours_that_the_layer_takes_for_an_axis(axes, shape):
    image = Image(np.zeros(shape, np.uint8), rgb=False)
    place = choose_source(image, axes, all_slices=True).place
    assert len(place.axes) == len(place.shape) == image.ndim
    # One entry over all three colours, centred on them.
    assert place.arrange(np.ones(shape[:-1], np.int32)).shape == (*shape[:-1], 1)
    found = place.attributes()
    assert (found["scale"][-1], found["translate"][-1]) == (3, 1)


@pytest.mark.parametrize("pixel_step", [2, 3])
def test_a_coarse_preview_covers_the_same_place(pixel_step):
    image = Image(GREY, scale=(0.5, 2), translate=(3, 4))
    labels = labels_layer(choose_source(image, "Y X"), pixel_step)
    middle = (pixel_step - 1) / 2
    assert_same_place(
        image,
        labels,
        [((i * pixel_step + middle, middle), (i, 0)) for i in range(5)],
    )


def test_of_a_multiscale_layer_the_finest_level_is_taken():
    image = Image([GREY, GREY[::2, ::2]], multiscale=True)
    source = choose_source(image, "Y X")
    assert source.multiscale
    np.testing.assert_array_equal(source.read(), GREY)


def test_a_source_is_a_copy():
    data = GREY.copy()
    source = choose_source(Image(data), "Y X")
    read = source.read()
    data[:] = 0
    np.testing.assert_array_equal(read, GREY)


def test_of_lazy_data_one_slice_is_computed():
    computed = []

    def load(block_id=None):
        computed.append(block_id[0])
        return GREY[np.newaxis]

    stack = da.map_blocks(load, chunks=((1,) * 4, (20,), (30,)), dtype=np.uint16)
    image = Image(stack, contrast_limits=(0, 1))
    computed.clear()
    source = choose_source(image, "Z Y X", (2, 0, 0))
    assert computed == []
    np.testing.assert_array_equal(source.read(), GREY)
    assert computed == [2]


def test_big_endian_and_read_only_labels_become_writable():
    source = choose_source(Image(GREY), "Y X")
    labels = np.ones((20, 30), ">i4")
    labels.flags.writeable = False
    arranged = source.place.arrange(labels)
    assert arranged.dtype == np.int32
    assert arranged.flags.writeable
    assert arranged.flags.c_contiguous


@pytest.mark.parametrize(
    "layer", [Labels(np.ones((20, 30), int)), Points(np.zeros((1, 2)))]
)
def test_other_layers_are_refused(layer):
    with pytest.raises(InputError, match=f"is a {type(layer).__name__} layer"):
        choose_source(layer, "Y X")


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((20, 30), {}, ["Y X"]),
        ((9, 20, 30), {}, ["Z Y X", "T Y X", "C Y X", "Y X C"]),
        ((20, 30, 3), {"rgb": True}, ["Y X RGB", "Y X C"]),
    ],
)
def test_the_offered_axes_all_fit(shape, options, expected):
    image = Image(np.zeros(shape), contrast_limits=(0, 1), **options)
    offered = possible_axes(image)
    assert offered == expected
    assert offered[0] == guess_axes(image)
    for axes in offered:
        choose_source(image, axes)


@pytest.mark.parametrize(
    ("axes", "shape", "rgb", "expected", "image_axes"),
    [
        ("T Z Y X", (3, 5, 20, 30), False, (3, 5, 20, 30), "TZYX"),
        ("T Z C Y X", (3, 5, 2, 20, 30), False, (3, 5, 1, 20, 30), "TZCYX"),
        ("C T Z Y X", (2, 3, 5, 20, 30), False, (3, 5, 20, 30), "CTZYX"),
        ("Z Y X RGB", (5, 20, 30, 3), True, (5, 20, 30), "ZYXS"),
        ("Z Y X C", (5, 20, 30, 2), False, (5, 20, 30, 1), "ZYXC"),
    ],
)
def test_labels_of_a_whole_stack_lie_on_it(axes, shape, rgb, expected, image_axes):
    n = len(shape) - rgb
    image = Image(
        np.zeros(shape, np.uint8),
        rgb=rgb,
        scale=np.arange(1, n + 1) / 2,
        translate=np.arange(n) * 10,
        units=("um",) * n,
        contrast_limits=(0, 1),
    )
    source = choose_source(image, axes, all_slices=True)
    assert source.image_axes == image_axes
    assert source.is_stack
    core = tuple(source.lengths.values())
    labels = Labels(
        source.place.arrange(np.ones(core, np.int32)), **source.place.attributes()
    )
    assert labels.data.shape == expected
    names = axes.replace("RGB", "").split()
    offset = 1 if names[0] == "C" else 0
    for corner in (np.zeros(len(expected), int), np.array(expected) - 1):
        there = np.zeros(n)
        there[offset:] = corner
        if "C" in names[offset:]:  # one entry over all channels
            there[names.index("C")] = (shape[names.index("C")] - 1) / 2
        here = labels.data_to_world(corner)
        np.testing.assert_allclose(here, image.data_to_world(there)[offset:])
    assert all(str(unit) == "micrometer" for unit in labels.units)


def test_the_spacing_comes_from_scale_and_units():
    image = Image(
        np.zeros((3, 5, 20, 30)),
        scale=(7, 2, 500, 500),
        units=("s", "um", "nm", "nm"),
        contrast_limits=(0, 1),
    )
    source = choose_source(image, "T Z Y X", all_slices=True)
    np.testing.assert_allclose(source.spacing[1:], (2, 0.5, 0.5))
    assert len(source.spacing) == 4
    one = choose_source(image, "T Z Y X", (0, 0, 0, 0))
    np.testing.assert_allclose(one.spacing, (0.5, 0.5))
    plain = choose_source(Image(np.zeros((5, 20, 30))), "Z Y X", all_slices=True)
    assert plain.spacing is None


@settings(max_examples=30)
@given(
    scale=st.tuples(*[st.floats(0.1, 5)] * 3),
    translate=st.tuples(*[finite] * 3),
    moved=st.tuples(*[finite] * 3),
    z=st.integers(0, 4),
)
def test_a_point_of_the_world_is_found_in_the_stack(scale, translate, moved, z):
    affine = np.eye(4)
    affine[:3, 3] = moved
    image = Image(
        np.zeros((5, 20, 30)), scale=scale, translate=translate, affine=affine
    )
    place = choose_source(image, "Z Y X", all_slices=True).place
    point = image.data_to_world((z, 3, 4))
    np.testing.assert_allclose(place.position(point), (z, 3, 4), atol=1e-6)


@pytest.mark.parametrize("shape", [(20, 30, 4), (5, 20, 30, 4)])
def test_alpha_is_left_out(shape):
    data = np.zeros(shape, np.uint8)
    data[..., 3] = 255
    axes = "Z Y X RGB" if len(shape) == 4 else "Y X RGB"
    source = choose_source(Image(data, rgb=True), axes, all_slices=True)
    read = source.read()
    assert read.shape == (*shape[:-1], 3)
    assert read.max() == 0


def test_axes_in_another_order_are_refused():
    with pytest.raises(InputError, match="Y before X"):
        choose_source(Image(np.zeros((20, 30))), "X Y")
    assert guess_axes(Image(np.zeros((20, 30)), axis_labels=("x", "y"))) == "Y X"


PLANE_TURNS = [180, -180, 179.9999, 90, 270, 30]
VOLUME_TURNS = [
    (180, 0, 0), (0, 180, 0), (0, 0, 180), (180, 180, 0), (0, 90, 0), (90, 90, 0),
    (0, 90, 90), (180, 0, 30),
]  # fmt: skip


@pytest.mark.parametrize("scale", [1, -1, 1e-9, 700])
@pytest.mark.parametrize("turn", PLANE_TURNS)
def test_labels_of_a_turned_plane_lie_on_it(turn, scale):
    scale = (0.5 * scale, 2 * abs(scale))
    image = Image(GREY, rotate=turn, scale=scale, translate=(1e6, -3))
    whole = labels_layer(choose_source(image, "Y X"))
    region = choose_source(image, "Y X", crop=(slice(4, 16), slice(9, 29)))
    part = Labels(np.zeros((12, 20), np.uint8), **region.place.attributes())
    for corner in ((0, 0), (19, 0), (0, 29), (19, 29)):
        there = np.array(image.data_to_world(corner))
        np.testing.assert_allclose(whole.data_to_world(corner), there, rtol=1e-12)
        moved = np.subtract(corner, (4, 9))
        np.testing.assert_allclose(part.data_to_world(moved), there, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("shear", [None, (0.2, 0.1, -0.3)])
@pytest.mark.parametrize("turn", VOLUME_TURNS)
def test_labels_of_a_turned_volume_lie_on_it(turn, shear):
    shape = (5, 20, 30)
    image = Image(
        np.zeros(shape), rotate=turn, scale=(2, 0.5, 0.7), shear=shear,
        translate=(7, 8, 9), contrast_limits=(0, 1),
    )  # fmt: skip
    source = choose_source(image, "Z Y X", all_slices=True)
    whole = Labels(np.zeros(shape, np.uint8), **source.place.attributes())
    like = Labels(np.zeros(shape, np.uint8), **spatial_attributes(image))
    point = image.data_to_world((3, 10, 10))
    one = choose_source(image, "Z Y X", point)
    assert one.slices == {"Z": 3}
    layer = labels_layer(one)
    corners = [(z, y, x) for z in (0, 4) for y in (0, 19) for x in (0, 29)]
    assert_same_place(image, whole, [(c, c) for c in corners])
    assert_same_place(image, like, [(c, c) for c in corners])
    assert_same_place(image, layer, [((3, *c[1:]), (0, *c[1:])) for c in corners])
    np.testing.assert_allclose(source.place.position(point), (3, 10, 10), atol=1e-9)


def test_a_scale_stays_as_it_was_given():
    image = Image(GREY, scale=(0.1, 0.3), translate=(1e7, 3))
    assert choose_source(image, "Y X").place.attributes()["scale"].tolist() == [
        0.1,
        0.3,
    ]
