"""The take-home function of neural collapse against cases whose answer is known."""

import math
import subprocess
import sys
import warnings

import pytest
import torch

from pipeline.run.snippet import Snippet
from tests.project import ROOT

KEYS = {
    "nc1",
    "nc2_equinorm_means",
    "nc2_equinorm_weights",
    "nc2_angle_means",
    "nc2_angle_weights",
    "nc3",
    "nc4",
}


@pytest.fixture
def metrics(take_home):
    ns = take_home("29/neural_collapse")
    return ns["neural_collapse_metrics"]


def orthonormal(d, seed=0, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, d, generator=rng, dtype=dtype)).Q


def simplex(C, d, radius=1.0, dtype=torch.float64):
    """C corners of a simplex in d >= C dimensions, rows [C, d]."""
    corners = torch.eye(C, dtype=dtype) - 1 / C
    corners = radius * corners / corners[0].norm()
    return corners @ orthonormal(d, seed=C, dtype=dtype)[:C]


def collapsed(C=5, n=4, d=8, radius=1.0, dtype=torch.float64):
    """n copies of each corner, and the classifier that points to the corners."""
    corners = simplex(C, d, radius, dtype)
    y = torch.arange(C).repeat_interleave(n)
    return corners[y], y, 2.5 * corners, torch.zeros(C, dtype=dtype)


def with_noise(sigma, C=5, d=8, radius=1.0):
    """Noise of covariance exactly sigma^2 I in every class: +-sigma sqrt(d) e_j."""
    h, y, W, b = collapsed(C, 2 * d, d, radius)
    eye = torch.eye(d, dtype=h.dtype)
    noise = math.sqrt(d) * torch.cat([eye, -eye]).repeat(C, 1)
    return h + sigma * noise, y, W, b


# --- known answers -----------------------------------------------------------------


@pytest.mark.parametrize("C", [2, 3, 4, 10])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_an_exact_simplex_gives_zeros(metrics, C, dtype, tolerance):
    result = metrics(*collapsed(C, n=3, d=12, dtype=dtype))
    assert set(result) == KEYS
    assert all(type(value) is float for value in result.values())
    for key, value in result.items():
        assert value == pytest.approx(0, abs=tolerance), key


def test_an_offset_of_all_features_changes_no_geometry(metrics):
    h, y, W, b = collapsed()
    offset = torch.linspace(-3, 5, h.shape[1], dtype=h.dtype)
    result = metrics(h + offset, y, W, b - W @ offset)
    assert all(value == pytest.approx(0, abs=1e-12) for value in result.values())


def test_nc1_is_unchanged_by_scaling_and_rotation(metrics):
    h, y, W, b = with_noise(0.1)
    Q = orthonormal(h.shape[1], seed=7)
    plain = metrics(h, y, W, b)
    turned = metrics(40 * h @ Q, y, W @ Q, b)
    for key in KEYS - {"nc4"}:
        assert turned[key] == pytest.approx(plain[key], rel=1e-9, abs=1e-12), key


def test_nc1_grows_with_the_square_of_the_noise(metrics):
    one, ten = (metrics(*with_noise(sigma))["nc1"] for sigma in (0.01, 0.1))
    assert ten / one == pytest.approx(100, rel=1e-9)


@pytest.mark.parametrize("C", [4, 5, 6, 8])
def test_a_regular_polygon_fails_the_angle_test_only(metrics, C):
    turn = 2 * math.pi / C * torch.arange(C, dtype=torch.float64)
    corners = torch.stack([turn.cos(), turn.sin()], dim=1)
    y = torch.arange(C).repeat(3)
    with pytest.warns(UserWarning, match=f"a simplex of {C} classes needs {C - 1} dimensions, not 2"):
        result = metrics(corners[y], y, corners, torch.zeros(C, dtype=torch.float64))
    cosines = [math.cos(2 * math.pi * k / C) for k in range(1, C)]
    expected = sum(abs(cos + 1 / (C - 1)) for cos in cosines) / (C - 1)
    assert expected > 0.25
    assert result["nc2_angle_means"] == pytest.approx(expected, rel=1e-9)
    assert result["nc2_angle_weights"] == pytest.approx(expected, rel=1e-9)
    for key in KEYS - {"nc2_angle_means", "nc2_angle_weights"}:
        assert result[key] == pytest.approx(0, abs=1e-12), key


def test_a_triangle_is_the_polygon_that_passes(metrics):
    turn = 2 * math.pi / 3 * torch.arange(3, dtype=torch.float64)
    corners = torch.stack([turn.cos(), turn.sin()], dim=1)
    y = torch.arange(3)
    result = metrics(corners[y], y, corners, torch.zeros(3, dtype=torch.float64))
    assert result["nc2_angle_means"] == pytest.approx(0, abs=1e-12)


# --- further ground truths, derived ------------------------------------------------


@pytest.mark.parametrize(("C", "radius", "sigma"), [(2, 1, 0.3), (5, 2, 0.1), (8, 3, 1)])
def test_nc1_of_isotropic_noise_on_a_simplex(metrics, C, radius, sigma):
    # Sigma_B has C - 1 eigenvalues r^2 / (C - 1), and Sigma_W = sigma^2 I, hence
    # Tr(Sigma_W pinv(Sigma_B)) / C = sigma^2 (C - 1)^2 / (C r^2).
    result = metrics(*with_noise(sigma, C, d=9, radius=radius))
    assert result["nc1"] == pytest.approx(sigma**2 * (C - 1) ** 2 / (C * radius**2))
    assert result["nc2_angle_means"] == pytest.approx(0, abs=1e-12)


def test_nc1_is_the_trace_formula_of_the_paper(metrics):
    rng = torch.Generator().manual_seed(3)
    C, d, N = 4, 7, 60
    y = torch.arange(N) % (C + 2) % C  # two classes have twice the images
    h = torch.randn(N, d, generator=rng, dtype=torch.float64) + 3 * simplex(C, d)[y]
    W = torch.randn(C, d, generator=rng, dtype=torch.float64)
    mu = torch.stack([h[y == c].mean(0) for c in range(C)])
    within = h - mu[y]
    sigma_w = within.T @ within / N
    between = mu - h.mean(0)  # over samples, and each class once in sigma_b
    sigma_b = between.T @ between / C
    pinv = torch.linalg.pinv(sigma_b, hermitian=True, rtol=1e-9)
    expected = (sigma_w @ pinv).trace().item() / C
    result = metrics(h, y, W, torch.zeros(C, dtype=torch.float64))
    assert result["nc1"] == pytest.approx(expected, rel=1e-9)


def test_orthogonal_rows_miss_the_simplex_by_one_over_c_minus_one(metrics):
    h, y, _, b = collapsed(C=5, d=8)
    result = metrics(h, y, torch.eye(8, dtype=h.dtype)[:5], b)
    assert result["nc2_angle_weights"] == pytest.approx(1 / 4)
    assert result["nc2_equinorm_weights"] == pytest.approx(0, abs=1e-12)
    assert result["nc2_angle_means"] == pytest.approx(0, abs=1e-12)


def test_equinorm_of_two_lengths(metrics):
    # row lengths 1, 1, 3, 3: mean 2, standard deviation (over all four) 1
    h, y, W, b = collapsed(C=4, d=6)
    factors = torch.tensor([1.0, 1, 3, 3], dtype=h.dtype)[:, None]
    result = metrics(h, y, W / W.norm(dim=1, keepdim=True) * factors, b)
    assert result["nc2_equinorm_weights"] == pytest.approx(0.5)
    assert result["nc2_angle_weights"] == pytest.approx(0, abs=1e-12)


def test_nc3_opposite_and_orthogonal_classifiers(metrics):
    h, y, W, b = collapsed(C=3, d=8)
    assert metrics(h, y, -W, b)["nc3"] == pytest.approx(4)
    elsewhere = orthonormal(8, seed=3)[3:6]  # orthogonal to the rows that span W
    assert (W @ elsewhere.T).abs().max() < 1e-12
    assert metrics(h, y, elsewhere, b)["nc3"] == pytest.approx(2)


def test_nc4_is_the_share_on_which_the_two_rules_differ(metrics):
    h, y, W, b = collapsed(C=5)
    b = b.clone()
    b[2] = 1e6  # the layer now always answers 2, the nearest mean is right: 4 of 5
    assert metrics(h, y, W, b)["nc4"] == pytest.approx(0.8)


def test_the_centre_is_the_mean_of_the_samples_as_in_the_paper(metrics):
    # corners e_c of class sizes 6, 2, 1, 1: mu_G = (.6, .2, .1, .1), M = I - 1 mu_G^T, so
    # that |M_c|^2 = 1 - 2 p_c + |p|^2 and M_c M_k = |p|^2 - p_c - p_k
    y = torch.tensor([0] * 6 + [1] * 2 + [2] + [3])
    eye = torch.eye(4, dtype=torch.float64)
    result = metrics(eye[y], y, eye)
    p = [0.6, 0.2, 0.1, 0.1]
    pp = sum(q * q for q in p)
    lengths = [math.sqrt(1 - 2 * q + pp) for q in p]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    cosines = [(pp - p[i] - p[j]) / (lengths[i] * lengths[j]) for i, j in pairs]
    assert result["nc2_angle_means"] == pytest.approx(sum(abs(cos + 1 / 3) for cos in cosines) / 6)
    mean = sum(lengths) / 4
    spread = math.sqrt(sum((length - mean) ** 2 for length in lengths) / 4)
    assert result["nc2_equinorm_means"] == pytest.approx(spread / mean)
    # W = I: |W|_F = 2, and their product is the trace of M
    frobenius = math.sqrt(sum(length**2 for length in lengths))
    assert result["nc3"] == pytest.approx(2 - 2 * 3 / (2 * frobenius))
    for key in ("nc1", "nc2_equinorm_weights", "nc4"):
        assert result[key] == pytest.approx(0, abs=1e-12), key


def test_class_sizes_tilt_the_means_and_not_the_rows(metrics):
    # with the mean of the class means as the centre an exact simplex stayed one, however unequal the classes
    corners, sizes = simplex(4, 6), torch.tensor([50, 9, 2, 1])
    y = torch.arange(4).repeat_interleave(sizes)
    result = metrics(corners[y], y, corners)
    assert result["nc2_angle_means"] > 0.1
    assert result["nc2_angle_weights"] == pytest.approx(0, abs=1e-12)


# --- bad input ---------------------------------------------------------------------


def cases():
    h, y, W, b = collapsed()
    nan = h.clone()
    nan[0, 0] = math.nan
    hole = W.clone()
    hole[1] = 0
    bad = y.clone()
    bad[0] = 5
    one = torch.zeros_like(y)
    return {
        "features 1-D": (h[0], y, W, b, "features"),
        "features 3-D": (h[None], y, W, b, "features"),
        "features integer": (h.long(), y, W, b, "features"),
        "too few labels": (h, y[:-1], W, b, "labels"),
        "labels 2-D": (h, y[:, None], W, b, "labels"),
        "labels float": (h, y.double(), W, b, "labels"),
        "labels bool": (h, y.bool(), W, b, "labels"),
        "label too large": (h, bad, W, b, "labels"),
        "label negative": (h, y - 1, W, b, "labels"),
        "no samples": (h[:0], y[:0], W, b, "labels"),
        "class missing": (h[4:], y[4:], W, b, "class 0"),
        "only one class present": (h, one, W, b, "class"),
        "one class": (h, one, W[:1], b[:1], "two classes"),
        "weight of other width": (h, y, W[:, :-1], b, "weight"),
        "weight 1-D": (h, y, W[0], b, "weight"),
        "bias too short": (h, y, W, b[:-1], "bias"),
        "bias 2-D": (h, y, W, b[:, None], "bias"),
        "NaN": (nan, y, W, b, "finite"),
        "infinite bias": (h, y, W, b + math.inf, "finite"),
        "a row of weight is zero": (h, y, hole, b, "zero"),
        "all features equal": (torch.ones_like(h), y, W, b, "zero"),
    }


@pytest.mark.parametrize("name", cases())
def test_senseless_input_is_refused(metrics, name):
    *arguments, word = cases()[name]
    with pytest.raises(ValueError, match=word):
        metrics(*arguments)


# --- what practitioners have --------------------------------------------------------


def test_a_head_without_bias(metrics):
    h, y, W, b = with_noise(0.1)
    assert metrics(h, y, W) == metrics(h, y, W, torch.zeros_like(b))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(metrics, dtype):
    # what the numbers are that the features hold, is computed in double precision
    h, y, W, b = (t.to(dtype) if t.is_floating_point() else t for t in with_noise(0.2))
    assert metrics(h, y, W, b) == metrics(h.double(), y, W.double(), b.double())


@pytest.mark.parametrize("offset", [0, 3])
def test_directions_that_are_only_rounding_do_not_count(metrics, offset):
    # ten classes on a line in 64 dimensions: NC1 is that of the line, in every precision
    rng = torch.Generator().manual_seed(0)
    line = orthonormal(64)[:1]
    at = torch.arange(10, dtype=torch.float64)[:, None] - 4.6
    y = torch.arange(10).repeat(30)
    noise = torch.randn(300, 1, generator=rng, dtype=torch.float64)
    t = at[y] + 0.05 * (noise - torch.stack([noise[y == c].mean(0) for c in range(10)])[y])
    between = (at - at.mean()).square().mean()
    expected = ((t - at[y]).square().mean() / between / 10).item()
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        result = metrics((t @ line + offset).to(dtype), y, torch.ones(10, 64))
        assert result["nc1"] == pytest.approx(expected, rel=tolerance), dtype


def test_too_few_dimensions_for_a_simplex_are_said_where_it_was_called(metrics):
    h, y, W, _ = collapsed(C=5, d=8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics(h, y, W)
        metrics(h[:, :4] + 1e-3, y, W[:, :4])  # C - 1 are enough
    with pytest.warns(UserWarning, match="a simplex of 5 classes needs 4 dimensions, not 3") as said:
        metrics(h[:, :3], y, W[:, :3])
    assert said[0].filename == __file__


def test_many_rows_are_taken_in_chunks_and_none_is_lost(metrics):
    C, d, N = 3, 512, 5001  # ten chunks, the last not full
    rng = torch.Generator().manual_seed(0)
    y = torch.randint(C, (N,), generator=rng)
    h = torch.randn(N, d, generator=rng) + 9 * torch.eye(C, d)[y]
    W, b = torch.randn(C, d, generator=rng), torch.randn(C, generator=rng)
    mu = torch.stack([h[y == c].double().mean(0) for c in range(C)])
    within, M = h - mu[y], mu - h.double().mean(0)
    sigma = torch.linalg.pinv(M.T @ M / C, hermitian=True, rtol=1e-9)
    result = metrics(h, y, W, b)
    assert result["nc1"] == pytest.approx((within @ sigma * within).sum().item() / N / C, rel=1e-9)
    nearest = torch.cdist(h.double(), mu).argmin(1)
    assert result["nc4"] == ((h @ W.T + b).argmax(1) != nearest).double().mean().item()


MEASURE = """
import resource
import torch

exec(open("cell.py").read())
torch.set_num_threads(1)
neural_collapse_metrics(torch.randn(40, 8), torch.arange(40) % 4, torch.randn(4, 8))  # what torch takes once
features, labels = torch.empty(150_000, 256).normal_(), torch.arange(150_000) % 10
page = resource.getpagesize()
before = int(open("/proc/self/statm").read().split()[1]) * page
neural_collapse_metrics(features, labels, torch.randn(10, 256))
# not ru_maxrss, which begins at the memory of the process that started this one
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
print(1 + (peak - before) / (4 * features.numel()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory from /proc")
def test_a_large_set_takes_half_as_much_again_as_its_features(tmp_path):
    (source,) = (cell.code for cell in Snippet(ROOT, "29/neural_collapse").read() if cell.name == "take-home")
    (tmp_path / "cell.py").write_text(source)
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=tmp_path, capture_output=True, text=True)
    assert float(done.stdout) <= 1.5, done.stderr


def test_features_on_disk(metrics, tmp_path):
    h, y, W, b = with_noise(0.1)
    (tmp_path / "features").write_bytes(h.numpy().tobytes())
    mapped = torch.from_file(str(tmp_path / "features"), size=h.numel(), dtype=h.dtype).view_as(h)
    assert metrics(mapped, y, W, b) == metrics(h, y, W, b)


class OnDeviceWithoutDouble(torch.Tensor):
    """As a tensor on such a device: no result that stays there has 64 bits."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        result = super().__torch_function__(func, types, args, kwargs)
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            raise TypeError("this device has no float64")
        return result


def test_a_device_without_double_precision(metrics):
    h, y, W, b = with_noise(0.2)
    there = h.float().as_subclass(OnDeviceWithoutDouble)
    with pytest.raises(TypeError):
        there.double()
    single = metrics(there, y, W, b)
    for key, value in metrics(h, y, W, b).items():
        assert single[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key


# --- manners -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_labels_of_any_integer_type(metrics, dtype):
    h, y, W, b = with_noise(0.1)
    assert metrics(h, y.to(dtype), W, b) == metrics(h, y, W, b)


def test_single_and_double_precision_agree(metrics):
    h, y, W, b = with_noise(0.2)
    double = metrics(h, y, W, b)
    single = metrics(h.float(), y, W.float(), b.float())
    for key in KEYS:
        assert single[key] == pytest.approx(double[key], rel=1e-4, abs=1e-6), key


def test_a_rank_deficient_geometry_in_single_precision(metrics):
    # rounding must not pass for a between-class direction: a hexagon, turned in space
    turn = 2 * math.pi / 6 * torch.arange(6, dtype=torch.float64)
    corners = torch.stack([turn.cos(), turn.sin()], 1) @ orthonormal(9)[:2] + 3
    y = torch.arange(6).repeat(40)
    rng = torch.Generator().manual_seed(0)
    h = corners[y] + 0.01 * torch.randn(240, 9, generator=rng, dtype=torch.float64)
    h = h - torch.stack([h[y == c].mean(0) for c in range(6)])[y] + corners[y]
    double = metrics(h, y, corners, torch.zeros(6, dtype=torch.float64))
    single = metrics(h.float(), y, corners, torch.zeros(6))
    assert double["nc1"] < 1e-3
    assert single["nc1"] == pytest.approx(double["nc1"], rel=1e-3)


def test_inputs_and_global_state_are_left_alone(metrics):
    arguments = [t.clone() for t in with_noise(0.1)]
    arguments[0].requires_grad_()
    arguments[2].requires_grad_()
    before = [t.detach().clone() for t in arguments]
    versions = [t._version for t in arguments]
    torch.manual_seed(5)
    state = (
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )
    first = metrics(*arguments)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert torch.get_default_dtype() == state[1]
    assert torch.get_num_threads() == state[2]
    assert torch.is_grad_enabled() == state[3]
    assert all(map(torch.equal, arguments, before))
    assert [t._version for t in arguments] == versions
    assert all(t.grad is None for t in arguments if t.is_floating_point())
    assert metrics(*arguments) == first


def test_default_dtype_does_not_matter(metrics):
    arguments = with_noise(0.1)
    expected = metrics(*arguments)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert metrics(*arguments) == expected
    finally:
        torch.set_default_dtype(default)


def test_inputs_that_are_views(metrics):
    h, y, W, b = with_noise(0.1)
    transposed = h.T.contiguous().T  # the same numbers, not contiguous
    result = metrics(transposed, y, W, b)
    for key, value in metrics(h, y, W, b).items():
        assert result[key] == pytest.approx(value, rel=1e-9, abs=1e-12), key


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here; the same cases run on the CPU")
def test_on_cuda(metrics):
    arguments = with_noise(0.2)
    there = metrics(*(t.cuda() for t in arguments))
    for key, value in metrics(*arguments).items():
        assert there[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key
