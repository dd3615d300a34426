"""What the machine has is told truly: devices, number types, and the memory that is free, by whatever limits it."""

from __future__ import annotations

import mmap
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mc_jupyter import devices, process
from mc_jupyter.errors import PlanError

GB = 1024**3


def machine(root: Path, *, available: int = 8 * GB, total: int = 16 * GB, cgroup: str = "0::/\n") -> Path:
    """A file system with a /proc that says so much memory is there."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: {total // 1024} kB\nMemAvailable: {available // 1024} kB\n")
    (root / "proc/self/cgroup").write_text(cgroup)
    return root


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_without_a_cgroup_the_machines_available_memory_is_what_is_free(tmp_path: Path) -> None:
    memory = devices.free_memory("cpu", root=machine(tmp_path))
    assert memory == devices.Memory(8 * GB, 16 * GB, "this machine's memory")


def test_a_cgroup_v2_limit_is_less_than_the_machine_and_counts(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/kernels/one\n")
    write(tmp_path / "sys/fs/cgroup/kernels/one", memory__max=2 * GB, memory__current=GB)
    memory = devices.free_memory("cpu", root=tmp_path)
    assert (memory.free, memory.total) == (GB, 2 * GB)
    assert "cgroup" in memory.limit_by


def test_file_pages_that_the_kernel_can_drop_are_free(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/\n")
    write(
        tmp_path / "sys/fs/cgroup",
        memory__max=2 * GB,
        memory__current=GB,
        memory__stat=f"anon 5\ninactive_file {GB // 2}",
    )
    assert devices.free_memory("cpu", root=tmp_path).free == GB + GB // 2


def test_a_limit_on_a_group_around_ours_counts_too(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/outer/inner\n")
    write(tmp_path / "sys/fs/cgroup/outer", memory__max=GB, memory__current=GB // 4)
    write(tmp_path / "sys/fs/cgroup/outer/inner", memory__max="max", memory__current=GB // 8)
    assert devices.free_memory("cpu", root=tmp_path).free == GB - GB // 4


def test_in_a_container_whose_path_is_the_hosts_the_mount_itself_is_read(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="0::/kubepods/pod12/abc\n")
    write(tmp_path / "sys/fs/cgroup", memory__max=GB, memory__current=0)
    assert devices.free_memory("cpu", root=tmp_path).total == GB


def test_a_cgroup_v1_limit_counts_and_its_number_for_no_limit_does_not(tmp_path: Path) -> None:
    machine(tmp_path, cgroup="7:cpu,cpuacct:/x\n4:memory:/job\n0::/\n")
    write(tmp_path / "sys/fs/cgroup/memory", memory__limit_in_bytes=9223372036854771712, memory__usage_in_bytes=7 * GB)
    assert devices.free_memory("cpu", root=tmp_path).limit_by == "this machine's memory"
    write(
        tmp_path / "sys/fs/cgroup/memory/job",
        memory__limit_in_bytes=3 * GB,
        memory__usage_in_bytes=2 * GB,
        memory__stat=f"inactive_file 7\ntotal_inactive_file {GB}",
    )
    assert devices.free_memory("cpu", root=tmp_path).free == 2 * GB


def test_a_cgroup_that_is_over_its_limit_has_nothing_free(tmp_path: Path) -> None:
    machine(tmp_path)
    write(tmp_path / "sys/fs/cgroup", memory__max=GB, memory__current=2 * GB)
    assert devices.free_memory("cpu", root=tmp_path).free == 0


@pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` is Linux's")
def test_an_address_space_limit_of_the_process_counts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "from mc_jupyter import devices; print(devices.free_memory('cpu'))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "ulimit -v" in said
    assert "of 1.1 GB" in said


def test_the_cpu_is_chosen_and_measured_without_importing_torch() -> None:
    code = (
        "import sys; from mc_jupyter import devices\n"
        "print(devices.choose('cpu').device, devices.free_memory('cpu').free > 0)\n"
        "print(devices.auto_dtype('cpu', 'bfloat16')[0], 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["cpu", "True", "float32", "False"]


def test_a_machine_with_a_gpu_shows_it_in_its_file_system(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere torch is asked")
    assert not devices._may_have_gpu.__wrapped__(tmp_path)
    write(tmp_path / "dev", nvidia0="")
    assert devices._may_have_gpu.__wrapped__(tmp_path)


def test_every_device_that_is_listed_can_be_chosen_by_its_name() -> None:
    here = devices.devices()
    assert here[-1].name == "cpu"
    assert [devices.choose(device.name).device for device in here] == [device.name for device in here]
    assert all(device.total > 0 and device.label for device in here)


def test_auto_is_the_first_device_and_says_why() -> None:
    choice = devices.choose("auto")
    assert choice.device == devices.devices()[0].name
    assert choice.why


@pytest.mark.parametrize("asked", ["cuda:64", "mps", "cuda"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(asked: str) -> None:
    if any(device.name == asked or device.kind == asked for device in devices.devices()):
        pytest.skip(f"{asked} is here")
    with pytest.raises(PlanError, match=re.escape(f"`device: {asked}` is not on this machine")) as raised:
        devices.choose(asked)
    assert "`device: cpu`" in str(raised.value)


def test_whether_a_type_is_supported_is_found_by_computing_in_it() -> None:
    assert devices.supports("cpu", "float32") == (True, "cpu computes in float32")
    able, why = devices.supports("cpu", "float4_e2m1fn_x2")
    assert not able
    assert why.startswith("cpu does not compute in float4_e2m1fn_x2: ")


def test_a_device_that_is_not_here_supports_nothing_and_says_so() -> None:
    able, why = devices.supports("cuda:64", "float16")
    assert not able
    assert why.startswith("cuda:64 does not compute in float16: ")


@pytest.mark.gpu
@pytest.mark.skipif(not devices._cuda_devices(), reason="needs a CUDA device")
def test_auto_precision_on_a_gpu_is_the_checkpoints_own_half_or_float16() -> None:
    assert devices.auto_dtype("cuda:0", "float16")[0] == "float16"
    assert devices.auto_dtype("cuda:0", "bfloat16")[0] == (
        "float16" if devices._emulates_bfloat16("cuda:0") else "bfloat16"
    )
    assert devices.auto_dtype("cuda:0", "float32")[0] == "float16"
    assert devices.auto_dtype("cuda:0", None)[0] == "float16"


@pytest.mark.gpu
@pytest.mark.skipif(not devices._cuda_devices(), reason="needs a CUDA device")
def test_memory_of_a_gpu_goes_down_by_what_is_put_there_and_comes_back() -> None:
    import torch

    held = torch.empty(1, device="cuda:0")  # starts CUDA, which takes memory of its own
    before = devices.free_memory("cuda:0")
    block = torch.empty(512 * 2**20, dtype=torch.uint8, device="cuda:0")
    during = devices.free_memory("cuda:0")
    del block
    after = devices.free_memory("cuda:0")  # torch keeps the block, and it is free to us
    assert held.device.type == "cuda"
    assert before.free - during.free == pytest.approx(512 * 2**20, rel=0.05)
    assert after.free == pytest.approx(before.free, rel=0.01)
    assert before.total > before.free


def test_the_memory_of_this_process_grows_with_what_it_holds() -> None:
    before = process.holds().resident
    # Pages of its own: what other tests have given back to Python's allocator would be used again, and nothing grow.
    with mmap.mmap(-1, 50_000_000) as held:
        for page in range(0, len(held), mmap.PAGESIZE):
            held[page] = 1
        assert process.holds().resident - before > len(held) // 2
